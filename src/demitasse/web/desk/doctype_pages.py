"""The pages that every DocType has: its list and its form."""

from collections.abc import Sequence

from demitasse.web.desk.port import Extension, Route


def routes(_: Sequence[Extension]) -> tuple[Route, ...]:
    """Return the routes of these pages; they come last, since they take whatever is left."""
    return ()
