"""Rules for every test."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

_HERE = Path(__file__).parent
_IN_CI = os.environ.get("CI", "").lower() not in {"", "0", "false"}
_START_SERVERS = frozenset({"contract", "e2e"})
"""Folders whose tests start servers: they run in two lines, so that they do not disturb each other much."""
_SECOND_LINE = frozenset({"connect", "desk", "live", "middleware", "sync"})
"""Folders whose tests take about as long as all the others that start servers."""

settings.register_profile("laptop", deadline=None)  # How long an example takes says something of the machine only.
if not _IN_CI:  # There, Hypothesis has a profile of its own: the same examples in each run.
    settings.load_profile("laptop")


class _ServersTogether(LoadScopeScheduling):
    """Gives each line of tests that start servers to one worker, and any other file to the next that is free."""

    def _split_scope(self, nodeid: str) -> str:
        file = self.config.rootpath / nodeid.partition("::")[0]
        folders = file.relative_to(_HERE).parts if file.is_relative_to(_HERE) else ()
        if not _START_SERVERS.intersection(folders[:1]):
            return str(file)
        return "second line" if _SECOND_LINE.intersection(folders[1:2]) else "first line"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Distribute tests by file; ``xdist_group`` marks would not do (pytest 9.2 and xdist 3.8 ignore them silently)."""
    return _ServersTogether(config, log)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With ``CI`` set, fail a test that would be skipped."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """With ``CI`` set, fail a module that would be skipped."""
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if _IN_CI and report.skipped:
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}. In CI nothing is skipped: scripts/install-test-services installs what tests need."
