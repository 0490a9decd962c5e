"""The one tree of exceptions: what a person can fix, what the outside did, and nothing else.

Anything that is not in this tree is a bug of ours and may crash loudly. Faces (CLI, API, pages) turn
:class:`KtloError` into a sentence; they never show a traceback for one.
"""

from __future__ import annotations

import unicodedata


def printable(words: str) -> str:
    r"""The words with control characters as ``\x1b``: what came from outside may reach a terminal."""
    return "".join(
        letter.encode("unicode_escape").decode()
        if letter not in "\n\t" and unicodedata.category(letter) in ("Cc", "Cf", "Cs")
        else letter
        for letter in words
    )


class KtloError(Exception):
    """Root of every error that carries a sentence for a person.

    Attributes:
        what: what was wrong, as one sentence.
        where: the file, row, URL or setting it was found in; empty when there is no such place.
        fix: what the reader can do about it; empty when nothing can be done.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(printable(what))
        self.what = printable(what)
        self.where = printable(where)
        self.fix = printable(fix)

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.fix:
            parts.append(self.fix)
        return " ".join(part if part.endswith((".", "?", "!")) else f"{part}." for part in parts)


class UserError(KtloError):
    """A person can fix it: bad input, bad configuration, a missing file."""


class UsageError(UserError):
    """A question that cannot be asked: unknown metric, unknown dimension, an end before its start."""


class NotFoundError(UserError):
    """Something was named that does not exist."""


class SignatureError(UserError):
    """A webhook does not prove that it comes from where it says; nothing of it was kept."""


class TooLargeError(UserError):
    """More than is taken at once."""


class StoreBusyError(UserError):
    """Another process has the store open."""


class StoreError(KtloError):
    """The store refused or failed: full disk, lost connection, a statement it does not accept.

    Attributes:
        code: ClickHouse's number of the error; 0 when it has none.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "", code: int = 0) -> None:
        super().__init__(what, where=where, fix=fix)
        self.code = code


class SourceError(KtloError):
    """The outside is at fault: unreachable, rate-limited, forbidden. Kept, shown, retried.

    Attributes:
        retry_after: seconds after which a new attempt makes sense; ``None`` when unknown.
    """

    def __init__(
        self, what: str, *, where: str = "", fix: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.retry_after = retry_after
