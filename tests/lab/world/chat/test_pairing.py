"""A conversation: every tool call is answered once, before anything else is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentstate_lab.lab.world import Refusal
from agentstate_lab.lab.world.chat.pairing import check_conversation

USER = {"role": "user", "content": "Deploy it."}


def calls(*names: str):
    """An assistant message that calls tools."""
    tool_calls = [{"id": name} for name in names]
    return {"role": "assistant", "content": None, "tool_calls": tool_calls}


def answer(name: str):
    """The tool message that answers a call."""
    return {"role": "tool", "tool_call_id": name, "content": "done"}


@st.composite
def turns(draw):
    """A turn: calls with an id each, and their tool messages in any order."""
    names = draw(st.lists(st.sampled_from("abc"), min_size=1, unique=True))
    return [calls(*names), *map(answer, draw(st.permutations(names)))]


conversations = st.lists(turns(), min_size=1, max_size=4).map(
    lambda several: [USER, *(one for turn in several for one in turn)]
)
BREAKS = {
    "left out": lambda before, one, after: [*before, *after],
    "said twice": lambda before, one, after: [*before, one, one, *after],
    "answered late": lambda before, one, after: [*before, USER, one, *after],
    "of another call": lambda before, one, after: [*before, answer("x"), *after],
}


@given(conversation=conversations)
def test_a_conversation_whose_calls_are_answered_is_taken(conversation):
    """In whatever order, and with an id that comes again later."""
    check_conversation(conversation)


@given(conversation=conversations, how=st.sampled_from([*BREAKS]), data=st.data())
def test_one_tool_message_that_is_not_where_it_must_be_spoils_it(
    conversation, how, data
):
    """The first thing that breaks when an agent resumes from half a conversation."""
    answers = [i for i, one in enumerate(conversation) if one["role"] == "tool"]
    i = data.draw(st.sampled_from(answers))
    broken = BREAKS[how](conversation[:i], conversation[i], conversation[i + 1 :])

    with pytest.raises(Refusal) as caught:
        check_conversation(broken)

    assert caught.value.status == 400
    assert caught.value.body["error"]["param"].startswith("messages.[")


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        pytest.param([USER, calls("a"), USER], "response messages: a", id="late"),
        pytest.param([USER, answer("a")], "must be a response to", id="orphan"),
        pytest.param(
            [USER, calls("a"), answer("a"), answer("a")],
            "'a' already has its response",
            id="twice",
        ),
        pytest.param(
            [USER, calls("a", "a"), answer("a"), answer("a")],
            "Duplicate 'id'",
            id="two-calls-with-one-id",
        ),
    ],
)
def test_the_refusal_names_the_call(messages, says):
    """In the words of the real API."""
    with pytest.raises(Refusal, match=says):
        check_conversation(messages)
