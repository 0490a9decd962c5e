"""What bears on a vulnerability besides its severity: is it exploited, and does the project's code reach it?

The matcher's findings come in and go out with further ``properties``; none is added, dropped or decided here.
:mod:`.checks.vulnerabilities` is the only caller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from ktlo.errors import UserError
from ktlo.guard.checks.protocol import Subject
from ktlo.guard.finding import Finding, Unchecked
from ktlo.guard.vulnerabilities.check import CHECK, Examination
from ktlo.guard.vulnerabilities.exploitation import Source, read_exploitation, with_exploitation
from ktlo.guard.vulnerabilities.symbols import read_symbols


@dataclass(frozen=True, slots=True)
class Weighed:
    """Findings with what bears on them.

    Attributes:
        examination: the same findings with more properties; what could not be read is added as unchecked.
        sources: further data that was read, for the report.
    """

    examination: Examination
    sources: tuple[Source, ...]


def weigh(examined: Examination, subject: Subject) -> Weighed:
    """Add what is known about exploitation and reachability to every finding.

    Args:
        examined: what the matcher found.
        subject: what is checked.

    Raises:
        UserError: the environment or a symbol file of the settings cannot be read.
    """
    settings, outcome = subject.settings, examined.outcome
    findings = (*outcome.findings, *examined.undecided)
    facts = read_exploitation(
        settings.known_exploited,
        settings.epss,
        {name for one in findings for name in (one.rule, *one.aliases)},
        beside=subject.beside,
        now=subject.as_of,
        oldest=timedelta(days=settings.max_age_days),
    )
    reached, unmatched = _reached([with_exploitation(one, facts) for one in findings], subject)
    count = len(outcome.findings)
    outcome = replace(
        outcome,
        findings=tuple(reached[:count]),
        unchecked=tuple(dict.fromkeys((*outcome.unchecked, *facts.unchecked, *unmatched))),
        stale=" ".join(filter(None, (outcome.stale, facts.stale))),
    )
    return Weighed(replace(examined, outcome=outcome, undecided=tuple(reached[count:])), facts.sources)


def _reached(findings: list[Finding], subject: Subject) -> tuple[list[Finding], tuple[Unchecked, ...]]:
    """The findings with how near they are, and what govulncheck saw besides."""
    settings = subject.settings
    symbols = read_symbols(subject.beside / Path(one).expanduser() for one in settings.symbols)
    findings = [_with_symbols(one, symbols) for one in findings]
    if settings.reachability == "off":
        return findings, ()
    judges: dict[str, Callable[[Finding], Finding]] = {}
    unmatched: tuple[Unchecked, ...] = ()
    about = {one.properties.get("ecosystem", "") for one in findings}
    if "PyPI" in about:
        judges["PyPI"] = _python(subject)
    if "Go" in about:
        judges["Go"], unmatched = _go(
            subject, [one for one in findings if one.properties["ecosystem"] == "Go"]
        )
    made = [
        judges[one.properties["ecosystem"]](one) if one.properties.get("ecosystem") in judges else one
        for one in findings
    ]
    return made, unmatched


def _with_symbols(finding: Finding, symbols: object) -> Finding:
    known = symbols if isinstance(symbols, dict) else {}
    names = (finding.rule, *finding.aliases, *finding.properties.get("advisories", "").split())
    said = finding.properties.get("symbols", "").split()
    said += [symbol for name in names for symbol in known.get(name, ())]
    if not said:
        return finding
    return replace(finding, properties=finding.properties | {"symbols": " ".join(dict.fromkeys(said))})


def _python(subject: Subject) -> Callable[[Finding], Finding]:
    from ktlo.guard.reachability.distributions import own_environment, site_packages
    from ktlo.guard.reachability.limits import Limits
    from ktlo.guard.reachability.python import Judge
    from ktlo.guard.reachability.tiers import with_reach

    named = subject.settings.environment
    environment = (
        site_packages(subject.beside / Path(named).expanduser())
        if named
        else own_environment(subject.installed or subject.root)
    )
    judge = Judge(subject.root, environment, Limits(seconds=subject.settings.reachability_seconds))
    return lambda one: with_reach(one, judge.judge(one, one.properties.get("symbols", "").split()))


def _go(
    subject: Subject, findings: Sequence[Finding]
) -> tuple[Callable[[Finding], Finding], tuple[Unchecked, ...]]:
    from ktlo.guard.reachability.go import TRUST, ask_go
    from ktlo.guard.reachability.tiers import with_reach

    settings = subject.settings
    answers = ask_go(
        subject.root,
        findings,
        database=settings.govulncheck_database,
        seconds=settings.reachability_seconds * 5,
        may_run=TRUST in subject.trusted and not subject.is_past,
    )
    return lambda one: with_reach(one, answers.judge(one)), answers.unmatched(findings)


__all__ = ["CHECK", "UserError", "Weighed", "weigh"]
