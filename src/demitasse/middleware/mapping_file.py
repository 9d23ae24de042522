"""Reading a mapping file, and saying where it is wrong."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from demitasse.kernel import json
from demitasse.middleware.errors import InvalidMapping
from demitasse.middleware.mapping import Mapping
from demitasse.middleware.mapping_rules import problems

DEFAULT = "scoopjoy.toml"
_AT = re.compile(r" - at `\$(.*)`\Z")


def read_mapping(path: Path | None) -> Mapping:
    """Return the mapping in a TOML or JSON file; ScoopJoy's without one.

    Raises:
        InvalidMapping: the file is not there, or says something that cannot be used.
    """
    if path is None:
        text = files("demitasse.middleware").joinpath("mappings", DEFAULT).read_text(encoding="utf-8")
        return parse_mapping(text, name=DEFAULT)
    try:
        return parse_mapping(path.read_text(encoding="utf-8"), name=path.name)
    except OSError as error:
        message = f"The mapping file {path} cannot be read ({error.strerror}): see MAPPING_FILE"
        raise InvalidMapping(message, file=str(path)) from error
    except UnicodeDecodeError as error:
        message = f"The mapping file {path} is not UTF-8 text"
        raise InvalidMapping(message, file=str(path)) from error


def parse_mapping(text: str, *, name: str) -> Mapping:
    """Return the mapping that a text says.

    Args:
        name: Of the file; one that ends with ``.json`` is JSON, any other TOML.

    Raises:
        InvalidMapping: it is no mapping; the message says where and what.
    """
    found = _decode(text, name)
    try:
        mapping = msgspec.convert(found, Mapping)
    except msgspec.ValidationError as error:
        place = _AT.search(str(error))
        what = _AT.sub("", str(error))
        message = f"{name}: {place[1].lstrip('.') + ': ' if place else ''}{what}"
        raise InvalidMapping(message, file=name) from error
    problem = next(problems(mapping), None)
    if problem is not None:
        message = f"{name}: {problem}"
        raise InvalidMapping(message, file=name)
    return mapping


def _decode(text: str, name: str) -> Any:
    try:
        return json.decode(text) if name.endswith(".json") else tomllib.loads(text)
    except (json.MalformedJson, tomllib.TOMLDecodeError) as error:
        message = f"{name} cannot be read: {error}"
        raise InvalidMapping(message, file=name) from error
