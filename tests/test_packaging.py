"""Ranges, pins, conda's file and the book's table say the same."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import grimp
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from agentstate_lab.lab.doctor import doctor
from agentstate_lab.lab.frameworks import CONTENDERS

EXTRAS = ("postgres", "mcp", "scale-out", "lab")
ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PINS = (ROOT / "requirements.txt").read_text("utf-8")
CONDA = (ROOT / "environment.yml").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
INSTALL = (ROOT / "book" / "use" / "install.md").read_text("utf-8")

SKIPPED = {".git", ".venv", ".lab", "__pycache__", ".ipynb_checkpoints"}
BINARY = {".png", ".pyc"}
ADDRESS = re.compile(
    r"(?:https?|ftp|git|ssh)://(?:[^/\s@\"']*@)?([\w.-]+\.[a-z]+)", re.I
)
RESERVED = re.compile(r"(.*\.)?example(\.com|\.org|\.net)?|.*\.(test|invalid)", re.I)
# The pages that the rows of `make frameworks` are built by.
DOCUMENTATION = {one.page.split("/")[2] for one in CONTENDERS if one.page}
# Where it was made is nobody's business, and an index belongs to a machine.
# (Written so that this file itself holds none of them.)
BETRAYING = re.compile(r"(?<![\w.])/(?:work|root)/|(?<!emit)-index-[u]rl|pypi[.]org")


def ranges(project: dict) -> dict[str, SpecifierSet]:
    """The ranges that *project* asks for, course and tests included."""
    asked = [*project["dependencies"], *brought_by(project, "test")]
    return {(r := Requirement(line)).name: r.specifier for line in asked}


def brought_by(project: dict, extra: str) -> list[str]:
    """What an extra of *project* brings, with the extras that it takes in."""
    brought = []
    for line in project["optional-dependencies"][extra]:
        requirement = Requirement(line)
        if requirement.name == project["name"]:
            for one in sorted(requirement.extras):
                brought += brought_by(project, one)
        else:
            brought.append(line)
    return brought


def disagreements(wanted: dict[str, SpecifierSet], pins: str) -> list[str]:
    """What is wrong with *pins*, a requirements file, as pins of *wanted*."""
    wrong = []
    pinned: dict[str, list[str]] = {}
    for line in pins.splitlines():
        if not line or line.startswith("#"):
            continue
        requirement = Requirement(line)
        if requirement.url:
            wrong.append(f"{requirement.name} has an address")
        exact = re.fullmatch(r"==([^*,]+)", str(requirement.specifier))
        if exact:
            pinned.setdefault(requirement.name, []).append(exact[1])
        else:
            wrong.append(f"{requirement.name} is not pinned")
    for name, specifier in wanted.items():
        if name not in pinned:
            wrong.append(f"{name} is missing")
        wrong += [
            f"{name} {version} is not {specifier}"
            for version in pinned.get(name, [])
            if version not in specifier
        ]
    return wrong


def unlike(wanted: dict[str, SpecifierSet], page: str) -> list[str]:
    """Where the table of packages in *page* differs from *wanted*."""
    rows = re.findall(r"^\| `([\w.-]+)` \| `([<>=][^`]+)` \|", page, re.M)
    shown = {name: SpecifierSet(text) for name, text in rows}
    return sorted(
        name
        for name in wanted.keys() | shown.keys()
        if wanted.get(name) != shown.get(name)
    )


def tracked() -> list[Path]:
    """The files of the repository, or of the folder where there is no git."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
        )
        paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        paths = [
            path
            for path in ROOT.rglob("*")
            if not SKIPPED & set(path.relative_to(ROOT).parts)
        ]
    return [p for p in paths if p.is_file() and p.suffix not in BINARY]


def revealing(text: str) -> list[str]:
    """Addresses and paths in *text* that do not belong into a public file."""
    hosts = [host for host in ADDRESS.findall(text) if not RESERVED.fullmatch(host)]
    hosts = [host for host in hosts if host not in DOCUMENTATION]
    return hosts + BETRAYING.findall(text)


def test_every_pin_is_within_its_range():
    """What gets installed is what was asked for."""
    assert disagreements(ranges(PROJECT), PINS) == []


@pytest.mark.parametrize(
    ("pins", "wrong"),
    [
        pytest.param("pydantic==2.14.3", [], id="right"),
        pytest.param("", ["pydantic is missing"], id="missing"),
        pytest.param("pydantic==1.9", ["pydantic 1.9 is not <3,>=2"], id="too-old"),
        pytest.param(
            "pydantic==2.14\npydantic==3.0 ; sys_platform == 'win32'",
            ["pydantic 3.0 is not <3,>=2"],
            id="on-one-platform",
        ),
        pytest.param(
            "pydantic>=2",
            ["pydantic is not pinned", "pydantic is missing"],
            id="a-range",
        ),
        pytest.param(
            "pydantic==2.*",
            ["pydantic is not pinned", "pydantic is missing"],
            id="a-wildcard",
        ),
        pytest.param(
            "pydantic @ https://example.com/pydantic.whl",
            [
                "pydantic has an address",
                "pydantic is not pinned",
                "pydantic is missing",
            ],
            id="an-address",
        ),
    ],
)
def test_a_wrong_pin_is_noticed(pins, wrong):
    """The comparison above can fail."""
    assert disagreements({"pydantic": SpecifierSet(">=2,<3")}, pins) == wrong


def test_the_book_lists_every_package_with_its_range():
    """Its table is the one of pyproject.toml."""
    assert unlike(ranges(PROJECT), INSTALL) == []


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        pytest.param("| `a` | `>=1` | it |\n| `b` | `<2` | it |", [], id="right"),
        pytest.param("| `a` | `>=1` | it |", ["b"], id="missing"),
        pytest.param(
            "| `a` | `>=1` | it |\n| `b` | `<3` | it |", ["b"], id="other-range"
        ),
        pytest.param(
            "| `a` | `>=1` | it |\n| `b` | `<2` | it |\n| `c` | `<2` | it |",
            ["c"],
            id="too-many",
        ),
    ],
)
def test_a_wrong_row_is_noticed(table, wrong):
    """The comparison with the page can fail."""
    assert unlike({"a": SpecifierSet(">=1"), "b": SpecifierSet("<2")}, table) == wrong


@pytest.mark.parametrize(
    ("name", "target"), [("bench", "bench"), ("release", "package")]
)
def test_what_one_target_needs_is_installed_by_it_alone(name, target):
    """It has ranges of its own, and neither the pins nor the course need it."""
    extra = [Requirement(r) for r in PROJECT["optional-dependencies"][name]]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    stamp = makefile.partition(f"\n.venv/.{name}:")[2].partition("\n\n")[0]

    assert {str(r) for r in extra if len(r.specifier) != 2} == set()
    assert {r.name for r in extra}.isdisjoint(ranges(PROJECT))
    assert [r.name for r in extra if re.search(rf"^{r.name}\b", PINS, re.M)] == []
    assert f"\n{target}: .venv/.{name} " in makefile
    assert stamp.count(f'--constraint requirements.txt --editable ".[{name}]"') == 2


def test_the_core_asks_for_what_it_imports_and_no_more():
    """Nothing that only the course needs comes with the package alone."""
    asked = {Requirement(line).name for line in PROJECT["dependencies"]}
    own = r"agentstate_lab(?!\.(lab|mcp_state|scale_out|stores\.sql\.postgres))"
    graph = grimp.build_graph(
        "agentstate_lab", include_external_packages=True, cache_dir=None
    )

    core = [name for name in graph.modules if re.match(own, name)]
    imported = set().union(*map(graph.find_modules_directly_imported_by, core))

    outside = {name for name in imported if "agentstate_lab" not in name}
    assert outside - sys.stdlib_module_names == asked | {"pydantic_core"}


def test_what_a_door_needs_is_what_its_extra_brings():
    """The command in the error installs what was missing."""
    brings = metadata.packages_distributions()
    needs = {
        tuple(re.findall(r'"([\w-]+)"', found))
        for path in (ROOT / "agentstate_lab").rglob("__init__.py")
        for found in re.findall(r"need(?:s=)?\((.*)\)", path.read_text("utf-8"))
    }

    for extra, *modules in needs:
        names = {Requirement(line).name for line in brought_by(PROJECT, extra)}
        assert {brings[one][0].lower().replace("_", "-") for one in modules} <= names

    assert {extra for extra, *_ in needs} == {*EXTRAS, "test"}


def test_conda_takes_only_python_and_pip_from_its_channel():
    """Conda users get the same packages as everybody else."""
    wanted = yaml.safe_load(CONDA)["dependencies"]

    assert wanted == [
        f"python{PROJECT['requires-python']}",
        "pip",
        {"pip": ["-r requirements.txt"]},
    ]


def test_every_file_names_the_same_pythons():
    """Package, classifiers, README, Makefile and doctor agree on 3.11 to 3.14."""
    versions = [f"3.{minor}" for minor in range(11, 15)]
    allowed = SpecifierSet(PROJECT["requires-python"])
    named = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if "3." in c]
    makefile = (ROOT / "Makefile").read_text("utf-8")

    assert [v for v in ("3.10", *versions, "3.15") if Version(v) in allowed] == versions
    assert named == versions
    assert doctor.PYTHONS == ((3, 11), (3, 14))
    assert "Python 3.11 to 3.14" in README
    assert "Python 3.11 to 3.14" in INSTALL
    assert "(3, 11) <= v[:2] <= (3, 14)" in makefile


def test_the_versions_of_the_package_agree():
    """One version, wherever it is asked for."""
    import agentstate_lab

    assert agentstate_lab.__version__ == PROJECT["version"]
    assert metadata.version(PROJECT["name"]) == PROJECT["version"]


def test_the_console_script_is_the_command_line():
    """`agentstate-lab` and `python -m agentstate_lab` are the same."""
    from agentstate_lab.__main__ import main

    (script,) = metadata.entry_points(group="console_scripts", name="agentstate-lab")

    assert script.load() is main


def test_the_package_says_that_it_is_typed():
    """A learner's own mypy sees our types."""
    assert (ROOT / "agentstate_lab" / "py.typed").is_file()


@pytest.mark.usefixtures("process")
def test_no_file_names_a_host_or_a_private_path():
    """The course needs no address, and says nothing of where it was made."""
    found = {
        str(path.relative_to(ROOT)): said
        for path in tracked()
        if (said := revealing(path.read_text("utf-8", errors="replace")))
    }

    assert found == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("http://127.0.0.1:8899/lab", [], id="this-machine"),
        pytest.param("https://model.example/v1", [], id="reserved"),
        pytest.param("https:/" + "/a.acme.io/b", ["a.acme.io"], id="host"),
        pytest.param("https:/" + "/me:pw@acme.io", ["acme.io"], id="host-with-key"),
        pytest.param("cd /ro" + "ot/course", ["/ro" + "ot/"], id="private-path"),
        pytest.param("the network/rootless mode", [], id="a-word"),
    ],
)
def test_a_host_or_private_path_is_noticed(text, found):
    """The search above can fail."""
    assert revealing(text) == found


@pytest.mark.usefixtures("process")
def test_importing_the_package_loads_nothing_heavy():
    """A learner who imports one concept does not wait for a web server."""
    heavy = (
        *("openai", "httpx2", "matplotlib", "starlette", "uvicorn", "IPython"),
        "psycopg",
    )
    code = (
        "import agentstate_lab.agent.model, sys\n"
        f"print(sorted(set({heavy!r}) & set(sys.modules)))\n"
        "print([n for n in sys.modules if n.startswith(('jupyter', 'ipykernel'))])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.split("\n")[:2] == ["[]", "[]"]
