"""A room whose packages are not installed says what to install."""

import sys

import pytest

from agentstate_lab.__main__ import main
from agentstate_lab.errors import ExtraMissing
from agentstate_lab.extras import EXTRAS, need
from agentstate_lab.stores import open_store


@pytest.fixture
def without(monkeypatch):
    """Hide a module, as if it had never been installed."""

    def hide(name):
        monkeypatch.setitem(sys.modules, name, None)

    return hide


@pytest.mark.parametrize("extra", EXTRAS)
def test_what_is_installed_is_not_missed(extra):
    """
    The course has all of them.
    """
    assert need(extra) is None


@pytest.mark.parametrize(
    ("extra", "module"), [(extra, one) for extra in EXTRAS for one in EXTRAS[extra]]
)
def test_what_is_missing_is_named_with_the_command_that_brings_it(
    without, extra, module
):
    """
    One missing module is enough, and nothing has been begun.
    """
    without(module)

    with pytest.raises(ExtraMissing) as caught:
        need(extra)

    assert str(caught.value) == (
        f'{module} must be installed first: pip install "agentstate-lab[{extra}]"'
        " (side effect: not started)"
    )
    assert (caught.value.extra, caught.value.missing) == (extra, (module,))


def test_who_asks_whether_a_room_can_be_had_gets_the_usual_answer():
    """
    `except ImportError` is what everybody writes.
    """
    assert issubclass(ExtraMissing, ImportError)


def test_a_store_on_postgresql_is_refused_before_its_address_is_read(without):
    """
    The door of the store names its extra; a password in the address is not shown.
    """
    without("psycopg")

    with pytest.raises(ExtraMissing, match=r"agentstate-lab\[postgres\]") as caught:
        open_store("postgresql://me:secret@127.0.0.1:1/x")

    assert "secret" not in str(caught.value)


def test_the_command_line_says_what_to_install(monkeypatch, capsys):
    """
    One line and the status of what could not be tried, and no traceback.
    """
    for name in [one for one in sys.modules if one.startswith("agentstate_lab.lab")]:
        monkeypatch.delitem(sys.modules, name)
    for name in EXTRAS["lab"]:
        monkeypatch.setitem(sys.modules, name, None)

    status = main(["status"])

    said = capsys.readouterr()
    assert (status, said.out) == (2, "")
    assert said.err == (
        "status: starlette, cloudpickle and 10 more must be installed first:"
        ' pip install "agentstate-lab[lab]"\n'
    )
