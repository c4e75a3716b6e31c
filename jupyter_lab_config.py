"""
JupyterLab's settings for the course: `jupyter lab --config=jupyter_lab_config.py`.

The server listens on this machine only, opens at the learner's first notebook (laid
by `agentstate-lab work`, which `make lab` runs), and asks
nothing of the network: no news, no look for updates, no extension list.
"""

from pathlib import Path

c = get_config()  # noqa: F821 - JupyterLab puts the name there

c.ServerApp.ip = "127.0.0.1"
c.ServerApp.root_dir = str(Path(__file__).parent)
c.LabApp.default_url = "/lab/tree/work/notebooks/00_start_here.ipynb"
c.LabApp.app_settings_dir = str(Path(__file__).parent / ".jupyter_settings")
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
c.LanguageServerManager.autodetect = False  # else it lists those not installed
