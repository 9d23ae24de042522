"""``Token Cache``: a user's tokens for an app. Code reads them in clear; whatever shows a document shows a mask."""

from collections.abc import Mapping
from typing import Any, Self

from typing_extensions import override

from demitasse.connect.keeping import keep_new
from demitasse.connect.model import Grant, Tokens, split_scopes
from demitasse.connect.reading import load_grant, overlaid
from demitasse.documents import store
from demitasse.documents.errors import DocumentError
from demitasse.frappe.context import current
from demitasse.frappe.integrations.connecting import connections
from demitasse.frappe.model.document import Document
from demitasse.frappe.values import AttrDict
from demitasse.kernel.clock import Clock

_SECRETS = ("access_token", "refresh_token")


class TokenCache(Document):
    """A user's tokens. It is false where it holds no access token, as a missing one is."""

    _grant: Grant | None

    @classmethod
    def of(cls, grant: Grant) -> Self:
        """Return the document of a grant, with its tokens as they are now."""
        call = current()
        doctype = call.site.documents.registry.get("Token Cache")
        record = store.load(call.site.documents, call.tx, doctype, grant.name)
        record["expires_in"] = int(grant.tokens.expires_in or 0)
        record["token_type"] = grant.tokens.token_type
        view = object.__new__(cls)
        view._adopt(record)
        object.__setattr__(view, "_grant", grant)
        return view

    @property
    def access_token(self) -> str | None:
        """The access token in clear, for code."""
        return self._secret("access_token")

    @property
    def refresh_token(self) -> str | None:
        """The refresh token in clear, for code."""
        return self._secret("refresh_token")

    def __bool__(self) -> bool:
        """Whether there is an access token."""
        return bool(self.access_token)

    @override
    def get_password(self, fieldname: str = "password", raise_exception: bool = True) -> str | None:
        """Return a Password field in clear.

        Raises:
            DocumentError: it is empty, unless ``raise_exception`` is false.
        """
        found = self._secret(fieldname)
        if found is None and raise_exception:
            message = f"Password not found for {self.doctype} {self.name} {fieldname}"
            raise DocumentError(message, doctype=self.doctype, name=self.name)
        return found

    @override
    def as_dict(self, *, no_nulls: bool = False, **options: Any) -> AttrDict:
        """Return all values, the tokens masked."""
        values = super().as_dict(no_nulls=no_nulls, **options)
        for field in _SECRETS:
            if values.get(field):
                values[field] = store.MASK
        return values

    def get_auth_header(self) -> dict[str, str]:
        """Return the header that a request carries."""
        return {"Authorization": f"Bearer {self.get_password('access_token')}"}

    def get_json(self) -> dict[str, Any]:
        """Return the tokens as OAuth libraries take them. It holds secrets: show it to nobody."""
        return {
            "access_token": self.access_token or "",
            "refresh_token": self.refresh_token or "",
            "expires_in": self.get_expires_in(),
            "token_type": self.token_type or "Bearer",
        }

    def get_expires_in(self) -> int:
        """Return the seconds that the access token still lives, 0 where it has ended or nobody knows."""
        grant = self._current()
        ends_at = None if grant is None else grant.tokens.expires_at
        return 0 if ends_at is None else max(0, int((ends_at - _clock()()).total_seconds()))

    def is_expired(self) -> bool:
        """Return whether the access token is known to have ended."""
        grant = self._current()
        return grant is None or grant.tokens.is_expired(_clock()())

    def update_data(self, data: Mapping[str, Any]) -> Self:
        """Keep the answer of a token endpoint, as a part of the running call, and return the document."""
        call = current()
        previous = self._current()
        life = data.get("expires_in")
        tokens = Tokens(
            access_token=str(data.get("access_token") or ""),
            refresh_token=data.get("refresh_token") or (previous.tokens.refresh_token if previous else None),
            token_type=str(data.get("token_type") or "Bearer"),
            expires_in=float(life) if life else None,
            scopes=split_scopes(data.get("scope")),
            issued_at=_clock()(),
        )
        asked = previous.granted if previous else (tokens.scopes or ())
        grant = keep_new(
            connections(call), call.tx, app=self.connected_app, user=self.user or None, tokens=tokens, asked=asked
        )
        self.name = grant.name
        self.reload()
        object.__setattr__(self, "_grant", grant)
        return self

    def _current(self) -> Grant | None:
        """Return the grant that was given, or the stored one with what was refreshed since."""
        given: Grant | None = self.__dict__.get("_grant")
        if given is not None or not self.name:
            return given
        call = current()
        grant = load_grant(connections(call), call.tx, self.name)
        return None if grant is None else overlaid(grant, connections(call).ledger.pending(self.name))

    def _secret(self, field: str) -> str | None:
        text: str | None = self._record.values.get(field)
        if text and text.strip("*"):
            return text  # set by code, and not saved yet
        grant = self._current()
        if grant is None:
            return None
        return grant.tokens.access_token if field == "access_token" else grant.tokens.refresh_token


def _clock() -> Clock:
    return current().site.documents.clock
