"""
Build the package, look at it, and try it alone.

The sdist is built, the wheel from it, and both are checked. Then the wheel is installed
by itself into a fresh environment, where `alone.py` finds out whether the core keeps
its promises without the course.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "requirements.txt"
TOOLS = Path(sys.executable).parent  # of the environment that builds
PROGRAMS = "Scripts" if os.name == "nt" else "bin"


def main() -> None:
    """Build, check, install, try; the first that fails ends it."""
    with tempfile.TemporaryDirectory(prefix="agentstate-package-") as name:
        folder = Path(name)
        python(folder, "-m", "build", "--no-isolation", "--outdir", "dist", ROOT)
        built = sorted((folder / "dist").iterdir())
        python(folder, "-m", "twine", "check", "--strict", *built)
        python(folder, "-m", "venv", "--without-pip", "alone")
        alone = folder / "alone" / PROGRAMS / Path(sys.executable).name
        install(next(one for one in built if one.suffix == ".whl"), alone)
        # Isolated, so that nothing of this repository is found but the wheel.
        run(folder, alone, "-I", ROOT / ".ci" / "alone.py")
    print(f"make package passed: {', '.join(one.name for one in built)}")


def install(wheel: Path, alone: Path) -> None:
    """Install *wheel* and what it asks for, in the versions that are pinned."""
    uv = TOOLS / "uv"
    options = ("--quiet", "--constraint", PINS, wheel)
    if uv.exists():
        run(ROOT, uv, "pip", "install", "--python", alone, *options)
    else:
        python(ROOT, "-m", "pip", "--python", alone, "install", *options)


def python(folder: Path, *arguments: object) -> None:
    """Run this Python."""
    run(folder, sys.executable, *arguments)


def run(folder: Path, *command: object) -> None:
    """Run a command in *folder*; its failure is ours."""
    done = subprocess.run([str(one) for one in command], cwd=folder, check=False)
    if done.returncode:
        sys.exit(f"make package FAILED: {' '.join(map(str, command))}")


if __name__ == "__main__":
    main()
