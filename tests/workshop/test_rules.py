"""The rules of tests/conftest.py, each on a test suite of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RULES = Path(__file__).parents[1] / "conftest.py"

SKIPPED_TEST = """
import pytest

def test_needs_a_server():
    pytest.skip("no server here")
"""
SKIPPED_MODULE = """
import pytest

pytest.skip("no server here", allow_module_level=True)
"""
EXPECTED_FAILURE = """
import pytest

@pytest.mark.xfail(strict=True)
def test_fails_for_a_known_reason():
    assert False
"""

TELLS_ITS_WORKER = """
import os

def test_tells_its_worker():
    print("ran on", os.environ["PYTEST_XDIST_WORKER"])
"""


def run(folder: Path, module: str, *options: str, ci: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(RULES.read_text())
    (folder / "test_sample.py").write_text(module)
    command = (sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", str(folder), *options, str(folder))
    environment = {"CI": ci, "PATH": os.environ["PATH"], "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=folder, timeout=30)


@pytest.mark.parametrize("module", [SKIPPED_TEST, SKIPPED_MODULE], ids=["test", "module"])
def test_in_ci_a_skip_fails_and_tells_its_reason(module: str, tmp_path: Path) -> None:
    done = run(tmp_path, module, ci="true")
    assert done.returncode != 0, done.stdout
    assert "no server here" in done.stdout
    assert "In CI nothing is skipped" in done.stdout


@pytest.mark.parametrize("ci", ["", "false"])
def test_on_a_laptop_a_skip_is_a_skip(ci: str, tmp_path: Path) -> None:
    done = run(tmp_path, SKIPPED_TEST, ci=ci)
    assert done.returncode == 0, done.stdout
    assert "1 skipped" in done.stdout


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    done = run(tmp_path, EXPECTED_FAILURE, ci="true")
    assert done.returncode == 0, done.stdout
    assert "1 xfailed" in done.stdout


@pytest.mark.parametrize(("folder", "workers"), [("e2e", 1), ("unit", 2)])
def test_tests_that_start_servers_share_one_worker(folder: str, workers: int, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir()
    for number in range(6):
        (tmp_path / folder / f"test_{number}.py").write_text(TELLS_ITS_WORKER)
    parallel = ("-p", "xdist", "--numprocesses=2", "--import-mode=importlib", "-rP")
    done = run(tmp_path, "", *parallel, ci="")
    assert "6 passed" in done.stdout, done.stdout
    assert len({line for line in done.stdout.splitlines() if line.startswith("ran on")}) == workers
