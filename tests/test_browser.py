"""In a real browser: Restart during the run of notebook 10, and a slider that moves."""

import re
from urllib.parse import urlsplit

import pytest
from lab_server import FLAGS, copy_without_outputs, find_browser, jupyter_lab
from playwright.sync_api import expect, sync_playwright
from restart_scene import (
    ABOVE,
    EFFECTS,
    LEDGER,
    NOTEBOOK,
    PACE,
    ROOT,
    RUN,
    TASK,
    UNHEARD,
)
from runs import counts

from agentstate_lab.lab.world import start_world, stop_world

WAIT = 120_000  # milliseconds for one thing in the page, on a busy machine
pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("process")]


class Notebook:
    """A notebook in a page of JupyterLab, run as a learner runs it."""

    def __init__(self, page, cells):
        self.page = page
        self.places = {cell["id"]: place for place, cell in enumerate(cells)}
        expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(len(cells))
        self.wait_until_idle()

    def cell(self, name):
        """The cell of that id."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(self.places[name])

    def prompt(self, name):
        """What stands before it: "[ ]:", "[*]:", "[3]:"."""
        return self.cell(name).locator(".jp-InputPrompt")

    def output(self, name):
        """What it shows."""
        return self.cell(name).locator(".jp-OutputArea")

    def start(self, name):
        """Begin to run a cell."""
        self.cell(name).locator(".cm-content").press("Shift+Enter")

    def run(self, *names):
        """Run cells one after another, to their ends."""
        for name in names:
            self.start(name)
            expect(self.prompt(name)).to_have_text(re.compile(r"\[\d+\]:"))

    def run_all_above(self, name):
        """Select a cell and choose the menu's entry."""
        self.cell(name).locator(".cm-content").focus()
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Above Selected Cell").click()

    def restart(self):
        """Press the circular arrow, and confirm."""
        self.page.locator('jp-button[data-command="notebook:restart-kernel"]').click()
        self.page.locator(".jp-Dialog button.jp-mod-accept").click()

    def wait_until_idle(self):
        """Return when the kernel has nothing to do."""
        indicator = self.page.locator(".jp-Notebook-ExecutionIndicator")
        expect(indicator).to_have_attribute("data-status", "idle")


@pytest.fixture(scope="module")
def chromium(process):
    """A browser, or a skipped test."""
    path = find_browser()
    if path is None:
        pytest.skip("no Chromium or Chrome here; `.ci/run` installs Debian's")
    expect.set_options(timeout=WAIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(process, tmp_path_factory):
    """A JupyterLab with a home of its own, for all of these tests."""
    folder = tmp_path_factory.mktemp("browser")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTSTATE_HOME", str(folder / "home"))
        patch.setenv("AGENTSTATE_PACE", PACE)
        with jupyter_lab(folder / "lab") as server:
            yield server
        stop_world()


@pytest.fixture
def show(chromium, server):
    """Open a notebook in JupyterLab. No request of the page may leave this machine."""
    page = chromium.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(WAIT)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))

    def opened(source, only=None):
        cells = copy_without_outputs(source, server.root, only)
        # A cell that is run before the page has its kernel is not run at all.
        with page.expect_websocket(lambda socket: "/channels" in socket.url):
            page.goto(server.page_of(source.name))
        return Notebook(page, cells)

    yield opened

    page.close()
    assert {urlsplit(url).hostname for url in asked} - {None} == {"127.0.0.1"}


@pytest.mark.parametrize(
    "only",
    [
        pytest.param((*ABOVE, RUN, LEDGER), id="its-cells"),
        pytest.param(None, id="all-cells", marks=pytest.mark.soak),
    ],
)
def test_restart_is_pressed_during_the_run_of_notebook_10(show, only):
    """At the worst moment. Then the cells above run again, the cell, the ledger."""
    world = start_world()
    world.forget(TASK)
    notebook = show(NOTEBOOK, only)
    UNHEARD.order(world)
    notebook.run(*ABOVE)
    notebook.start(RUN)
    UNHEARD.wait(world)
    expect(notebook.prompt(RUN)).to_have_text("[*]:")

    notebook.restart()
    expect(notebook.prompt(RUN)).to_have_text("[ ]:")
    notebook.wait_until_idle()
    assert sum(counts(world, TASK).values()) == UNHEARD.effects
    notebook.run_all_above(RUN)
    notebook.start(RUN)
    notebook.run(LEDGER)

    shown = notebook.output(LEDGER)
    expect(shown.locator("caption")).to_have_text("8 effects, each once")
    assert shown.locator("tbody th").all_inner_texts() == EFFECTS
    assert shown.locator("tbody td:last-child").all_inner_texts() == ["once"] * 8
    expect(notebook.output(RUN)).to_contain_text("10 of 10 steps")


def test_a_slider_moves_what_it_shows(show):
    """The widget lives in the page, and its kernel answers."""
    notebook = show(ROOT / "notebooks" / "08_context.ipynb")
    notebook.run("begin", "night-state", "slice", "keep-run", "slider")
    shown = notebook.output("slider")
    budget = shown.locator(".widget-readout")

    expect(budget).to_have_text("400 bytes")
    expect(shown.locator("pre")).to_contain_text("refused: at least")
    shown.locator(".noUi-handle").focus()
    notebook.page.keyboard.press("ArrowRight")

    expect(budget).to_have_text("620 bytes")
    expect(shown.locator("pre")).to_contain_text("of 620 bytes; left out:")
    # A long line breaks between words, in this and in every output.
    expect(shown.locator("pre")).to_have_css("word-break", "normal")
