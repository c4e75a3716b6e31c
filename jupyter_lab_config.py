"""
JupyterLab's settings for the course: `jupyter lab --config=jupyter_lab_config.py`.

Before it starts, the learner's copies are laid into `work/`, where there are none. The
server listens on this machine only, opens at the first of them, and asks nothing of
the network: no news, no look for updates, no extension list.
"""

from pathlib import Path

from agentstate_lab.lab.notebooks import lay

c = get_config()  # noqa: F821 - JupyterLab puts the name there

ROOT = Path(__file__).parent
if said := str(lay(ROOT)):
    print(said)

c.ServerApp.ip = "127.0.0.1"
c.ServerApp.root_dir = str(ROOT)
c.LabApp.default_url = "/lab/tree/work/notebooks/00_start_here.ipynb"
c.LabApp.app_settings_dir = str(ROOT / ".jupyter_settings")
c.LabApp.custom_css = True
# Where custom.css is; `static_custom_path` itself cannot be configured.
c.ServerApp.tornado_settings = {"static_custom_path": [str(ROOT / ".jupyter_settings")]}
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
c.LanguageServerManager.autodetect = False  # else it lists those not installed
