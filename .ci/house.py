"""
Draw the house: floors into CONTRIBUTING.md, from the real imports, and what each room
is for into book/house.md, from the doors.

    python .ci/house.py [--check]

A room stands on the floor above the highest room that it imports, so the picture shows
which way imports run. What a room is for is the first paragraph of its docstring. With
`--check` nothing is written; the exit status says whether a page is stale.
"""

import ast
import functools
import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "agentstate_lab"
BEGIN = "<!-- drawn by `make house`: do not edit -->\n"
END = "<!-- end of the drawing -->\n"


class House:
    """
    The rooms, and what each of them imports.

    Args:
        graph: The imports between modules, as grimp reads them.
    """

    def __init__(self, graph: grimp.ImportGraph) -> None:
        self.needs: dict[str, set[str]] = {}
        for module in graph.modules:
            if room := room_of(module):
                imported = graph.find_modules_directly_imported_by(module)
                others = {other for one in imported if (other := room_of(one))}
                self.needs.setdefault(room, set()).update(others - {room})

    @functools.cache  # noqa: B019 - there is one house
    def floor(self, room: str) -> int:
        """How many rooms stand below, one on the other."""
        return max((self.floor(one) + 1 for one in self.needs[room]), default=0)

    @functools.cache  # noqa: B019
    def below(self, room: str) -> frozenset[str]:
        """Every room that this one cannot do without."""
        needs = self.needs[room]
        return frozenset(needs).union(*(self.below(one) for one in needs))

    def stands_on(self, room: str) -> list[str]:
        """What it imports, without what comes along with that anyway."""
        needs = self.needs[room]
        along = set[str]().union(*(self.below(one) for one in needs))
        return sorted(needs - along)

    def from_the_top(self) -> list[str]:
        """The rooms, the highest floor first."""
        return sorted(self.needs, key=lambda room: (-self.floor(room), room))


def room_of(module: str) -> str | None:
    """The room that *module* is in, as a path; None for the package and the lab."""
    names = module.split(".")[1:]
    depth = 2 if names[:1] == ["lab"] else 1
    return "/".join(names[:depth]) if len(names) >= depth else None


def purpose(path: Path) -> str:
    """What a module or a room says it is for: the first paragraph, as one line."""
    door = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    said = ast.get_docstring(ast.parse(door.read_text("utf-8"))) or ""
    return " ".join(said.partition("\n\n")[0].split())


def inner(room: str) -> list[str]:
    """The rooms inside a room, without those that are there for one lesson each."""
    doors = sorted((PACKAGE / room).glob("*/__init__.py"))
    lessons = {path.stem[3:] for path in (ROOT / "notebooks").glob("*.ipynb")}
    lessons |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    return [
        f"{room}/{one.parent.name}" for one in doors if one.parent.name not in lessons
    ]


def picture(house: House) -> str:
    """The floors, from the top: the lab on the left, the core on the right."""
    lines = ["```text", f"floor  {'the lab':30}the core"]
    for floor in range(max(map(house.floor, house.needs)), -1, -1):
        here = [room for room in house.from_the_top() if house.floor(room) == floor]
        lab = "  ".join(one.removeprefix("lab/") for one in here if "/" in one)
        core = "  ".join(one for one in here if "/" not in one)
        lines.append(f"{floor:5}  {lab:30}{core}".rstrip())
    return "\n".join([*lines, "```"])


def table(house: House) -> str:
    """One line for each room: its name, what it is for, what it stands on."""
    lines = ["| Room | What it is for | Stands on |", "|---|---|---|"]
    for room in house.from_the_top():
        on = ", ".join(f"`{one}`" for one in house.stands_on(room))
        lines.append(f"| `{room}` | {purpose(PACKAGE / room)} | {on} |")
        lines += [f"| `{one}` | {purpose(PACKAGE / one)} | |" for one in inner(room)]
    return "\n".join(lines)


PARTS = {ROOT / "CONTRIBUTING.md": picture, ROOT / "book" / "house.md": table}


def drawn(path: Path) -> str:
    """The page at *path* with its part of the house as it is now."""
    house = House(grimp.build_graph("agentstate_lab", cache_dir=None))
    before, _, rest = path.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{PARTS[path](house)}\n\n{END}{after}"


def main() -> int:
    """Draw, or say whether a drawing is stale."""
    stale = 0
    for path in PARTS:
        if (new := drawn(path)) == path.read_text("utf-8"):
            print(f"{path.name}: as the house is")
        elif "--check" in sys.argv[1:]:
            print(f"{path.name}: stale; `make house` draws it anew")
            stale = 1
        else:
            path.write_text(new, "utf-8", newline="\n")
            print(f"{path.name}: drawn")
    return stale


if __name__ == "__main__":
    sys.exit(main())
