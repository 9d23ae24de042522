"""A real OpenID provider (npm oidc-provider) on loopback, and the person who logs in there."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from tests.e2e.site import ROOT, TIMEOUT_S

_SCRIPT = ROOT / "tests" / "node" / "oidc_provider.mjs"
CLIENT_ID, CLIENT_SECRET = "demitasse-site", "planted-client-secret/%+: 7f3a"
PUBLIC_CLIENT_ID = "demitasse-public"
POST_CLIENT_ID = "demitasse-post"


class OidcProvider:
    """The provider. ``reset`` it between tests."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    @property
    def discovery(self) -> str:
        """Where its discovery document is."""
        return f"{self.issuer}/.well-known/openid-configuration"

    def set(self, **knobs: Any) -> None:
        """Make it behave so until told otherwise."""
        self._control({"knobs": knobs})

    def reset(self) -> None:
        """Make it behave well, and count anew."""
        self._control({"knobs": {}, "forget": True})

    def revoke_everything(self) -> None:
        """Take back what people have granted, as they can do in their account."""
        self._control({"revokeAll": True})

    def counted(self) -> dict[str, Any]:
        """Return what it was asked: ``token`` by grant type, ``revocations``, ``refused``, and how many are ``held``."""
        return self._control({})

    def secrets(self) -> list[str]:
        """Return every code, verifier and token that it has seen or given."""
        return [*self._control({"secrets": True})["secrets"], CLIENT_SECRET]

    def refreshes(self) -> int:
        """Return how often it was asked to refresh."""
        return int(self.counted()["token"].get("refresh_token", 0))

    def _control(self, content: dict[str, Any]) -> dict[str, Any]:
        answer = requests.post(f"{self.issuer}/__control", json=content, timeout=TIMEOUT_S)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@contextmanager
def running_provider(redirect_uris: Iterable[str], *, scopes: Iterable[str] = ()) -> Iterator[OidcProvider]:
    """Start the provider; a test that needs it is skipped where it is not installed."""
    node = shutil.which("node")
    if node is None or not (_SCRIPT.parent / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("the npm package oidc-provider is not installed: scripts/install-test-services installs it")
    shared = {
        "redirect_uris": list(redirect_uris),
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "response_types": ["code"],
    }
    clients = [
        {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **shared},
        {
            "client_id": POST_CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "token_endpoint_auth_method": "client_secret_post",
            **shared,
        },
        {
            "client_id": PUBLIC_CLIENT_ID,
            **shared,
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "application_type": "native",
        },
    ]
    config = json.dumps({"clients": clients, "scopes": list(scopes)})
    with subprocess.Popen(
        [node, str(_SCRIPT), config], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, "the provider did not start"
            yield OidcProvider(json.loads(line)["issuer"])
        finally:
            process.kill()


class Person:
    """Somebody's browser at the provider; it follows redirects there, and stops where it is sent elsewhere."""

    def __init__(self, provider: OidcProvider, login: str) -> None:
        self._provider = provider
        self._login = login
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        """Close the browser."""
        self._session.close()

    def agree(self, url: str) -> str:
        """Log in and agree, and return where the provider sends the browser."""
        return self._go(url, denies=False)

    def deny(self, url: str) -> str:
        """Turn back at the provider's page, and return where it sends the browser."""
        return self._go(url, denies=True)

    def _go(self, url: str, *, denies: bool) -> str:
        answer = self._get(url)
        for _ in range(12):
            if answer.is_redirect:
                there = urljoin(answer.url, answer.headers["Location"])
                if not there.startswith(self._provider.issuer):
                    return there
                answer = self._get(there)
            else:
                answer = self._fill(answer, denies=denies)
        message = f"the provider goes in circles at {answer.url}"
        raise AssertionError(message)

    def _fill(self, page: requests.Response, *, denies: bool) -> requests.Response:
        assert page.status_code == 200, f"{page.status_code}: {page.text[:2000]}"
        if denies:
            link = re.search(r'href="([^"]+/abort)"', page.text)
            assert link is not None, page.text[:2000]
            return self._get(urljoin(page.url, link.group(1)))
        form = re.search(r'<form[^>]+action="([^"]+)"', page.text)
        prompt = re.search(r'name="prompt" value="([^"]+)"', page.text)
        assert form is not None, page.text[:2000]
        assert prompt is not None, page.text[:2000]
        fields = {"prompt": prompt.group(1), "login": self._login, "password": "any"}
        return self._session.post(
            urljoin(page.url, form.group(1)), data=fields, timeout=TIMEOUT_S, allow_redirects=False
        )

    def _get(self, url: str) -> requests.Response:
        return self._session.get(url, timeout=TIMEOUT_S, allow_redirects=False)
