"""The end of a conversation: bounded, whole turns, long texts by both their ends."""

import json

from hypothesis import given
from hypothesis import strategies as st

from agentstate_lab.context import MOST, Conversation, fitted, shortened
from agentstate_lab.context.parts import message_line


def asked(*ids, arguments="{}"):
    """A message of the model that calls for something."""
    called = {"name": "look", "arguments": arguments}
    calls = [{"id": one, "type": "function", "function": called} for one in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def told(call_id, text="ok"):
    """The result of a call."""
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def talk_of(room, turns):
    """A conversation of so many results of one call each."""
    talk = Conversation(room)
    for n, text in enumerate(turns):
        talk.add(asked(f"c{n}"))
        talk.add(told(f"c{n}", text))
    return talk


@given(st.integers(0, 3_000), st.lists(st.text(max_size=300), max_size=20))
def test_what_is_kept_is_the_end_and_fits_but_for_the_last_turn(room, texts):
    """Whole turns, nothing missing between them, and the count of all of them."""
    talk = talk_of(room, texts)

    kept = [message for turn in talk.turns for message in turn.messages]
    everything = talk_of(10**6, texts)
    whole = [message for turn in everything.turns for message in turn.messages]
    assert kept == whole[len(whole) - len(kept) :]
    assert talk.before == len(whole) - len(kept)
    assert sum(turn.size for turn in talk.turns) <= room or len(talk.turns) == 1
    assert bool(talk.turns) == bool(texts)


def test_the_last_turn_keeps_its_arguments_for_whoever_acts_on_them():
    """What the model sees of them may be cut, what is done may not."""
    long = json.dumps({"text": "x" * 10_000})
    talk = Conversation(1_000)

    talk.add(asked("a", arguments=long))

    (shown,) = talk.turns[-1].messages
    assert talk.last == [asked("a", arguments=long)]
    cut = shown["tool_calls"][0]["function"]["arguments"]
    assert len(cut) < MOST
    assert "not shown" in json.loads(cut)["cut"]


@given(
    st.text(min_size=1, max_size=60),
    st.integers(MOST + 1, MOST + 500),
    st.integers(40, MOST),
)
def test_a_long_text_is_shown_by_its_beginning_its_end_and_its_size(part, size, most):
    """So nobody takes it for a short one, or for none."""
    text = (part * size)[:size]

    seen = shortened(told("a", text), most, "message 9")["content"]

    assert seen.startswith(text[: most // 4])
    assert seen.endswith(text[-(most // 8) :])
    assert f"of {len(text)} characters are not shown; message 9" in seen


def test_a_turn_is_cut_until_it_fits():
    """A hundred long results in one turn: each is still there."""
    ids = [f"c{n}" for n in range(100)]
    talk = Conversation(0)
    for message in (asked(*ids), *(told(one, "ä" * 5_000) for one in ids)):
        talk.add(message)

    small = fitted(talk.turns[-1], 40_000)

    assert talk.turns[-1].size > 200_000 > 40_000 >= small.size
    assert [one["tool_call_id"] for one in small.messages[1:]] == ids
    assert small.lines == [message_line(one) for one in small.messages]
