"""Regular expressions of rules, in time linear in the text whatever the pattern: RE2.

RE2 has Go's syntax, so rules written for gitleaks mean the same here. Texts are bytes: a pattern of ASCII only
reads them as Latin-1, which never fails and is quick; one with other characters reads UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import re2

from ktlo.errors import UserError

_MEMORY = 64 << 20
"""Bytes a pattern may use: enough that RE2 keeps its quick automaton on ordinary rules."""


_SET_MEMORY = 256 << 20


class Match(Protocol):
    """What is used of a match of RE2."""

    def span(self, group: int = 0) -> tuple[int, int]:
        """Start and end of a group; (-1, -1) when it took no part."""


def _options(*, memory: int = _MEMORY, latin: bool = True) -> re2.Options:
    options = re2.Options()
    options.max_mem = memory
    options.log_errors = False
    options.encoding = re2.Options.Encoding.LATIN1 if latin else re2.Options.Encoding.UTF8
    return options


class Pattern:
    """One compiled regular expression over bytes.

    Args:
        source: in RE2's (Go's) syntax.
        where: rule or file to name when it does not compile.

    Raises:
        UserError: it does not compile.
    """

    __slots__ = ("_regex", "groups", "source")

    def __init__(self, source: str, where: str = "") -> None:
        self.source = source
        try:
            self._regex = re2.compile(source.encode("utf-8"), _options(latin=source.isascii()))
        except re2.error as error:
            reason = error.args[0] if error.args else error
            reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise UserError(
                f"the regular expression does not compile: {reason}",
                where=where,
                fix="Write it in RE2's syntax (no look-around, no back references)",
            ) from None
        self.groups: int = self._regex.groups

    def found(self, text: bytes) -> bool:
        """Whether it matches anywhere."""
        return self._regex.search(text) is not None

    def matches(self, text: bytes) -> Iterator[Match]:
        """Yield matches that do not overlap, from left to right."""
        found: Iterator[Match] = self._regex.finditer(text)
        return found


class Hints:
    """Finds in one pass which of many hints are in a text.

    Args:
        hints: words (bytes), in any case, and patterns; their places in this list are the answers.
    """

    __slots__ = ("_set",)

    def __init__(self, hints: Sequence[bytes | Pattern]) -> None:
        self._set = re2.Set.SearchSet(_options(memory=_SET_MEMORY)) if hints else None
        if self._set is not None:
            for hint in hints:
                source = hint.source.encode() if isinstance(hint, Pattern) else b"(?i)" + re2.escape(hint)
                self._set.Add(source)
            self._set.Compile()

    def found(self, text: bytes) -> list[int]:
        """Places of the hints found in the text."""
        if self._set is None:
            return []
        return self._set.Match(text) or []
