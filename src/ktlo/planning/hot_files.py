"""Hotspots with what production says, file by file: commits times complexity times time times errors.

The hotspot list tells where people's work goes (Tornhill, Your Code as a Crime Scene, 2015), production which of that
code also costs time and fails. The product ranks; it has no unit. A file that production tells nothing of has no
product: that it was not observed is told with its reason, and is never taken for zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ktlo.metrics.ask import fetch
from ktlo.metrics.question import Question
from ktlo.metrics.registry import definition
from ktlo.store.protocol import Queryable
from ktlo.telemetry.production import LONGEST, FileRan, Production, production

DEFINITION = (
    "Commits in the period times complexity now times seconds in production times (errors + ½). Seconds are the self"
    " time of the file's functions in the last seven days, whatever the period; errors are their calls that raised. ½"
    " is added because no error that was seen is no proof of none: events + ½ is the posterior mean of a Poisson count"
    " under Jeffreys' prior. A file that was not observed has no product; it is not taken for zero."
)
_UNSEEN = "no function that ran could be matched to its repository"
_SILENT = "none of its functions was counted: not called, or not among what is counted"


@dataclass(frozen=True, slots=True)
class HotFile:
    """A source file that people changed, and what production says of it.

    Attributes:
        repository: its repository.
        path: in it.
        service: by the catalogue; empty when none.
        team: owning team; empty when none.
        commits: in the period.
        bug_fixes: of them.
        complexity: summed indentation now.
        lines: now.
        ran: what production says; ``None`` when it was not observed.
        reason: why it was not observed; empty when it was.
        share: its part of the products of all observed files; ``None`` when it was not observed.
    """

    repository: str
    path: str
    service: str
    team: str
    commits: int
    bug_fixes: int
    complexity: float
    lines: int
    ran: FileRan | None
    reason: str = ""
    share: float | None = None

    @property
    def score(self) -> float:
        """Commits times complexity, as the hotspot list has it."""
        return self.commits * self.complexity

    @property
    def product(self) -> float | None:
        """With time and errors; ``None`` when it was not observed."""
        if self.ran is None:
            return None
        return self.score * self.ran.seconds * (self.ran.errors + 0.5)


@dataclass(frozen=True, slots=True)
class HotFiles:
    """The list.

    Attributes:
        files: those that were observed, highest product first, then the others, highest score first.
        production: what ran.
    """

    files: tuple[HotFile, ...]
    production: Production

    @property
    def observed(self) -> tuple[HotFile, ...]:
        """Files that production tells of."""
        return tuple(one for one in self.files if one.ran is not None)


def hot_files(store: Queryable, question: Question) -> HotFiles:
    """The hotspot list of a question, with production.

    Args:
        store: records and telemetry.
        question: its period counts commits; production, like complexity, is that of now.

    Raises:
        UsageError: a filter that hotspots do not have.
    """
    rows = fetch(store, definition("hotspots"), question).table.to_pylist()
    return joined(rows, production(store, question.now - LONGEST, question.now))


def joined(rows: Sequence[dict[str, Any]], ran: Production) -> HotFiles:
    """Join rows of the metric ``hotspots`` to what ran, and rank."""
    could_be = {place: one for one in ran.not_matched for place in one.could_be}
    found = []
    for row in rows:
        place = (row["repository"], row["path"])
        reason = ""
        if place not in ran.files:
            reason = _SILENT if row["repository"] in ran.repositories else _UNSEEN
            if place in could_be:
                reason = f"a path of {could_be[place].service} fits it and other files"
        found.append(
            HotFile(
                row["repository"], row["path"], row["service"] or "", row["team"] or "", int(row["revisions"]),
                int(row["bug_fixes"]), float(row["complexity"]), int(row["lines"]), ran.files.get(place), reason,
            )
        )  # fmt: skip
    total = sum(one.product or 0.0 for one in found)
    found = [
        replace(one, share=one.product / total if total else None) if one.product is not None else one
        for one in found
    ]
    found.sort(key=lambda one: (one.ran is None, -(one.product or 0.0), -one.score, one.repository, one.path))
    return HotFiles(tuple(found), ran)
