"""The phone's page: a few files, served as they are."""

from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files

from demitasse.middleware.exchange import Reply

_FOLDER = files("demitasse.middleware").joinpath("page")
_FILES = {
    "/": ("index.html", b"text/html; charset=utf-8"),
    "/phone/phone.css": ("phone.css", b"text/css; charset=utf-8"),
    "/phone/phone.js": ("phone.js", b"text/javascript; charset=utf-8"),
    "/phone/live.js": ("live.js", b"text/javascript; charset=utf-8"),
    "/phone/icon.svg": ("icon.svg", b"image/svg+xml"),
}
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws: wss:; "
    b"manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page_files() -> Iterator[tuple[str, Reply]]:
    """Yield the page's files by their paths."""
    for path, (name, content_type) in _FILES.items():
        body = _FOLDER.joinpath(name).read_bytes()
        etag = f'"{sha256(body).hexdigest()[:32]}"'.encode()
        headers = [
            (b"content-type", content_type),
            (b"cache-control", b"no-cache"),
            (b"etag", etag),
            (b"content-security-policy", _POLICY),
        ]
        yield path, Reply(200, body, headers)
