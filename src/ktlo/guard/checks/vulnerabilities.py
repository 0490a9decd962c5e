"""The vulnerabilities check: what the lock files state against what advisory databases know.

The match is made in :mod:`ktlo.guard.vulnerabilities`; here its question is put together from the settings and its
answer is brought into the shape of every check, with the proof of what was covered.
"""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import ClassVar

from ktlo.guard.checks.protocol import Answer, Subject
from ktlo.guard.dependency import Dependency
from ktlo.guard.finding import Outcome, Unchecked
from ktlo.guard.verdict import Coverage, DatabaseAge
from ktlo.guard.vulnerabilities.check import CHECK, Question, examine
from ktlo.guard.vulnerabilities.databases.protocol import State
from ktlo.guard.vulnerabilities.exploitation import Source
from ktlo.guard.weighing import Weighed, weigh


class Vulnerabilities:
    """Dependencies with known vulnerabilities."""

    name: ClassVar[str] = CHECK
    summary: ClassVar[str] = "dependencies with a known vulnerability, by the lock files"

    def run(self, subject: Subject) -> Answer:
        """Read the lock files and ask the databases."""
        settings = subject.settings
        read = subject.lock_files.read()
        weighed = weigh(examine((inventory for _, inventory in read), question_of(subject)), subject)
        examined = weighed.examination
        outcome = examined.outcome
        if not read and settings.lock_files == "expected":
            outcome = _without_lock_files(outcome)
        coverage = _coverage(weighed, [path for path, _ in read], subject.as_of)
        return Answer(outcome, examined.undecided, coverage)


def question_of(subject: Subject) -> Question:
    """What the databases are asked, by the settings."""
    settings = subject.settings
    return Question(
        databases=tuple(settings.databases),
        beside=subject.beside,
        cache=subject.cache,
        now=subject.now,
        oldest=datetime.timedelta(days=settings.max_age_days),
        internal=tuple(settings.internal),
        as_of=subject.as_of if subject.as_of < subject.now else None,
    )


def _without_lock_files(outcome: Outcome) -> Outcome:
    reason = (
        "no lock file was found, so nothing is known about what is installed: commit one,"
        " or write guard: {lock_files: none} in ktlo.yaml if there are no dependencies"
    )
    return replace(outcome, unchecked=(*outcome.unchecked, Unchecked(CHECK, "dependencies", reason)))


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
        stated=examined.dependencies,
    )


def _named(one: Dependency) -> str:
    return f"{one.name} {one.version} ({one.ecosystem})"
