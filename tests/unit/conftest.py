"""Rules for unit tests: no network, whatever the code under test tries."""

import pytest
from pytest_socket import disable_socket


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Close sockets before any fixture runs; pytest-socket opens them again at the test's end.

    Unix sockets stay: an event loop wakes itself through a pair of them.
    """
    disable_socket(allow_unix_socket=True)
