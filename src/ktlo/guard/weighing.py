"""What bears on a vulnerability besides its severity: is it exploited, and does the project's code reach it?

The matcher's findings come in and go out with further ``properties``; none is added, dropped or decided here.
``gate`` is the only caller.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from ktlo.guard.vulnerabilities.check import Examination
from ktlo.guard.vulnerabilities.exploitation import Source, read_exploitation, with_exploitation
from ktlo.settings import GuardSettings


@dataclass(frozen=True, slots=True)
class Weighed:
    """Findings with what bears on them.

    Attributes:
        examination: the same findings with more properties; what could not be read is added as unchecked.
        sources: further data that was read, for the report.
    """

    examination: Examination
    sources: tuple[Source, ...]


def weigh(examined: Examination, settings: GuardSettings, beside: Path, now: datetime) -> Weighed:
    """Add what is known about exploitation to every finding.

    Args:
        examined: what the matcher found.
        settings: where the data is.
        beside: folder that relative places in the settings start from.
        now: the moment ages are counted from.
    """
    outcome = examined.outcome
    findings = (*outcome.findings, *examined.undecided)
    facts = read_exploitation(
        settings.known_exploited,
        settings.epss,
        {name for one in findings for name in (one.rule, *one.aliases)},
        beside=beside,
        now=now,
        oldest=timedelta(days=settings.max_age_days),
    )
    outcome = replace(
        outcome,
        findings=tuple(with_exploitation(one, facts) for one in outcome.findings),
        unchecked=tuple(dict.fromkeys((*outcome.unchecked, *facts.unchecked))),
        stale=" ".join(filter(None, (outcome.stale, facts.stale))),
    )
    undecided = tuple(with_exploitation(one, facts) for one in examined.undecided)
    return Weighed(replace(examined, outcome=outcome, undecided=undecided), facts.sources)
