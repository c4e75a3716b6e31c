"""
Keep notebooks true: derive the exercises' stubs, and store outputs that repeat.

    python -m agentstate_lab.lab.notebooks stubs [--check]
    python -m agentstate_lab.lab.notebooks freeze [--check] FILE ...

A solution is the source of its exercise. Between the lines `# solution begin: what
to write` and `# solution end` stands what the learner will write; in the stub, a
TODO and an error that names the exercise stand there instead. Cells tagged
`solution-only` are left out. So the two cannot drift apart.

A notebook is stored with its outputs, and running it again changes no byte. To see
to that, `freeze` runs it in an empty home with this very Python, takes out what
differs from run to run, and refuses what it cannot take out: a path, an address, a
port. Cells tagged `crash` kill their kernel, so they are not run here; a harness of
its own does that.
"""

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import AgentStateError, InvalidValue
from .checks.exercises import EXERCISES, Exercise
from .home import repository_root

CRASH = "crash"
SOLUTION_ONLY = "solution-only"
CELL_SECONDS = 120
COLUMNS = 76

_BEGIN = re.compile(r"^(?P<indent>\s*)# solution begin: (?P<todo>\S.*)$")
_END = re.compile(r"^\s*# solution end$")
_MARK = re.compile(r"#\s*solution\s+(begin|end)")
_WIDGET = "application/vnd.jupyter.widget-view+json"
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

# What must not be stored: it differs from run to run or from machine to machine.
UNSTEADY = {
    "a path": re.compile(
        r"(?<![\w.])/(?:tmp|home|root|Users|var|private|work|mnt|opt|usr)/[\w.-]+"
        r"|\b[A-Z]:\\[\w.-]+"
    ),
    "an address with a port": re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\]):\d+"),
    "the address of an object": re.compile(r"\b0x[0-9a-f]{6,}\b"),
    "a random id": re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
    "a date and time": re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d"),
    "a process id": re.compile(r"\bpid[ =:]+\d+", re.I),
}


def stub_of(solution: Path) -> str:
    """
    The text of the exercise notebook that *solution* is the source of.

    Raises:
        InvalidValue: The file is no notebook, or its marks are not in order.
    """
    exercise = _exercise(solution)
    notebook = _read(solution)
    notebook.cells = [
        cell for cell in notebook.cells if SOLUTION_ONLY not in tags(cell)
    ]
    regions = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source, found = _without_solution(cell.source, exercise)
            cell.outputs, cell.execution_count = [], None
            regions += found
    if not regions:
        raise InvalidValue(
            solution.name, "has no region from '# solution begin: ...' to its end"
        )
    return _written(notebook)


def frozen(path: Path) -> str:
    """
    The text of the notebook at *path* with the outputs of a run in an empty home.

    Raises:
        InvalidValue: It is no notebook, a cell failed, or an output would differ
            from run to run.
    """
    notebook = _read(path)
    with _empty_home():
        _execute(notebook, path)
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code":
            _tidy(cell)
            if said := unsteady(cell):
                raise InvalidValue(f"{path.name}, cell {number}", said)
    return _written(notebook)


def unsteady(cell: Any) -> str:
    """What in a cell's outputs would differ from run to run, or an empty text."""
    for output in cell.get("outputs", []):
        for text in _texts(output):
            for what, pattern in UNSTEADY.items():
                if found := pattern.search(text):
                    return f"its output holds {what} ({found[0]}); print it otherwise"
    return ""


def tags(cell: Any) -> list[str]:
    """The tags of a cell."""
    return list(cell.get("metadata", {}).get("tags", []))


def _exercise(path: Path) -> Exercise:
    for exercise in EXERCISES.values():
        if path.stem == exercise.stem:
            return exercise
    known = ", ".join(exercise.stem for exercise in EXERCISES.values())
    raise InvalidValue(path.name, f"is the notebook of no exercise; there are {known}")


def _read(path: Path) -> Any:
    """The notebook as nbformat gives it."""
    import nbformat

    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except FileNotFoundError:
        raise InvalidValue(str(path), "there is no such notebook") from None
    except Exception as error:
        raise InvalidValue(
            path.name, f"cannot be read as a notebook ({type(error).__name__})"
        ) from error


def _written(notebook: Any) -> str:
    """The notebook as text: steady ids, and no metadata of one machine."""
    import nbformat

    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(_METADATA)  # type: ignore[no-untyped-call]
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.get("id") in {None, "", *seen}:
            cell["id"] = f"cell-{number:02}"
        seen.add(cell["id"])
        kept = {k: v for k, v in cell.metadata.items() if k in {"tags", "listing"}}
        cell.metadata = nbformat.from_dict(kept)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    return text.rstrip("\n") + "\n"


def _without_solution(source: str, exercise: Exercise) -> tuple[str, int]:
    """The cell with each region replaced, and how many regions it had."""
    lines: list[str] = []
    regions = 0
    inside = False
    for line in source.splitlines():
        if begin := _BEGIN.match(line):
            if inside:
                raise InvalidValue(exercise.stem, "a region begins inside another one")
            inside, regions = True, regions + 1
            lines += _todo(begin["indent"], begin["todo"], exercise)
        elif _END.match(line):
            if not inside:
                raise InvalidValue(exercise.stem, "a region ends that never began")
            inside = False
        elif _MARK.search(line):
            raise InvalidValue(exercise.stem, f"a mark is not in its form: {line!r}")
        elif not inside:
            lines.append(line)
    if inside:
        raise InvalidValue(exercise.stem, "a region has no '# solution end'")
    return "\n".join(lines), regions


def _todo(indent: str, text: str, exercise: Exercise) -> list[str]:
    """What stands in the stub where the solution was."""
    comment = textwrap.wrap(
        f"TODO: {text}",
        COLUMNS,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
    )
    said = f"{exercise.title} is not written yet."
    line = f'{indent}raise NotImplementedError("{said}")'
    if len(line) <= COLUMNS:
        return [*comment, line]
    return [
        *comment,
        f"{indent}raise NotImplementedError(",
        f'{indent}    "{said}"',
        f"{indent})",
    ]


@contextlib.contextmanager
def _empty_home() -> Iterator[None]:
    """A home of its own for one run; its world is stopped afterwards."""
    from .world import stop_world

    folder = tempfile.mkdtemp(prefix="agentstate-freeze-")
    changed = {
        "AGENTSTATE_HOME": os.path.join(folder, "home"),  # noqa: PTH118
        "AGENTSTATE_PACE": "0",
        "IPYTHONDIR": os.path.join(folder, "ipython"),  # noqa: PTH118
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
    }
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        stop_world()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        shutil.rmtree(folder, ignore_errors=True)


def _execute(notebook: Any, path: Path) -> None:
    """Run every cell but those that kill the kernel."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    client = NotebookClient(
        notebook,
        kernel_manager_class=_manager_class(),
        timeout=CELL_SECONDS,
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
        skip_cells_with_tag=CRASH,
        resources={"metadata": {"path": str(path.resolve().parent)}},
    )
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    try:
        client.execute(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        said = re.sub("\x1b\\[[0-9;]*m", "", str(error))
        raise InvalidValue(path.name, f"a cell failed: {said}") from error
    except DeadKernelError as error:
        raise InvalidValue(
            path.name, f"a cell killed its kernel; tag it {CRASH!r}"
        ) from error


def _manager_class() -> Any:
    """A manager for kernels of this Python, whatever this machine calls python3."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    launch = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]

    class ThisPython(AsyncKernelManager):
        kernel_spec = KernelSpec(
            argv=[sys.executable, *launch], display_name="Python 3", language="python"
        )

    return ThisPython


def _tidy(cell: Any) -> None:
    """Take out what differs from run to run and says nothing."""
    kept = []
    for output in cell.outputs:
        if output.output_type == "stream":
            if output.name == "stderr" and "%|" in output.text:
                continue  # a progress bar with its timings
            output.text = _last_frames(output.text)
        elif output.output_type == "error":
            output.traceback = [f"{output.ename}: {output.evalue}"]
        elif output.data.pop(_WIDGET, None) and set(output.data) <= {"text/plain"}:
            output.data["text/plain"] = "(widget: run the cell to use it)"
        if "metadata" in output:
            output.metadata = type(cell)()
        kept.append(output)
    cell.outputs = kept


def _last_frames(text: str) -> str:
    """The text as it stands at the end, when lines were written over."""
    return "\n".join(line.rsplit("\r", 1)[-1] for line in text.split("\n"))


def _texts(output: Any) -> Iterator[str]:
    """Every text in an output; pictures are no text."""
    if output.get("output_type") == "stream":
        yield output["text"]
    elif output.get("output_type") == "error":
        yield "\n".join(output["traceback"])
    for kind, data in output.get("data", {}).items():
        if kind.startswith("text/") and isinstance(data, str):
            yield re.sub(r"data:image/\w+;base64,[\w+/=]*", "", data)


def _settle(texts: dict[Path, str], check: bool) -> int:
    """Write what has changed, or with *check* only say so; the exit status."""
    stale = [
        path
        for path, text in texts.items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]
    for path in stale:
        print(f"{'stale' if check else 'written'}: {path.parent.name}/{path.name}")
        if not check:
            path.write_text(texts[path], "utf-8", newline="\n")
    print(f"{len(texts)} notebooks, {len(stale)} {'stale' if check else 'written'}")
    return int(check and bool(stale))


def _stubs(check: bool) -> int:
    root = repository_root()
    if root is None:
        raise InvalidValue("stubs", "are derived in the course's repository only")
    folder = root / "exercises"
    solutions = sorted((folder / "solutions").glob("*.ipynb"))
    return _settle({folder / path.name: stub_of(path) for path in solutions}, check)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m agentstate_lab.lab.notebooks")
    commands = parser.add_subparsers(dest="command", required=True)
    stubs = commands.add_parser("stubs", help="derive the exercises' stubs")
    freeze = commands.add_parser("freeze", help="run notebooks and store the outputs")
    freeze.add_argument("files", nargs="+", type=Path, metavar="FILE")
    for command in (stubs, freeze):
        command.add_argument(
            "--check", action="store_true", help="only say what is stale"
        )
    args = parser.parse_args(argv)
    try:
        if args.command == "stubs":
            return _stubs(args.check)
        return _settle({path: frozen(path) for path in args.files}, args.check)
    except AgentStateError as error:
        print(f"{args.command}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
