"""How a receiver makes sure that a request is genuine: text to copy, in the languages that receivers are written in.

docs/webhooks.md shows the same texts; the tests hold them against each other, and run them.
"""

from functools import cache
from importlib.resources import files

LANGUAGES = {"python": "Python", "node": "Node", "php": "PHP", "go": "Go", "java": "Java", "csharp": "C#"}
"""File name to heading."""


@cache
def recipes() -> dict[str, str]:
    """Return the text for each language, by its name."""
    folder = files(__package__) / "recipes"
    return {label: (folder / f"{name}.txt").read_text(encoding="utf-8") for name, label in LANGUAGES.items()}
