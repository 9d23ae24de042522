"""The Desk's own files: read once, named by their content, compressed, and kept by browsers for a year."""

import gzip
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from demitasse.web.envelope import Answer

PREFIX = "/assets/demitasse/"
_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}
_FOR_EVER = (b"cache-control", b"public, max-age=31536000, immutable")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asset:
    media_type: bytes
    plain: bytes
    zipped: bytes


class Assets:
    """What lies in the folder ``static``, by hashed name."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._found: dict[str, _Asset] = {}
        self._urls: dict[str, str] = {}
        for path in sorted(folder.iterdir()):
            media_type = _TYPES.get(path.suffix)
            if media_type is None:
                continue
            content = path.read_bytes()
            hashed = f"{path.stem}.{sha256(content).hexdigest()[:12]}{path.suffix}"
            zipped = gzip.compress(content, mtime=0)
            self._found[hashed] = _Asset(media_type=media_type, plain=content, zipped=zipped)
            self._urls[path.name] = PREFIX + hashed

    def url(self, name: str) -> str:
        """Return where a file is served; it changes with the content.

        Raises:
            KeyError: there is no such file.
        """
        return self._urls[name]

    def answer(self, path: str, *, accepts: str) -> Answer | None:
        """Return a file, compressed for those who accept it; ``None`` when nothing has this name.

        Args:
            accepts: The request's ``Accept-Encoding``.
        """
        asset = self._found.get(path.removeprefix(PREFIX))
        if asset is None:
            return None
        headers = [
            (b"content-type", asset.media_type),
            _FOR_EVER,
            (b"vary", b"Accept-Encoding"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if "gzip" in accepts:
            return Answer(status=200, body=asset.zipped, headers=[*headers, (b"content-encoding", b"gzip")])
        return Answer(status=200, body=asset.plain, headers=headers)
