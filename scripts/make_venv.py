"""Make ``.venv`` with Demitasse (editable), what its tests need, and the sample apps in it."""

import argparse
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


def main() -> None:
    """Make or refresh the environment, and leave the stamp that says so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stamp", type=Path, required=True, help="file to leave when all is done")
    stamp: Path = ROOT / parser.parse_args().stamp
    if not _is_usable(stamp):
        print(f"Making .venv with {sys.executable}")
        _run(sys.executable, "-m", "venv", "--clear", str(VENV))
    apps = sorted(path.parent for path in ROOT.glob("apps/*/pyproject.toml"))
    libraries = sorted({library for app in apps for library in _dependencies(app)})
    print("Installing into .venv: a minute or two the first time", flush=True)
    pip = (str(PYTHON), "-m", "pip", "--quiet", "--disable-pip-version-check", "install")
    _run(*pip, "--constraint", "constraints.txt", "--editable", ".[test]", *libraries)
    _link(apps)
    stamp.touch()
    print("Ready: .venv/bin/demitasse")


def _is_usable(stamp: Path) -> bool:
    """Return whether there is an environment of this very place whose Python still runs."""
    return stamp.exists() and PYTHON.exists() and subprocess.run((PYTHON, "-c", ""), check=False).returncode == 0


def _dependencies(app: Path) -> list[str]:
    """Return the public libraries that the app names in its ``pyproject.toml``."""
    project = tomllib.loads((app / "pyproject.toml").read_text()).get("project", {})
    dependencies: list[str] = project.get("dependencies", [])
    return dependencies


def _link(apps: list[Path]) -> None:
    """Make the apps importable where they lie, as a bench does."""
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run((PYTHON, "-c", asked), check=True, capture_output=True, text=True)
    lines = "".join(f"{app}\n" for app in apps)
    (Path(found.stdout.strip()) / "demitasse_sample_apps.pth").write_text(lines)


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, cwd=ROOT)
    if done.returncode:
        sys.exit(f"make setup stopped: `{' '.join(command)}` failed with {done.returncode}; its words are above")


if __name__ == "__main__":
    main()
