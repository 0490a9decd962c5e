"""Strangers' names made fit to show: control characters escaped, credentials cut out of addresses, length bound.

A file name may hold newlines and terminal escape codes, a dependency's address a token; neither may reach a
terminal, a report or a log.
"""

from __future__ import annotations

import re

_LONGEST = 200
_CREDENTIALS = re.compile(r"(?<=//)[^/@\s]{1,2000}@")
_QUERY = re.compile(r"\?[^#\s]{0,2000}")


def printable(text: object, longest: int = _LONGEST) -> str:
    """Text for one line of a report: whatever is not printable is escaped, the middle of long text is cut."""
    shown = str(text)
    if len(shown) > longest:
        shown = f"{shown[: longest // 2]}…{shown[-longest // 4 :]}"
    if shown.isprintable():
        return shown
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode("ascii")
        for char in shown
    )


def full_path(path: object) -> str:
    """A path in full, with control characters and undecodable bytes escaped: for ``Location.path``."""
    return printable(path, longest=10_000)


def address(url: str) -> str:
    """A URL for people: without user, password, token and query."""
    return printable(_QUERY.sub("", _CREDENTIALS.sub("", url[:4_000])))
