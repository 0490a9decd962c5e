"""One run of the gate: settings become questions, checks give outcomes, ``verdict`` judges them.

The command line is the only caller. Every check named here has run when a report comes out, or the report says
that it could not.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ktlo.errors import UserError
from ktlo.guard.dependency import Dependency
from ktlo.guard.finding import Level, Outcome, Unchecked
from ktlo.guard.openvex import read_openvex
from ktlo.guard.policy import Ignore, Policy
from ktlo.guard.verdict import Coverage, DatabaseAge, Report, decide
from ktlo.guard.vulnerabilities.check import CHECK, Question, examine
from ktlo.guard.vulnerabilities.databases.protocol import State
from ktlo.guard.vulnerabilities.exploitation import Source
from ktlo.guard.weighing import Weighed, weigh
from ktlo.settings import GuardSettings


@dataclass(frozen=True, slots=True)
class Run:
    """What one run is about.

    Attributes:
        root: the repository's folder.
        settings: what a person said.
        beside: folder that relative places in the settings start from.
        policy_place: the settings file as findings name it.
        now: the moment of the run, with a time zone.
        cache: folder of local indexes.
    """

    root: Path
    settings: GuardSettings
    beside: Path
    policy_place: str
    now: datetime.datetime
    cache: Path


def cache_folder() -> Path:
    """Where indexes of advisory databases are kept."""
    return Path(platformdirs.user_cache_dir("ktlo", appauthor=False)) / "advisories"


def run(asked: Run) -> Report:
    """Check a repository.

    Raises:
        UserError: there is no such folder, or a VEX file cannot be read.
    """
    from ktlo.guard.lockfiles import Limits, read_lock_files

    if not asked.root.is_dir():
        raise UserError("there is no such folder", where=str(asked.root), fix="Give a repository's folder")
    settings = asked.settings
    policy = _policy(asked)
    read = list(read_lock_files(asked.root, Limits()))
    question = Question(
        databases=tuple(settings.databases),
        beside=asked.beside,
        cache=asked.cache,
        now=asked.now,
        oldest=datetime.timedelta(days=settings.max_age_days),
        internal=tuple(settings.internal),
    )
    weighed = weigh(
        examine((inventory for _, inventory in read), question), settings, asked.beside, asked.now
    )
    examined = weighed.examination
    outcome = examined.outcome
    if not read and settings.lock_files == "expected":
        outcome = _without_lock_files(outcome)
    return decide(
        [outcome],
        examined.undecided,
        policy,
        _coverage(weighed, [path for path, _ in read], asked.now),
        asked.now.date(),
    )


def _without_lock_files(outcome: Outcome) -> Outcome:
    reason = (
        "no lock file was found, so nothing is known about what is installed: commit one,"
        " or write guard: {lock_files: none} in ktlo.yaml if there are no dependencies"
    )
    return Outcome(
        check=CHECK,
        findings=outcome.findings,
        unchecked=(*outcome.unchecked, Unchecked(CHECK, "dependencies", reason)),
        checked=outcome.checked,
        unit=outcome.unit,
        stale=outcome.stale,
    )


def _policy(asked: Run) -> Policy:
    said = asked.settings
    return Policy(
        fail_from=Level(said.fail_from),
        fail_from_development=Level(said.fail_from_development or said.fail_from),
        ignores=tuple(
            Ignore(one.id, one.owner, one.reason, one.expires, one.package, one.path) for one in said.ignores
        ),
        statements=tuple(
            statement
            for file in said.vex
            for statement in read_openvex(asked.beside / Path(file).expanduser())
        ),
        place=asked.policy_place,
    )


def _coverage(weighed: Weighed, files: list[str], now: datetime.datetime) -> Coverage:
    examined = weighed.examination
    read: list[State | Source] = [*examined.databases, *weighed.sources]
    return Coverage(
        files=tuple(files),
        dependencies=len(examined.dependencies),
        checked=examined.outcome.checked,
        internal=tuple(dict.fromkeys(_named(one) for one in examined.internal)),
        databases=tuple(
            DatabaseAge(
                one.place,
                one.records,
                one.newest,
                None if one.newest is None else max(0.0, (now - one.newest).total_seconds() / 86400),
            )
            for one in read
        ),
    )


def _named(one: Dependency) -> str:
    return f"{one.name} {one.version} ({one.ecosystem})"
