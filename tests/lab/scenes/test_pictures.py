"""Every picture of the course says in words what it shows."""

import base64
from html import escape

import pytest

from agentstate_lab.lab.crash import Row, who_survives
from agentstate_lab.lab.crash.matrix import Matrix
from agentstate_lab.lab.scenes import (
    checkpoint,
    context,
    deadline,
    idempotency,
    json_store,
    mcp_state,
    retry,
    scale_out,
    sql_store,
    start_here,
    state,
)
from agentstate_lab.lab.scenes.checkpoint.lost_work import LostWork
from agentstate_lab.lab.scenes.idempotency.window import STEP, Window
from agentstate_lab.lab.scenes.mcp_state.tapped import Exchange
from agentstate_lab.lab.scenes.retry.storm import Storm
from agentstate_lab.lab.scenes.sql_store.lease_story import LeaseStory
from agentstate_lab.lab.scenes.state.night import WANTED, Night
from agentstate_lab.lab.show import Counted
from agentstate_lab.lab.world import scenario_named


def counted(**counts):
    """A count of the deployment."""
    return Counted("t", scenario_named("deploy"), counts)


def layers(*works):
    """A caller who waits 30 seconds for some layers."""
    made = deadline.Layers(patience=30)
    for who, seconds in works:
        made.work(who, seconds, 30)
    return made


def row(count, waits=False):
    """A death after whose second run *STEP* had happened so often."""
    return Row(
        "effect.after:1", STEP, {STEP: count}, "", count == 1 and not waits, waits
    )


NIGHT = Night("", {}, counted(**WANTED), "t")
OFF = Night("", {}, counted(**{**WANTED, "clean-logs": 1}), "t")
STORMS = [Storm(10, 55, 10, 66.0), Storm(80, 3_087, 63, 600.0)]
STORY = LeaseStory(60, (20, 40), 100, (50, 95), 100, refused=True, woke=True)
LOST = LostWork(
    {"seldom": 3, "never": 3},
    {
        "seldom": {"a": ("a",), "b": ("a", "b"), "c": ("a", "b", "c")},
        "never": dict.fromkeys("abc", ()),
    },
)
KILLED = {"done, reply\non its way": row(2), "reply\narrived": row(1, waits=True)}
MATRIX = Matrix("my", "deploy", "json", (row(1), row(2), row(1, waits=True)))


@pytest.mark.parametrize(
    ("draw", "data", "number"),
    [
        (
            start_here.timeline,
            (counted(announce=1), counted(announce=2)),
            "killed at minute 3, run again: 1 of 8 effects happened twice",
        ),
        (
            state.which_states_follow,
            ("pending", "running", "completed"),
            "3 arrows between 3 states; no arrow leaves completed",
        ),
        (
            state.which_effects_happened,
            ({"no plan": OFF, "complete note": NIGHT},),
            "effects that nobody wanted: no plan 1, complete note 0",
        ),
        (
            json_store.what_does_a_save_write,
            ({1: 828, 1_000: 688_140},),
            "with 1,000 tasks, saving one writes 688,140 bytes, 1,000 times what"
            " changed",
        ),
        (
            idempotency.what_happens_in_the_window,
            (Window({"mine": KILLED}),),
            "mine: 1 x twice, 1 x waits",
        ),
        (
            retry.what_does_a_storm_cost,
            ({"no jitter": STORMS},),
            "80 clients: no jitter 3,087 calls, not over after 600 s",
        ),
        (
            deadline.who_runs_out_first,
            ({"each": layers(("model", 20), ("look", 20)), "none": layers()},),
            "each: work goes on for 10 s after the caller has gone; none: work ends"
            " at 0 s, while the caller still waits",
        ),
        (
            sql_store.who_held_the_task,
            (STORY,),
            "lease of 60 s: nobody works for 55 s; from second 100 the task is worker"
            " b's; worker a works for 10 s in vain, and its save is refused",
        ),
        (
            checkpoint.what_does_a_death_cost,
            (LOST,),
            "seldom: 3 writes, 2.0 effects again, 3 at worst;"
            " never: 3 writes, 0.0 effects again, 0 at worst",
        ),
        (
            checkpoint.how_do_the_bytes_grow,
            ({10: (60_000, 12_000), 20: (210_000, 22_000)},),
            "after 20 steps with 20,000 new bytes: 210,000 on the disk, or 22,000;"
            " that is 10 times the new, or 1.1 times",
        ),
        (
            context.what_does_a_turn_send,
            ({1: (200, 200), 2: (40_000, 300)},),
            "turn 2 tells 40,000 bytes, or 300 with a budget; all turns together"
            " 40,200, or 500, a factor of 80.4",
        ),
        (
            mcp_state.who_said_what,
            ([Exchange("planner", "read", "version 1")],),
            "1 request: 0 writes done, 0 conflicts",
        ),
        (
            mcp_state.what_do_conflicts_cost,
            ({8: 72, 1: 2},),
            "8 agents at once: 72 requests instead of 16",
        ),
        (
            who_survives,
            ({"mine": MATRIX},),
            "survived, of 24 moments around effects: mine 1",
        ),
        (
            scale_out.what_a_step_costs,
            ({"SQLite": {"save": 0.14, "DBOS": 0.87}},),
            "SQLite: save 0.14 ms, DBOS 0.87 ms",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_picture_says_its_number_and_describes_itself(shown, draw, data, number):
    """
    The number stands under it, and whoever cannot see it reads what it shows.
    """
    draw(*data)

    [bundle] = shown
    words, said = bundle["text/plain"].split("\n")
    assert said == number
    assert f"<figcaption>{escape(number)}</figcaption>" in bundle["text/html"]
    assert len(words) > 60
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
