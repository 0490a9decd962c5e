"""How bad an advisory is, as a level: from its CVSS vector, else from its publisher's word, else unknown.

Bounds are CVSS's qualitative scale (0.1-3.9 low, 4.0-6.9 medium, 7.0-8.9 high, 9.0-10 critical); scores are
computed by the `cvss` package. Unknown stays unknown: policy treats it as failing.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from ktlo.guard.finding import Level
from ktlo.guard.vulnerabilities.advisory import Advisory, Score
from ktlo.guard.vulnerabilities.match import same_name

_NEWEST_FIRST = ("CVSS_V4", "CVSS_V3", "CVSS_V2")
_WORDS = {
    "critical": Level.CRITICAL,
    "high": Level.HIGH,
    "important": Level.HIGH,
    "moderate": Level.MEDIUM,
    "medium": Level.MEDIUM,
    "low": Level.LOW,
}
_RANK = {level: rank for rank, level in enumerate(Level)}


@dataclass(frozen=True, slots=True)
class Severity:
    """A level and what it rests on.

    Attributes:
        level: as policy reads it.
        score: CVSS base score, 0 to 10; ``None`` when no vector could be read.
        vector: the CVSS vector; empty when there is none.
    """

    level: Level
    score: float | None = None
    vector: str = ""


UNKNOWN = Severity(Level.UNKNOWN)


def severity_of(advisory: Advisory, ecosystem: str, name: str) -> Severity:
    """The severity for one package: the entry's own before the record's; CVSS 4 before 3 before 2."""
    wanted = (ecosystem, same_name(ecosystem, name))
    own = [
        entry
        for entry in advisory.affected
        if (entry.package.ecosystem, same_name(ecosystem, entry.package.name)) == wanted
    ]
    for scores in (*(entry.severity for entry in own), advisory.severity):
        found = _by_vector(scores)
        if found is not None:
            return found
    words = [entry.database_specific.get("severity") for entry in own]
    words += [entry.ecosystem_specific.get("severity") for entry in own]
    words.append(advisory.database_specific.get("severity"))
    for word in words:
        if isinstance(word, str) and word.lower() in _WORDS:
            return Severity(_WORDS[word.lower()])
    return UNKNOWN


def worst(severities: Iterable[Severity]) -> Severity:
    """The worst known severity of one vulnerability's records; unknown only when none is known."""
    known = [one for one in severities if one.level is not Level.UNKNOWN]
    return min(known, key=lambda one: (_RANK[one.level], -(one.score or 0)), default=UNKNOWN)


def _by_vector(scores: tuple[Score, ...]) -> Severity | None:
    by_type = {score.type: score.score for score in scores}
    for kind in _NEWEST_FIRST:
        if kind in by_type and (value := _base_score(by_type[kind])) is not None:
            return Severity(level_of(value), value, by_type[kind])
    return None


def level_of(score: float) -> Level:
    """The qualitative level of a base score; 0.0 ("none") counts as low, never as nothing."""
    if score >= 9:
        return Level.CRITICAL
    if score >= 7:
        return Level.HIGH
    return Level.MEDIUM if score >= 4 else Level.LOW


@functools.lru_cache(maxsize=4096)
def _base_score(vector: str) -> float | None:
    from cvss import CVSS2, CVSS3, CVSS4
    from cvss.exceptions import CVSSError

    try:
        if vector.startswith("CVSS:4"):
            return float(CVSS4(vector).base_score)
        if vector.startswith("CVSS:3"):
            return float(CVSS3(vector).scores()[0])
        return float(CVSS2(vector).scores()[0])
    except (CVSSError, ValueError, TypeError, ArithmeticError):
        return None
