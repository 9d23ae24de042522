"""Fetch what the Desk is drawn with (htmx, Tabler's CSS and icons) from npm, and keep of it what the Desk uses.

Run it after changing a version or a list below: ``python3 scripts/vendor_desk.py``. What it writes is committed.
"""

import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

HTMX, TABLER, ICONS = "htmx.org@2.0.11", "@tabler/core@1.6.1", "@tabler/icons@3.52.0"
TARGET = Path(__file__).parents[1] / "src" / "demitasse" / "web" / "desk" / "static"
ICON_NAMES = (
    "alert-circle", "alert-triangle", "arrow-down", "arrow-up", "bell", "box", "check", "chevron-down", "chevron-left",
    "chevron-right", "circle-check", "circle-x", "clock", "copy", "dots", "dots-vertical", "external-link", "eye",
    "file-text", "filter", "home", "info-circle", "key", "keyboard", "link", "lock", "logout", "menu-2", "moon",
    "player-pause", "player-play", "plug-connected", "plus", "refresh", "rotate", "search", "send", "settings",
    "sort-ascending", "sort-descending", "sun", "trash", "user", "webhook", "x",
)  # fmt: skip
_UNUSED_PARTS = frozenset((
    "accordion", "animate", "apexcharts", "avatar", "bg-gradient", "bg-pattern", "bs", "btn-animate", "btn-check",
    "btn-gradient", "calendar", "card-gradient", "card-img", "card-rotate", "card-stamp", "card-tabs", "carousel",
    "chart", "chat", "clearfix", "divide", "dropend", "dropstart", "dropup", "dropzone", "focus", "form-colorinput",
    "form-fieldset", "form-floating", "form-imagecheck", "form-selectgroup", "fullcalendar", "hover", "hr-text",
    "img", "input-icon", "jvm", "layout", "legend", "link-offset", "link-opacity", "link-underline", "litepicker",
    "loader", "mention", "modal", "modal-backdrop", "navbar", "offcanvas", "opacity", "otp", "payment", "plyr",
    "popover", "progressbg", "ratio", "ribbon", "sharing", "signal", "signature", "social", "sortable", "space",
    "sparkline", "star", "step", "steps", "strength", "switch-icon", "theme", "tom-select", "tooltip", "tracking",
    "ts-control", "ts-dropdown", "vr",
))  # fmt: skip
_UNUSED_PREFIXES = tuple(f"{part}-" for part in _UNUSED_PARTS)
_COLOURS = (
    "facebook", "twitter", "linkedin", "google", "youtube", "vimeo", "dribbble", "github", "instagram", "pinterest",
    "vk", "rss", "flickr", "bitbucket", "tabler", "x", "whatsapp", "telegram", "pink", "lime", "cyan", "teal",
    "indigo", "gray-50", "gray-100", "gray-300", "gray-400", "gray-500", "gray-600", "gray-700", "gray-800",
    "gray-900", "primary-subtle", "secondary-subtle", "success-subtle", "info-subtle", "warning-subtle",
    "danger-subtle", "light-subtle", "dark-subtle", "ghost",
)  # fmt: skip
_COLOURED = re.compile(
    rf"(?:bg|text|btn|btn-outline|btn-ghost|link|border|badge|status|alert|table|avatar|progress)-(?:{'|'.join(_COLOURS)})"
    r"(?:-(?:lt|fg|emphasis))?\Z"
)
_STEPPED = re.compile(
    r"(?!d-|col-|flex-|row-|g-|w-|text-|container-|align-items-|justify-)[a-z-]+-(?:sm|md|lg)-[\w-]+\Z"
)
"""Spacings and the like that change with the width of the screen: the Desk has them for its layout alone."""
_CLASS = re.compile(r"\.(-?[_a-zA-Z][\w-]*)")
_TOO_WIDE = ("@media (min-width:1200px)", "@media (min-width:1400px)", "@media (max-width:1", "@media print")
"""Layouts for wide screens that the Desk has none of."""


def main() -> None:
    """Fetch everything and write it."""
    with tempfile.TemporaryDirectory() as folder:
        htmx, tabler, icons = (_unpacked(name, Path(folder)) for name in (HTMX, TABLER, ICONS))
        _write("htmx.min.js", (htmx / "dist" / "htmx.min.js").read_text())
        _write("htmx.LICENSE.txt", (htmx / "LICENSE").read_text())
        css = (tabler / "dist" / "css" / "tabler.min.css").read_text()
        _write("tabler.min.css", "".join(_kept(css)).replace("sourceMappingURL=", "") + "\n")
        _write("icons.svg", _sprite(icons / "icons" / "outline"))
        _write("tabler-icons.LICENSE.txt", (icons / "LICENSE").read_text())


def _unpacked(name: str, folder: Path) -> Path:
    done = subprocess.run(
        ["npm", "pack", "--silent", name],  # noqa: S607 - found on PATH
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    target = folder / name.replace("/", "-")
    with tarfile.open(folder / done.stdout.split()[-1]) as archive:
        archive.extractall(target, filter="data")
    return target / "package"


def _write(name: str, text: str) -> None:
    (TARGET / name).write_text(text)
    print(f"{name}: {len(text.encode()):,} bytes")


def _sprite(folder: Path) -> str:
    symbols = []
    for name in ICON_NAMES:
        inner = re.sub(
            r"<!--.*?-->|<path stroke=\"none\"[^>]*/>", "", (folder / f"{name}.svg").read_text(), flags=re.DOTALL
        )
        body = re.sub(r"\s+", " ", re.sub(r"\A.*?<svg[^>]*>|</svg>\s*\Z", "", inner, flags=re.DOTALL)).strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def _rules(css: str) -> Iterator[str]:
    """Yield the rules at the top level, each with its block."""
    start = position = depth = 0
    while position < len(css):
        character = css[position]
        if css.startswith("/*", position):
            position = css.index("*/", position) + 1
        elif character in "\"'":
            position = css.index(character, position + 1)
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
        if depth == 0 and character in "};":
            yield css[start : position + 1]
            start = position + 1
        position += 1


def _kept(css: str) -> Iterator[str]:
    for rule in _rules(css):
        head, brace, block = rule.partition("{")
        if head.startswith(_TOO_WIDE):
            continue
        if head.startswith(("@media", "@supports")):
            inner = "".join(_kept(block[:-1]))
            if inner:
                yield f"{head}{{{inner}}}"
        elif head.startswith(("@", "/*")) or not brace:
            yield rule
        else:
            selectors = [each for each in _selectors(head) if not _is_unused(each)]
            if selectors:
                yield f"{','.join(selectors)}{{{block}"


def _selectors(head: str) -> list[str]:
    """Split at the commas that stand in no parentheses."""
    return re.split(r",(?![^()]*\))", head)


def _is_unused(selector: str) -> bool:
    return selector.startswith("[data-vc") or any(
        name in _UNUSED_PARTS or name.startswith(_UNUSED_PREFIXES) or _COLOURED.match(name) or _STEPPED.match(name)
        for name in _CLASS.findall(re.sub(r":not\([^)]*\)", "", selector))
    )


if __name__ == "__main__":
    main()
