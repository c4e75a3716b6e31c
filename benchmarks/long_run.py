"""
A run of ten thousand steps: what the last step costs, beside the first.

    python benchmarks/long_run.py [--steps 100 1000 10000] [--beside 1000]

The whole agent (`run_agent`, every default but the budget), a model that answers at
once, and one tool that writes a note of 200 bytes: an intent, an effect, a result, two
messages and two snapshots a step. The process is killed before its last step, and
another one finishes: so each line has the seconds of a resume, too.

Beside it, in the same run, the loops that others ship for this: LangChain's
`create_agent` on LangGraph's SQLite saver (`durability="sync"`), and the OpenAI Agents
SDK with its SQLite session. They record no intent, and send the whole conversation
with each request; that is what their defaults do. Processor time is measured in turns,
a few hundred steps each, because a busy machine slows whoever is at work.

Each run has a process of its own, so memory is its own. The JSON file is exempt: it
writes all it has with every save, and says so (`json_store.py`).

Figures to reach: a step of the last tenth at most 1.5 times one of the first (median);
at most 3 bytes added on the disk for each new one; a resume under 1 s; every request
within `context_bytes`; less processor time a step than LangGraph's loop. What a store
has on the disk before the first step, its empty tables and indexes, is shown beside
it: it is the same for one step and for a million.
"""

import argparse
import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

NOTE = 200  # bytes
CONTEXT_BYTES = 64_000
HERE = Path(__file__).parent
UNLIMITED = {"max_steps": 10**6, "max_wall_time_ms": 10**9, "max_llm_tokens": 10**9}


class Watch:
    """Notes each request: when it came, what had been used, how large it was."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.at: list[float] = []
        self.used: list[float] = []
        self.largest = 0

    def request(self, messages: Any) -> int:
        """A request has come; returns its number, from 1."""
        self.at.append(time.perf_counter())
        self.used.append(time.process_time())
        sizes = (len(told(one).encode()) + 1 for one in messages)
        self.largest = max(self.largest, sum(sizes) - 1)  # lines, as `render()` counts
        return len(self.at)

    def figures(self) -> dict[str, Any]:
        """What came of it."""
        took = [after - before for before, after in itertools.pairwise(self.at)]
        tenth = max(1, len(took) // 10)
        used = (self.used[-1] - self.used[0]) / max(1, len(took))
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {
            "first_ms": round(statistics.median(took[:tenth]) * 1e3, 3),
            "last_ms": round(statistics.median(took[-tenth:]) * 1e3, 3),
            "processor_ms": round(used * 1e3, 3),
            "largest_request": self.largest,
            "memory_mb": round(most / (2**20 if sys.platform == "darwin" else 1024), 1),
        }


def told(message: Any) -> str:
    """A message as a line: a person's words as they are, all else as JSON."""
    if isinstance(message, dict) and message.get("role") == "user":
        return str(message["content"])
    return json.dumps(message, ensure_ascii=False, default=str)


def note_for(number: int) -> dict[str, str]:
    """What the model calls for in its answer of this number."""
    return {"name": f"note-{number}"}


def written(name: str) -> str:
    """What the tool returns."""
    return (name + " ") * (NOTE // (len(name) + 1))


def ours(url: str, steps: int, *, dies: bool) -> dict[str, Any]:
    """Run our agent, or go on with it; it *dies* before its last step."""
    from agentstate_lab.agent import run_agent, tool
    from agentstate_lab.state import AgentState, Budget
    from agentstate_lab.stores import open_store

    @tool(
        risk_level="write_local",
        if_unknown="resend",
        step_name=lambda called, arguments: arguments["name"],
    )
    def write_note(name: str) -> str:
        """Write a note."""
        return written(name)

    watch = Watch()
    store = open_store(url)

    def create(*, messages: Any, **more: Any) -> Any:
        watch.request(messages[1:])  # the system prompt comes on top
        done = store.get("long").agent_state.budget.used.steps
        if dies and done == steps - 1:
            print(json.dumps(watch.figures()), flush=True)
            os._exit(0)  # as if killed: nothing is released, nothing is closed
        if done == steps:
            return answer("Done.", None)
        call = {"name": "write_note", "arguments": json.dumps(note_for(done + 1))}
        made = {"id": f"c{done + 1}", "type": "function", "function": call}
        return answer(None, [made])

    client = SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace()))
    client.chat.completions.create = create
    state = AgentState(goal="Write notes.", budget=Budget(**UNLIMITED))
    task = run_agent(
        *("long", "Write notes."),
        store=store,
        client=client,
        model="none",
        tools=[write_note],
        agent_state=state,
        context_bytes=CONTEXT_BYTES,
    )
    assert task.state == "completed", task.error
    found = {"resume_s": round(watch.at[0] - watch.begun, 4), **_new_bytes(store)}
    store.close()
    return {**found, "largest_request": watch.largest, "stored": stored(url)}


def answer(text: str | None, calls: Any) -> Any:
    """A reply of the chat API."""
    said = SimpleNamespace(role="assistant", content=text, tool_calls=calls)
    usage = SimpleNamespace(total_tokens=1)
    return SimpleNamespace(choices=[SimpleNamespace(message=said)], usage=usage)


def _new_bytes(store: Any) -> dict[str, int]:
    """The news: what was said, and the records of the steps, as JSON, in pages."""
    from agentstate_lab.stores import Page

    sizes = {"said": 0, "records": 0}
    for name, read in (("said", store.messages), ("records", store.steps)):
        after, part = 0, [None]
        while part:
            part = read("long", Page(after, 500))
            after += len(part)
            dumped = (getattr(one, "model_dump", lambda one=one: one)() for one in part)
            sizes[name] += sum(len(json.dumps(one, default=str)) for one in dumped)
    return sizes


def stored(url: str) -> int:
    """The bytes that a store has on the disk."""
    kind, _, place = url.partition(":")
    if kind == "sqlite":
        parts = (Path(f"{place}{end}") for end in ("", "-wal", "-shm"))
        return sum(one.stat().st_size for one in parts if one.exists())
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum full")  # old versions of a row are no history
        found = connection.execute(
            "select sum(pg_total_relation_size(oid)) from pg_class where relkind = 'r'"
            " and relnamespace = to_regnamespace('agentstate')"
        ).fetchone()
        return int(found[0]) if found else 0


def langgraph(place: str, steps: int) -> dict[str, Any]:
    """LangChain's agent on LangGraph's SQLite saver, every step forced to the disk."""
    import sqlite3

    from langchain.agents import create_agent
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langgraph.checkpoint.sqlite import SqliteSaver

    watch = Watch()

    class Scripted(BaseChatModel):
        def bind_tools(self, tools: Any, **more: Any) -> Any:
            return self

        def _generate(self, messages: Any, *rest: Any, **more: Any) -> ChatResult:
            done = watch.request([one.content for one in messages]) - 1
            if done == steps:
                said = AIMessage(content="Done.")
            else:
                call = {"name": "write_note", "args": note_for(done + 1)}
                said = AIMessage("", tool_calls=[{**call, "id": f"c{done + 1}"}])
            return ChatResult(generations=[ChatGeneration(message=said)])

        @property
        def _llm_type(self) -> str:
            return "scripted"

    def write_note(name: str) -> str:
        """Write a note."""
        return written(name)

    connection = sqlite3.connect(place, check_same_thread=False)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    saver = SqliteSaver(connection)
    agent: Any = create_agent(Scripted(), [write_note], checkpointer=saver)
    config = {"configurable": {"thread_id": "long"}, "recursion_limit": 10**7}
    asked = {"messages": [{"role": "user", "content": "Write notes."}]}
    agent.invoke(asked, config, durability="sync")
    connection.close()
    return {**watch.figures(), "stored": stored(f"sqlite:{place}")}


def agents_sdk(place: str, steps: int) -> dict[str, Any]:
    """The OpenAI Agents SDK, with a SQLite session."""
    import asyncio

    from agents import (
        Agent,
        Model,
        ModelResponse,
        Runner,
        SQLiteSession,
        Usage,
        function_tool,
        set_tracing_disabled,
    )
    from openai.types.responses import (
        ResponseFunctionToolCall,
        ResponseOutputMessage,
        ResponseOutputText,
    )

    watch = Watch()

    class Scripted(Model):
        async def get_response(self, *a: Any, **asked: Any) -> Any:
            done = watch.request(asked["input"]) - 1
            if done == steps:
                text = ResponseOutputText(
                    text="Done.", type="output_text", annotations=[]
                )
                said: Any = ResponseOutputMessage(
                    id="m", role="assistant", type="message", status="completed",
                    content=[text],
                )  # fmt: skip
            else:
                arguments = json.dumps(note_for(done + 1))
                said = ResponseFunctionToolCall(
                    call_id=f"c{done + 1}", name="write_note", arguments=arguments,
                    type="function_call",
                )  # fmt: skip
            return ModelResponse(output=[said], usage=Usage(), response_id=None)

        def stream_response(self, *a: Any, **k: Any) -> Any:
            raise NotImplementedError

    @function_tool
    def write_note(name: str) -> str:
        """Write a note."""
        return written(name)

    set_tracing_disabled(True)
    agent = Agent(name="notes", model=Scripted(), tools=[write_note])
    session = SQLiteSession("long", place)
    run = Runner.run(agent, "Write notes.", session=session, max_turns=10**7)
    asyncio.run(run)
    session.close()
    return {**watch.figures(), "stored": stored(f"sqlite:{place}")}


OTHERS: dict[str, Callable[[str, int], dict[str, Any]]] = {
    "LangGraph": langgraph,
    "OpenAI Agents SDK": agents_sdk,
}


def apart(*arguments: object) -> dict[str, Any]:
    """What this file prints, run in a process of its own."""
    command = [sys.executable, __file__, "--one", *map(str, arguments)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        return {"error": (said.stderr.strip().splitlines() or ["no reason"])[-1][:300]}
    return dict(json.loads(said.stdout.splitlines()[-1]))


def long_run(kind: str, steps: int, folder: Path) -> dict[str, Any]:
    """One run of ours: until it is killed, and to its end."""
    from agentstate_lab.stores import open_store

    url = f"sqlite:{folder / f'{steps}.db'}"
    if kind == "postgresql":
        from agentstate_lab.lab.databases import start_postgres

        url = str(start_postgres().database(f"long_run_{steps}", fresh=True))
    open_store(url).close()
    empty = stored(url)
    killed, ended = apart("dies", url, steps), apart("ends", url, steps)
    if "error" in killed or "error" in ended:
        return {"error": killed.get("error") or ended.get("error")}
    largest = max(killed["largest_request"], ended["largest_request"])
    news = ended["said"] + ended["records"]
    return {
        "store": kind,
        "steps": steps,
        **killed,
        **ended,
        "largest_request": largest,
        "empty": empty,
        "bytes_per_new_byte": round((ended["stored"] - empty) / news, 2),
    }


def in_turns(steps: int, folder: Path, rounds: int) -> dict[str, float]:
    """Processor time of a step, in milliseconds: ours and LangGraph's, in turns."""
    used: dict[str, list[float]] = {"ours": [], "LangGraph": []}
    for number in range(rounds):
        mine = apart("dies", f"sqlite:{folder / f'turn{number}.db'}", steps)
        theirs = apart("LangGraph", folder / f"graph{number}.db", steps)
        for name, found in (("ours", mine), ("LangGraph", theirs)):
            if "processor_ms" in found:
                used[name].append(found["processor_ms"])
    return {name: statistics.median(some) for name, some in used.items() if some}


def table(results: dict[str, Any]) -> str:
    """The results as a section of RESULTS.md."""
    lines = [
        "| who | store | steps | ms a step, first tenth | last tenth | MB on disk |"
        " of them before the first step | bytes added for each new one | memory, MB |"
        " resume, s | largest request | figures |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in (*results["ours"], *results["others"]):
        if "error" in one:
            lines.append(f"| {one.get('who', 'ours')} | failed: {one['error']} |")
            continue
        lines.append(
            f"| {one.get('who', 'ours')} | {one.get('store', 'sqlite')} |"
            f" {one['steps']:,} | {one['first_ms']:.1f} | {one['last_ms']:.1f} |"
            f" {one['stored'] / 1e6:.2f} | {one.get('empty', 0) / 1e6:.2f} |"
            f" {one.get('bytes_per_new_byte', '')} |"
            f" {one['memory_mb']} | {one.get('resume_s', '')} |"
            f" {one['largest_request']:,} | {'-' if 'who' in one else judged(one)} |"
        )
    turns = ", ".join(f"{who} {ms:.1f}" for who, ms in results["processor_ms"].items())
    used = results["processor_ms"]
    short = used.get("ours", 0) >= used.get("LangGraph", float("inf"))
    said = f"Processor time of a step, measured in turns, in ms: {turns}."
    lines += ["", f"{said}{' Ours falls short.' if short else ''}"]
    return "\n".join(lines)


def judged(one: dict[str, Any]) -> str:
    """Whether a run of ours reaches its figures, or which of them it does not."""
    reached = {
        "time": one["last_ms"] <= 1.5 * one["first_ms"],
        "bytes": one["bytes_per_new_byte"] <= 3,
        "resume": one["resume_s"] < 1,
        "request": one["largest_request"] <= CONTEXT_BYTES,
    }
    short = ", ".join(figure for figure, met in reached.items() if not met)
    return f"falls short: {short}" if short else "reached"


def main() -> None:
    """Measure, print the table, and keep the figures beside this file."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    wanted.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    wanted.add_argument("--steps", nargs="+", type=int, default=[100, 1_000, 10_000])
    wanted.add_argument("--stores", nargs="+", default=["sqlite", "postgresql"])
    wanted.add_argument("--beside", type=int, default=1_000, help="steps of the others")
    wanted.add_argument("--rounds", type=int, default=3)
    wanted.add_argument("--into", type=Path, default=HERE / "long_run.json")
    given = wanted.parse_args()
    if given.one:
        what, place, steps = given.one[0], given.one[1], int(given.one[2])
        if what in OTHERS:
            print(json.dumps(OTHERS[what](place, steps)))
        else:
            print(json.dumps(ours(place, steps, dies=what == "dies")))
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        results: dict[str, Any] = {
            "python": platform.python_version(),
            "ours": [
                long_run(kind, steps, folder)
                for kind in given.stores
                for steps in given.steps
            ],
            "others": [
                {"who": who, "steps": given.beside}
                | apart(who, folder / f"{who}.db", given.beside)
                for who in OTHERS
            ],
            "processor_ms": in_turns(min(300, given.beside), folder, given.rounds),
        }
    given.into.write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
