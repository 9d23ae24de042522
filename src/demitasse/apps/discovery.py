"""Finding an app and reading what it ships."""

import importlib
import importlib.util
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from demitasse.apps.errors import InvalidApp, UnknownApp
from demitasse.apps.model import App
from demitasse.doctypes.errors import InvalidDocType
from demitasse.doctypes.model import DocType
from demitasse.doctypes.parse import parse_doctype
from demitasse.kernel import json

CORE = "core"
_APP_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


def load_app(name: str) -> App:
    """Return the app whose package has this name; it must be importable and have a ``hooks.py``.

    Raises:
        UnknownApp: there is no such package.
        InvalidApp: a file of it cannot be read.
    """
    if not _APP_NAME.match(name):
        message = f"{name!r} cannot be the name of an app"
        raise UnknownApp(message, app=name)
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        message = f"App {name} is not installed: no package of this name can be imported. Install it with pip first"
        raise UnknownApp(message, app=name)
    path = Path(next(iter(spec.submodule_search_locations)))
    if not (path / "hooks.py").is_file():
        message = f"{name} is a package, but no app: it has no hooks.py"
        raise UnknownApp(message, app=name)
    hooks = _names(importlib.import_module(f"{name}.hooks"))
    return read_app(name, path, package=name, hooks=hooks)


def read_app(name: str, path: Path, *, package: str, hooks: Mapping[str, Any]) -> App:
    """Return the app in a folder.

    Args:
        package: Dotted path of the package that the folder is.
        hooks: The names that its ``hooks.py`` sets.

    Raises:
        InvalidApp: a file of it cannot be read.
    """
    doctypes: list[DocType] = []
    controllers: dict[str, str] = {}
    for file in sorted(path.glob("**/doctype/*/*.json")):
        if file.stem != file.parent.name:
            continue
        doctype = _read_doctype(file, app=name)
        doctypes.append(doctype)
        inner = ".".join(file.relative_to(path).with_suffix("").parts)
        if file.with_suffix(".py").is_file():
            controllers[doctype.name] = f"{package}.{inner}"
    return App(
        name=name,
        path=path,
        hooks=hooks,
        doctypes=tuple(doctypes),
        controllers=controllers,
        patches=tuple(_patches(path / "patches.txt")),
    )


def _read_doctype(file: Path, *, app: str) -> DocType:
    try:
        return parse_doctype(json.decode(file.read_bytes()), app=app)
    except (json.MalformedJson, InvalidDocType, OSError, KeyError) as error:
        message = f"{file}: {error}"
        raise InvalidApp(message, app=app) from error


def _patches(file: Path) -> Iterator[str]:
    """Yield the patches of a ``patches.txt``; comments and section headings are left out."""
    if file.is_file():
        for line in file.read_text().splitlines():
            text = line.partition("#")[0].strip()
            if text and not text.startswith("["):
                yield text


def _names(module: ModuleType) -> Mapping[str, Any]:
    return {key: value for key, value in vars(module).items() if not key.startswith("_")}
