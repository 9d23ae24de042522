"""A Frappe or ERPNext site, as a Python object."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from typing_extensions import override

from demitasse.client import protocol
from demitasse.client.answers import read_answer
from demitasse.client.errors import ClientError, UnusableSite
from demitasse.client.model import Answer, ApiRequest, Credentials, Filters
from demitasse.client.paging import Pages, Row
from demitasse.client.retrying import RetryPolicy
from demitasse.client.wording import unreachable
from demitasse.kernel.ids import random_secret
from demitasse.transports.blocking import BlockingSender
from demitasse.transports.errors import UnusableRequest, UnusableUrl
from demitasse.transports.headers import check_header
from demitasse.transports.model import Outcome, OutgoingRequest, TlsOptions
from demitasse.transports.urls import parse_url

__all__ = ["FrappeClient"]

_FIRST_REFUSAL = 400


class FrappeClient:
    """Calls a Frappe, ERPNext or Demitasse site over its REST API; for any number of threads.

    Connections are kept. Calls that only read are repeated when the site cannot be reached or fails; writes only where
    it is certain that nothing happened, or where the site honours ``Idempotency-Key``. All methods raise `ClientError`.

    Args:
        url: Where the site is served, with a path if it has one.
        timeout_s: For one attempt, from the name's look-up to the last byte.
        retries: See `RetryPolicy`.
        max_answer_bytes: A longer answer is refused.
        tls: Own authorities, or a client certificate.
        sleep: How to wait between attempts; what it raises ends the call.

    Raises:
        UnusableSite: the URL or the credentials cannot be used.
    """

    def __init__(  # noqa: PLR0913 (keyword-only, all but the site with defaults)
        self,
        url: str,
        *,
        api_key: str = "",
        api_secret: str = "",
        access_token: str = "",
        timeout_s: float = 30.0,
        retries: RetryPolicy | None = None,
        max_answer_bytes: int = 64 * 1024 * 1024,
        tls: TlsOptions | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = _site_url(url)
        self._credentials = Credentials(api_key=api_key, api_secret=api_secret, access_token=access_token)
        _check(self._credentials)
        self._timeout_s = timeout_s
        self._retries = retries or RetryPolicy()
        self._max_answer_bytes = max_answer_bytes
        self._sleep = sleep
        self._sender = BlockingSender(tls=tls)

    @override
    def __repr__(self) -> str:
        return f"FrappeClient({self._url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()

    @property
    def url(self) -> str:
        """Where the site is served, without a slash at the end."""
        return self._url

    # --- Reading ---------------------------------------------------------------------------------------------------

    def get_list(  # noqa: PLR0913 (Frappe's own arguments)
        self,
        doctype: str,
        *,
        fields: Sequence[str] = ("name",),
        filters: Filters = (),
        or_filters: Filters = (),
        order_by: str | None = None,
        limit_start: int = 0,
        limit_page_length: int = 20,
        group_by: str | None = None,
        parent: str | None = None,
    ) -> list[Row]:
        """Return one page of rows; `iterate` returns all."""
        request = protocol.list_request(
            doctype,
            fields=fields,
            filters=filters,
            or_filters=or_filters,
            order_by=order_by,
            limit_start=limit_start,
            limit_page_length=limit_page_length,
            group_by=group_by,
            parent=parent,
        )
        rows: list[Row] = self.send(request)
        return rows

    def iterate(
        self,
        doctype: str,
        *,
        fields: Sequence[str] = ("name",),
        filters: Filters = (),
        or_filters: Filters = (),
        order_by: str | None = None,
        page_length: int = 500,
        parent: str | None = None,
    ) -> Iterator[Row]:
        """Yield all rows; see `Pages` for what changes meanwhile do."""
        for page in self.pages(
            doctype,
            fields=fields,
            filters=filters,
            or_filters=or_filters,
            order_by=order_by,
            page_length=page_length,
            parent=parent,
        ):
            yield from page

    def pages(
        self,
        doctype: str,
        *,
        fields: Sequence[str] = ("name",),
        filters: Filters = (),
        or_filters: Filters = (),
        order_by: str | None = None,
        page_length: int = 500,
        parent: str | None = None,
    ) -> Iterator[list[Row]]:
        """Yield all rows, a page at a time."""
        place: Pages | None = Pages.of(
            doctype,
            fields=fields,
            filters=filters,
            or_filters=or_filters,
            order_by=order_by,
            page_length=page_length,
            parent=parent,
        )
        while place is not None:
            rows: list[Row] = self.send(place.request)
            if rows:
                yield place.shown(rows)
            place = place.next(rows)

    def get_doc(self, doctype: str, name: str | int) -> dict[str, Any]:
        """Return a whole document.

        Raises:
            NotFound: there is none of this name.
        """
        document: dict[str, Any] = self.send(protocol.get_request(doctype, name))
        return document

    def get_value(self, doctype: str, filters: Filters | str | int, fields: str | Sequence[str]) -> dict[str, Any]:
        """Return fields of the first document that matches, or of the one of this name; none matches: ``{}``."""
        names = (fields,) if isinstance(fields, str) else fields
        found = self.send(protocol.value_request(doctype, filters, names))
        return dict(found) if isinstance(found, Mapping) else {}

    def get_count(self, doctype: str, filters: Filters = ()) -> int:
        """Return how many documents match."""
        return int(self.send(protocol.count_request(doctype, filters)))

    # --- Writing ---------------------------------------------------------------------------------------------------

    def insert(self, doctype: str, values: Mapping[str, Any], *, idempotency_key: str | None = None) -> dict[str, Any]:
        """Make a document and return it."""
        return self._write(protocol.insert_request(doctype, values, idempotency_key=idempotency_key or random_secret()))

    def update(
        self, doctype: str, name: str | int, values: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Set values of a document and return it.

        Raises:
            StaleDocument: the values hold a ``modified`` that is no longer the document's.
        """
        key = idempotency_key or random_secret()
        return self._write(protocol.update_request(doctype, name, values, idempotency_key=key))

    def submit(self, doctype: str, name: str | int, *, idempotency_key: str | None = None) -> dict[str, Any]:
        """Submit a draft and return it."""
        key = idempotency_key or random_secret()
        return self._write(protocol.submit_request(doctype, name, idempotency_key=key))

    def cancel(self, doctype: str, name: str | int, *, idempotency_key: str | None = None) -> dict[str, Any]:
        """Cancel a submitted document and return it."""
        key = idempotency_key or random_secret()
        return self._write(protocol.cancel_request(doctype, name, idempotency_key=key))

    def delete(self, doctype: str, name: str | int, *, idempotency_key: str | None = None) -> None:
        """Delete a document."""
        self.send(protocol.delete_request(doctype, name, idempotency_key=idempotency_key or random_secret()))

    def call(
        self,
        function: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        method: str = "POST",
        idempotency_key: str | None = None,
    ) -> Any:
        """Call a whitelisted function and return what it returns; with GET it may be called more than once."""
        key = None if method == "GET" else idempotency_key or random_secret()
        return self.send(protocol.call_request(function, arguments, method=method, idempotency_key=key))

    # --- Sending ---------------------------------------------------------------------------------------------------

    def send(self, request: ApiRequest) -> Any:
        """Send a request, again where that is safe, and return its result."""
        return self.exchange(request)[0]

    def exchange(self, request: ApiRequest) -> tuple[Any, Answer]:
        """Send a request as `send` does, and return its result with the answer that it was read from."""
        attempts = 0
        while True:
            attempts += 1
            try:
                answer = self._ask(request)
                return read_answer(request, answer), answer
            except ClientError as error:
                chance = random.random()  # noqa: S311 (spreads attempts, guards nothing)
                delay_s = self._retries.delay_s(request, error, attempts=attempts, chance=chance)
                if delay_s is None:
                    raise
            self._sleep(delay_s)

    def _write(self, request: ApiRequest) -> dict[str, Any]:
        document: dict[str, Any] = self.send(request)
        return document

    def _ask(self, request: ApiRequest) -> Answer:
        result = self._sender.send(
            OutgoingRequest(
                method=request.method,
                url=self._url + request.target,
                headers=(*request.headers, *self._credentials.headers),
                body=request.body,
                timeout_s=self._timeout_s,
                max_response_bytes=self._max_answer_bytes,
            )
        )
        if result.outcome is not Outcome.ANSWERED or result.status is None:
            raise unreachable(result, where=self._url, timeout_s=self._timeout_s)
        body = self._credentials.hide_in(result.body) if result.status >= _FIRST_REFUSAL else result.body
        return Answer(status=result.status, headers=result.headers, body=body, is_cut=result.truncated)


def _site_url(url: str) -> str:
    try:
        target = parse_url(url.strip())
    except UnusableUrl as error:
        message = f"The site's URL cannot be used: {error.message}"
        raise UnusableSite(message) from error
    if "?" in target.url:
        message = "The site's URL has a query. Write it as https://erp.example.com."
        raise UnusableSite(message)
    return target.url.rstrip("/")


def _check(credentials: Credentials) -> None:
    if bool(credentials.api_key) != bool(credentials.api_secret):
        message = "An API key and its secret belong together. Give both, or neither to call as Guest."
        raise UnusableSite(message)
    try:
        for name, value in credentials.headers:
            check_header(name, value)
    except UnusableRequest as error:
        message = "The API key, secret or token has line breaks or control characters. Copy it again."
        raise UnusableSite(message) from error
