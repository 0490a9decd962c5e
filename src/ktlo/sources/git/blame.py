"""Since when single lines stand as they do, and who wrote them: ``git blame`` for a few lines of a file.

Blame walks history for every file, so the work is bounded by a number of files and by time; lines beyond
that get no date, and a note says how many files were left. Format: "THE PORCELAIN FORMAT", git-blame(1).
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ktlo.sources.git.dates import DAY, EARLIEST
from ktlo.sources.git.program import Git, GitError, SilentError
from ktlo.sources.git.text import text

FILES = 500
"""Files that are blamed in one run, at most."""
SECONDS = 60.0
"""Time that blame may take in one run; the file under way is finished."""
_HEADER = re.compile(rb"^([0-9a-f]{40,64}) \d+ (\d+)")


@dataclass(frozen=True, slots=True)
class Origin:
    """When a line was last changed (``None`` when that date is impossible) and its author's address."""

    changed_at: dt.datetime | None
    author_email: str


UNKNOWN = Origin(None, "")


@dataclass(slots=True)
class Blame:
    """Blames lines at one commit until its bounds are reached.

    Args:
        git: the repository.
        commit: the tree's commit.
        mailmap: object id of the mailmap.
        boundary: commits of a shallow clone behind which nothing is known: lines from them have no date.
    """

    git: Git
    commit: str
    mailmap: str
    boundary: Collection[str]
    files: int = 0
    spent: float = 0.0
    left_out: int = field(default=0)

    def lines(self, path: bytes, numbers: Sequence[int]) -> Mapping[int, Origin]:
        """Origins by line number; empty when the bounds are reached or git cannot tell."""
        if not numbers:
            return {}
        if self.files >= FILES or self.spent >= SECONDS:
            self.left_out += 1
            return {}
        self.files += 1
        began = time.monotonic()
        ranges = [part for number in numbers for part in ("-L", f"{number},{number}")]
        try:
            output = self.git.run(
                "-c",
                f"mailmap.blob={self.mailmap}",
                "blame",
                "--porcelain",
                "--no-textconv",
                "--encoding=UTF-8",
                *ranges,
                self.commit,
                "--",
                path,
            )
        except GitError as error:
            if not error.by_itself and not isinstance(error, SilentError):
                raise
            return {}
        finally:
            self.spent += time.monotonic() - began
        return self._read(output)

    def _read(self, output: bytes) -> dict[int, Origin]:
        origins: dict[str, Origin] = {}
        found: dict[int, Origin] = {}
        commit, number, mail, at = "", 0, "", 0
        for line in output.split(b"\n"):
            if line.startswith(b"\t"):
                if commit not in origins:
                    origins[commit] = UNKNOWN if commit in self.boundary else _origin(at, mail)
                found[number] = origins[commit]
            elif header := _HEADER.match(line):
                commit, number = header[1].decode("ascii"), int(header[2])
            elif line.startswith(b"author-mail "):
                mail = text(line[12:].strip()).removeprefix("<").removesuffix(">")
            elif line.startswith(b"author-time "):
                at = int(line[12:])
        return found


def _origin(at: int, mail: str) -> Origin:
    if not EARLIEST <= at <= time.time() + DAY:
        return Origin(None, mail)
    return Origin(dt.datetime.fromtimestamp(at, dt.UTC), mail)
