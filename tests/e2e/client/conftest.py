from collections.abc import Iterator

import pytest

from demitasse.client.retrying import RetryPolicy
from demitasse.client.site import FrappeClient
from tests.e2e.site import ServedSite


def keys_of(site: ServedSite) -> tuple[str, str]:
    key, _, secret = site.authorization.removeprefix("token ").partition(":")
    return key, secret


def client_of(site: ServedSite, **options: object) -> FrappeClient:
    key, secret = keys_of(site)
    return FrappeClient(site.url, api_key=key, api_secret=secret, **options)  # type: ignore[arg-type] # options of tests


@pytest.fixture
def client(site: ServedSite) -> Iterator[FrappeClient]:
    """Administrator's client on the shared site."""
    with client_of(site) as made:
        yield made


class Naps(list[float]):
    """Waits that are noted, and not waited."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def naps() -> Naps:
    return Naps()


QUICK = RetryPolicy(max_attempts=3, first_delay_s=0.01)
