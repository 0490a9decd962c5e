"""The server's look for secrets in the history of the repositories it reads; keeps fingerprints, rules and places only.

A finding opens with the commit that brought the secret. It is over when the repository's journal
(``.ktlo/secrets-journal.jsonl`` at the newest commit) says that its issuer refused it; removing the line ends nothing.
What the repository's baseline knows is tolerated. Runs when the branch has moved; part of ``scanning``.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from ktlo import __version__
from ktlo.guard.ledger import Sighting, new_finding
from ktlo.guard.secrets import BASELINE, Baseline, default_rules
from ktlo.guard.secrets.baseline import parse_baseline
from ktlo.guard.secrets.engine import Engine
from ktlo.guard.secrets.gathering import CHECK, Gathering, SecretsOutcome
from ktlo.guard.secrets.history import scan_all_history
from ktlo.guard.secrets.limits import Limits
from ktlo.guard.secrets.repository import Git, GitProblemError, find_repository, lent
from ktlo.guard.vault.journal import JOURNAL, Step, parse_journal
from ktlo.guard.vulnerabilities.advisory import moment
from ktlo.records.findings import Finding, Scan
from ktlo.wording import counted

_LEAST_SECONDS = 60.0
_TIMES_SECONDS = 6.0
"""Reading a whole history takes longer than reading lock files; it is done only when the branch has moved."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found.

    Attributes:
        scan: the run.
        findings: one episode each.
    """

    scan: Scan
    findings: tuple[Finding, ...]


def identity_of(source: str, tip: str) -> str:
    """Identifier of the scan of one state by one version of the rules."""
    return hashlib.sha256(json.dumps([CHECK, source, tip, __version__]).encode()).hexdigest()[:32]


def look(source: str, repository: str, folder: Path, tip: str, seconds: float) -> Seen:
    """Scan the whole history.

    Args:
        source: identifier of the git source.
        repository: its name.
        folder: its git directory.
        tip: newest commit of its default branch: whose baseline and journal count.
        seconds: of ``guard.server_seconds``; git may take six times as long.

    Raises:
        GitProblemError: git does not find the repository.
    """
    started = dt.datetime.now(dt.UTC)
    limits = Limits(git_seconds=max(_LEAST_SECONDS, seconds * _TIMES_SECONDS))
    found = find_repository(folder)
    if found is None:
        raise GitProblemError("git does not find its objects")
    with lent(found, limits.git_seconds) as git:
        baseline = _baseline(git, tip)
        closed = _closed(git, tip)
        # Known ones are looked for too: what is tolerated is shown as such.
        gathering = Gathering(Baseline(baseline.salt), limits)
        scan_all_history(folder, Engine(default_rules()), gathering, limits)
        outcome = gathering.outcome()
        dates = _dates(git, outcome)
    scan = _scan(source, repository, tip, started, outcome)
    findings = []
    for one in outcome.findings:
        at = dates.get(one.location.commit)
        known = "it is in the repository's baseline of known secrets"
        over = closed.get(one.fingerprint)
        tolerated = known if one.fingerprint in baseline.fingerprints and over is None else ""
        record = new_finding(Sighting(one, tolerated, at, one.location.commit if at else ""), scan, 1)
        findings.append(replace(record, resolved_at=over if over and over > record.opened_at else None))
    return Seen(scan, tuple(findings))


def _blob(git: Git, tip: str, path: Path) -> str:
    try:
        spec = f"{tip}:{path.as_posix()}"
        if int(git.ask("cat-file", "-s", spec)) > 64 << 20:
            return ""
        return git.ask("cat-file", "blob", spec).decode("utf-8", "replace")
    except (GitProblemError, ValueError):
        return ""


def _baseline(git: Git, tip: str) -> Baseline:
    text = _blob(git, tip, BASELINE)
    return (parse_baseline(text) or Baseline()) if text else Baseline()


def _closed(git: Git, tip: str) -> dict[str, dt.datetime]:
    """When each secret was proven dead, by its fingerprint."""
    closed: dict[str, dt.datetime] = {}
    for entry in parse_journal(_blob(git, tip, JOURNAL)):
        at = moment(entry.at)
        if entry.step is Step.CLOSED and at is not None:
            closed.setdefault(entry.fingerprint, at)
        elif entry.step is Step.ALIVE:
            closed.pop(entry.fingerprint, None)
    return closed


def _dates(git: Git, outcome: SecretsOutcome) -> dict[str, dt.datetime]:
    shas = sorted({one.location.commit for one in outcome.findings if one.location.commit})
    dates = {}
    for at in range(0, len(shas), 500):
        said = git.ask("log", "--no-walk", "--format=%H %ct", *shas[at : at + 500], "--")
        for line in said.decode().splitlines():
            sha, _, seconds = line.partition(" ")
            dates[sha] = dt.datetime.fromtimestamp(int(seconds), dt.UTC)
    return dates


def _scan(source: str, repository: str, tip: str, started: dt.datetime, outcome: SecretsOutcome) -> Scan:
    n, unread = len(outcome.findings), len(outcome.unchecked)
    said = f"{counted(n, 'secrets')} in {counted(outcome.tally.texts, 'texts')} of the history"
    if unread:
        said += f"; {unread:,} could not be read, first: {outcome.unchecked[0].what}: {outcome.unchecked[0].reason}"
    return Scan(
        source=source,
        repository=repository,
        scan_id=identity_of(source, tip),
        sha=tip,
        ref="",
        is_default=True,
        started_at=started,
        finished_at=dt.datetime.now(dt.UTC),
        verdict="findings" if n else "inconclusive" if unread else "clean",
        headline=said,
        checks=(CHECK,),
        complete=() if unread else (CHECK,),
        failing=n,
        tolerated=0,
        unchecked=unread,
        dependencies=0,
        checked=0,
        database_at=None,
    )
