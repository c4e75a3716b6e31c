"""A room whose packages are not installed says what to install."""

import subprocess
import sys

import pytest

from agentstate_lab.errors import ExtraMissing
from agentstate_lab.extras import need
from agentstate_lab.stores import open_store


@pytest.fixture
def without(monkeypatch):
    """Hide a module, as if it had never been installed."""

    def hide(name):
        monkeypatch.setitem(sys.modules, name, None)

    return hide


def test_what_is_installed_is_not_missed():
    """It is looked for, and not loaded: this one prints a poem."""
    need("lab", "this")

    assert "this" not in sys.modules


def test_what_is_missing_is_named_with_the_command_that_brings_it(without):
    """One missing module is enough, and nothing has been begun."""
    without("mcp")

    with pytest.raises(ExtraMissing) as caught:
        need("mcp", "anyio", "mcp", "of_nobody")

    assert str(caught.value) == (
        'mcp, of_nobody must be installed first: pip install "agentstate-lab[mcp]"'
        " (side effect: not started)"
    )
    assert (caught.value.extra, caught.value.missing) == ("mcp", ("mcp", "of_nobody"))


def test_who_asks_whether_a_room_can_be_had_gets_the_usual_answer():
    """`except ImportError` is what everybody writes."""
    assert issubclass(ExtraMissing, ImportError)


def test_a_store_on_postgresql_is_refused_before_its_address_is_read(without):
    """The door of the store names its extra; a password in the address is not shown."""
    without("psycopg")

    with pytest.raises(ExtraMissing, match=r"agentstate-lab\[postgres\]") as caught:
        open_store("postgresql://me:secret@127.0.0.1:1/x")

    assert "secret" not in str(caught.value)


@pytest.mark.usefixtures("process")
def test_the_command_line_says_what_to_install():
    """One line and the status of what could not be tried, and no traceback."""
    code = (
        "import sys; sys.modules['starlette'] = None;"
        " from agentstate_lab.__main__ import main; sys.exit(main(['status']))"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        'status: starlette must be installed first: pip install "agentstate-lab[lab]"\n'
    )
