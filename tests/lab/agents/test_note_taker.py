"""The model that writes notes knows nothing but what each request tells it."""

import pytest

from agentstate_lab.agent import Finished
from agentstate_lab.lab.agents import NoteTaker, write_notes
from agentstate_lab.stores import open_store


def test_each_note_is_written_once_and_the_first_is_found_again():
    """
    What has fallen out of the requests is counted in the digest and can be recalled.
    """
    store, model = open_store("memory:"), NoteTaker(40, recalled=1)

    task = write_notes("n", model, store=store, context_bytes=4_000)

    assert Finished.of(task.agent_state).done["write_note"] == 40
    assert "note-1 lies on shelf 37" in task.result
    assert "note-1 lies" not in str(model.told[:-1])


def test_another_model_goes_on_where_the_first_was_stopped():
    """The second one was told nothing but the requests of its own run."""
    store = open_store("memory:")

    def stop(event):
        if event.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_notes("n", NoteTaker(9), store=store, on_event=stop)
    task = write_notes("n", NoteTaker(9), store=store)

    assert Finished.of(task.agent_state).steps == 9
    assert len(store.steps("n")) == 9
