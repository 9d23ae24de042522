"""The names of ``frappe`` that mean something else in each call: session, request, conf, flags, ..."""

from collections.abc import Iterator, MutableMapping
from typing import Any

from typing_extensions import override

from demitasse.frappe.context import current, find_current
from demitasse.frappe.values import AttrDict
from demitasse.kernel import json


class Session:
    """Who is logged in."""

    @property
    def user(self) -> str:
        """The user's name."""
        return current().actor.user

    @property
    def sid(self) -> str:
        """Names the browser's session; the user's name where there is none. It is not the cookie's secret."""
        request = current().request
        return request.session.id if request is not None and request.session is not None else self.user

    @property
    def data(self) -> AttrDict:
        """Facts about the user, and the CSRF token of the browser's session."""
        request = current().request
        session = request.session if request is not None else None
        return AttrDict(user=self.user, csrf_token=session.csrf_token if session is not None else None)

    def get(self, key: str, default: Any = None) -> Any:
        """Return a fact."""
        return getattr(self, key, default)


class _CallMapping(MutableMapping[str, Any]):
    """A mapping of the running call, with its keys as attributes."""

    def _mapping(self) -> dict[str, Any]:
        raise AttributeError

    @override
    def __getitem__(self, key: str) -> Any:
        return self._mapping()[key]

    @override
    def __setitem__(self, key: str, value: Any) -> None:
        self._mapping()[key] = value

    @override
    def __delitem__(self, key: str) -> None:
        del self._mapping()[key]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._mapping())

    @override
    def __len__(self) -> int:
        return len(self._mapping())

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return self._mapping().get(key)

    @override
    def __setattr__(self, key: str, value: Any) -> None:
        self._mapping()[key] = value


class FormDict(_CallMapping):
    """What the request sent."""

    @override
    def _mapping(self) -> dict[str, Any]:
        return current().arguments


class Response(_CallMapping):
    """Keys for the answer; ``http_status_code`` is its status."""

    @override
    def _mapping(self) -> dict[str, Any]:
        return current().response


class Flags(_CallMapping):
    """What parts of a call tell each other."""

    @override
    def _mapping(self) -> dict[str, Any]:
        return current().flags


class Conf(_CallMapping):
    """The site's configuration, environment included; changing it changes nothing."""

    @override
    def _mapping(self) -> dict[str, Any]:
        return dict(current().site.settings.conf)


class Request:
    """The HTTP request; false where there is none (a command, a job)."""

    def __bool__(self) -> bool:
        call = find_current()
        return call is not None and call.request is not None

    @property
    def method(self) -> str:
        """The HTTP method."""
        found = current().request
        return found.method if found else ""

    @property
    def path(self) -> str:
        """The path."""
        found = current().request
        return found.path if found else ""

    @property
    def headers(self) -> "Headers":
        """The headers; names in any case."""
        found = current().request
        return Headers(found.headers if found else {})

    @property
    def data(self) -> bytes:
        """The raw body."""
        found = current().request
        return found.body if found else b""

    @property
    def remote_addr(self) -> str | None:
        """The client's address."""
        found = current().request
        return found.remote_address if found else None

    def get_data(self, *, as_text: bool = False, **_: Any) -> Any:
        """Return the raw body, as bytes or as text."""
        found = current().request
        body = found.body if found else b""
        return body.decode() if as_text else body

    def get_json(self, **_: Any) -> Any:
        """Return what the JSON body stands for."""
        return json.decode(self.get_data())

    @property
    def json(self) -> Any:
        """What the JSON body stands for."""
        return self.get_json()


class Headers(dict[str, str]):
    """Headers by name in any case."""

    @override
    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key.lower(), default)

    @override
    def __getitem__(self, key: str) -> str:
        return super().__getitem__(key.lower())

    @override
    def __contains__(self, key: object) -> bool:
        return super().__contains__(str(key).lower())


class Local:
    """Frappe's name for the call's own things."""

    @property
    def request(self) -> Request:
        """The HTTP request."""
        return Request()

    @property
    def session(self) -> Session:
        """Who is logged in."""
        return Session()

    @property
    def form_dict(self) -> FormDict:
        """What the request sent."""
        return FormDict()

    @property
    def response(self) -> Response:
        """Keys for the answer."""
        return Response()

    @property
    def flags(self) -> Flags:
        """What parts of a call tell each other."""
        return Flags()

    @property
    def conf(self) -> Conf:
        """The site's configuration."""
        return Conf()

    @property
    def site(self) -> str:
        """The site's name: its folder's."""
        return current().site.settings.site.name
