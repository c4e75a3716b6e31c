"""
JupyterLab's settings for the course: `jupyter lab --config=jupyter_lab_config.py`.

The server listens on this machine only, shows the whole repository, and asks
nothing of the network: no news, no look for updates, no extension list.
"""

from pathlib import Path

c = get_config()  # noqa: F821 - JupyterLab puts the name there

c.ServerApp.ip = "127.0.0.1"
c.ServerApp.root_dir = str(Path(__file__).parent)
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
