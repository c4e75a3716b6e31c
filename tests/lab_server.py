"""
JupyterLab as `make lab` starts it, for a test, and a browser to look at it.

The server has the course's own settings. Its root is a folder of the test, with a
copy of a notebook without its outputs, so that what the page shows is new. Its
configuration, its workspaces and its log are in a folder of their own.
"""

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from restart_scene import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The browser itself must not call home either, and asks no proxy for this machine.
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
)
FOLDERS = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}
# Every cell is in the page, and not only those in sight.
ALL_CELLS = {"windowingMode": "none"}
START_WITHIN = 60.0


@dataclass(frozen=True)
class Server:
    """
    A JupyterLab that answers.

    Attributes:
        origin: For example "http://127.0.0.1:8888".

        token: Lets a browser in.

        root: The folder that it shows.
    """

    origin: str
    token: str
    root: Path

    def page_of(self, notebook):
        """The address of a notebook that was copied into the root."""
        return f"{self.origin}/lab/tree/{notebook}?token={self.token}&reset"


def find_browser():
    """The path of a Chromium or a Chrome on this machine, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def copy_without_outputs(source, root, only=None):
    """Put a notebook, or *only* these code cells, into a root; return its cells."""
    notebook = nbformat.read(source, as_version=4)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if cell.cell_type != "code" or only is None or cell.id in only
    ]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, root / source.name)
    return notebook.cells


@contextlib.contextmanager
def jupyter_lab(folder):
    """A JupyterLab in *folder*, ended at the end of the block."""
    root = folder / "root"
    environment = os.environ | {k: str(folder / v) for k, v in FOLDERS.items()}
    settings = folder / "settings" / "@jupyterlab" / "notebook-extension"
    for made in (root, settings):
        made.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps(ALL_CELLS))
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        f"--config={ROOT / 'jupyter_lab_config.py'}",
        f"--ServerApp.root_dir={root}",
    ]
    log = folder / "server.log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            command, stdout=out, stderr=out, env=environment, cwd=root
        ) as process,
    ):
        try:
            yield _answering(process, folder / "runtime", root, log)
        finally:
            process.terminate()


def _answering(process, runtime, root, log):
    """The server, as soon as it answers."""
    end = time.monotonic() + START_WITHIN
    while process.poll() is None and time.monotonic() < end:
        for written in runtime.glob("jpserver-*.json"):
            with contextlib.suppress(OSError, ValueError):  # not yet all of it
                said = json.loads(written.read_text())
                _ask(said["port"], said["token"])
                origin = f"http://127.0.0.1:{said['port']}"
                return Server(origin, said["token"], root)
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start: {log.read_text()[-2_000:]}")


def _ask(port, token):
    """Ask for the server's status; an OSError when there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection):
        connection.request("GET", f"/api/status?token={token}")
        if connection.getresponse().status != 200:
            raise OSError("it does not answer yet")
