"""Paths with names in them."""


def match(pattern: str, path: tuple[str, ...]) -> dict[str, str] | None:
    """Return what the names in a pattern stand for in a path, ``None`` when the path is another.

    ``{name}`` takes one part, ``{name*}`` at the end all that follow, at least one.
    """
    wanted = pattern.split("/") if pattern else []
    values: dict[str, str] = {}
    for position, part in enumerate(wanted):
        if position >= len(path):
            return None
        if part.endswith("*}"):
            values[part[1:-2]] = "/".join(path[position:])
            return values
        if part.startswith("{"):
            values[part[1:-1]] = path[position]
        elif part != path[position]:
            return None
    return values if len(wanted) == len(path) else None
