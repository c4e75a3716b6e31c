"""
What the core promises without the course, tried where nothing else is installed.

    python -I alone.py             looks, and runs an agent that is killed four times
    python -I alone.py run MOMENT  that agent; it stops at MOMENT and waits for its end

The agent asks a model that is made up here, keeps its task in SQLite, and deploys two
services. The receiver of the deployments is a file outside the agent: it honours keys,
and is the witness that counts.
"""

import importlib
import json
import pkgutil
import subprocess
import sys
import sysconfig
import threading
from collections import Counter
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import agentstate_lab
from agentstate_lab import lab, open_store, run_agent, tool
from agentstate_lab.agent import IdempotencyKey
from agentstate_lab.errors import ExtraMissing

NAME = "agentstate-lab"
# These come with openai and pydantic, too.
ALSO_IN_THE_CORE = {"anyio", "httpx2", "typing-extensions"}
ROOMS = {"mcp_state": "mcp", "scale_out": "scale-out", "lab.world": "lab"}

TASK, STORE = "friday", "sqlite:tasks.db"
SERVICES = ("api", "web")
MOMENTS = [f"{when} {what}" for what in SERVICES for when in ("before", "after")]
EFFECTS, ASKED = Path("effects.txt"), Path("asked.txt")
WITHIN = 60.0  # seconds for a process to get where it is to be killed


def main() -> None:
    """Look at what is installed, then kill an agent and let it go on."""
    nothing_else_is_installed()
    every_missing_extra_is_named()
    an_agent_survives_four_deaths()
    the_command_line_works()


def nothing_else_is_installed() -> None:
    """No package that only an extra asks for is here."""
    asked = [line for line in metadata.requires(NAME) or () if "extra ==" in line]
    names = {line.split(";")[0].split("[")[0].strip() for line in asked}
    names = {name.rstrip("0123456789.,<>=!~ ").lower() for name in names} - {NAME}
    here = {one.metadata["Name"].lower() for one in metadata.distributions()}
    found = names & here - ALSO_IN_THE_CORE
    check(len(names) > 20 and not found, f"installed, and only for extras: {found}")
    print(f"installed: {len(here)} packages, none of the {len(names)} of the extras")


def every_missing_extra_is_named() -> None:
    """A room opens, or says what to install; no other error comes out."""
    named = dict(told_at(f"agentstate_lab.{room}") for room in ROOMS)
    for room, extra in ROOMS.items():
        command = f'pip install "{NAME}[{extra}]"'
        check(command in named[f"agentstate_lab.{room}"], f"{room}: {named}")
    for room in pkgutil.iter_modules(lab.__path__, "agentstate_lab.lab."):
        told_at(room.name)
    try:
        open_store("postgresql://me:secret@127.0.0.1:1/x")
    except ExtraMissing as error:
        check(error.extra == "postgres" and "secret" not in str(error), str(error))
    else:
        check(False, "a store on PostgreSQL was opened without its driver")
    check(set(agentstate_lab.__all__) <= set(dir(agentstate_lab)), "names are missing")
    print("named: postgres, mcp, scale-out and lab, each with its command")


def told_at(room: str) -> tuple[str, str]:
    """What the door of *room* says about a missing extra, or nothing."""
    try:
        importlib.import_module(room)
    except ExtraMissing as error:
        return room, error.message
    return room, ""


def an_agent_survives_four_deaths() -> None:
    """Kill it before and after each effect; then let it end."""
    for moment in MOMENTS:
        process = started(moment)
        said = (process.stdout or sys.stdin).readline().strip()
        check(said == moment, f"it was to be killed {moment!r}, and said {said!r}")
        process.kill()
        check(process.wait(WITHIN) != 0, "it outlived its own death")
    check(started("").wait(WITHIN) == 0, "it did not get through")
    with_store = open_store(STORE)
    task = with_store.get(TASK)
    with_store.close()
    check(task.state == "completed", f"the task is {task.state}: {task.error}")
    happened = Counter(lines(EFFECTS))
    check(happened == dict.fromkeys(SERVICES, 1), f"it happened: {dict(happened)}")
    keys = lines(ASKED)
    check(len(set(keys)) == 2 < len(keys), f"the receiver was asked with {keys}")
    print(f"killed: {len(MOMENTS)} times; asked: {len(keys)} times; each effect: once")


def started(moment: str) -> subprocess.Popen[str]:
    """A new process of the agent."""
    command = [sys.executable, "-I", __file__, "run", moment]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def the_command_line_works() -> None:
    """What needs no course runs; what needs it says what to install."""
    program = Path(sysconfig.get_path("scripts")) / NAME

    def said(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    status, shown = said("task", TASK, "--store", STORE)
    check(status == 0 and "completed" in shown, shown)
    status, refused = said("status")
    check(status == 2 and f'"{NAME}[lab]"' in refused, refused)
    check("Traceback" not in refused, refused)
    print(f"command line: the task is shown; without the course, {refused.strip()}")


def run(moment: str) -> None:
    """Run the agent, or go on with it; at *moment*, wait to be killed."""

    def reached(here: str) -> None:
        if here == moment:
            print(here, flush=True)
            threading.Event().wait()

    @tool(if_unknown="resend")
    def deploy(service: str, *, key: IdempotencyKey) -> str:
        """Deploy a service."""
        reached(f"before {service}")
        happened = receive(service, key)
        reached(f"after {service}")
        return happened

    store = open_store(STORE)
    try:
        task = run_agent(
            TASK,
            "Deploy the shop.",
            store=store,
            tools=[deploy],
            client=SimpleNamespace(chat=SimpleNamespace(completions=Model())),
            model="made-up",
        )
    finally:
        store.close()
    check(task.state == "completed", f"{task.state}: {task.error}")


def receive(service: str, key: str) -> str:
    """The receiver: what was asked for under a known key is not done again."""
    known = key in lines(ASKED)
    with ASKED.open("a") as asked, EFFECTS.open("a") as effects:
        print(key, file=asked)
        if not known:
            print(service, file=effects)
    return f"{service} is deployed"


class Model:
    """A model that deploys one service after the other, whatever it was told before."""

    def create(self, *, messages: list[Any], **request: Any) -> Any:
        """Its next message, by what has been answered."""
        done = sum(message["role"] == "tool" for message in messages)
        message: dict[str, Any] = {"role": "assistant", "content": None}
        if done == len(SERVICES):
            message["content"] = "All is deployed."
        else:
            arguments = json.dumps({"service": SERVICES[done]})
            function = {"name": "deploy", "arguments": arguments}
            call = {"id": f"call-{done}", "type": "function", "function": function}
            message["tool_calls"] = [call]
        return SimpleNamespace(choices=[SimpleNamespace(message=message)], usage=None)


def lines(path: Path) -> list[str]:
    """The lines of a file, which may not be there yet."""
    return path.read_text().splitlines() if path.exists() else []


def check(kept: bool, words: str) -> None:
    """End with these words, unless a promise was kept."""
    if not kept:
        sys.exit(f"the core alone FAILED: {words}")


if __name__ == "__main__":
    run(sys.argv[2]) if sys.argv[1:2] == ["run"] else main()
