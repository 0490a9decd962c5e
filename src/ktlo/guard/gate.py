"""One run of the gate: settings become a ``Subject``, the checks answer, ``verdict`` judges them.

The command line is the only caller. Every check that was chosen has run when a report comes out, or the report says
that it could not. With ``--since`` the checks run on two states, and what the earlier one has too is not the change's.
"""

from __future__ import annotations

import contextlib
import datetime
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import platformdirs

from ktlo.errors import KtloError, UserError
from ktlo.guard.checks.protocol import Answer, LockFiles, Subject
from ktlo.guard.checks.registry import chosen, names
from ktlo.guard.checks.running import Told, run_all, silent
from ktlo.guard.finding import Finding, Level, Outcome, Unchecked
from ktlo.guard.openvex import read_openvex
from ktlo.guard.policy import Ignore, Policy
from ktlo.guard.verdict import Change, Circumstances, Coverage, Report, Skipped, decide
from ktlo.settings.guard import GuardSettings, IgnoreSettings


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
        only: names of checks to run; all when empty.
        skip: names of checks to leave out, besides those of the settings.
        since: revision that the change is measured from; empty to judge everything.
        sarif: reports of other tools.
        trusted: linters that may run the repository's own code.
        told: for a progress line.
    """

    root: Path
    settings: GuardSettings
    beside: Path
    policy_place: str
    now: datetime.datetime
    cache: Path
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    since: str = ""
    sarif: tuple[Path, ...] = ()
    trusted: frozenset[str] = field(default_factory=frozenset)
    told: Told = silent


def cache_folder() -> Path:
    """Where indexes of advisory databases are kept."""
    return Path(platformdirs.user_cache_dir("ktlo", appauthor=False)) / "advisories"


def run(asked: Run) -> Report:
    """Check a repository.

    Raises:
        UserError: there is no such folder, check or revision, or a VEX file, rules or a baseline cannot be read.
    """
    if not asked.root.is_dir():
        raise UserError("there is no such folder", where=str(asked.root), fix="Give a repository's folder")
    policy = policy_of(asked.settings, asked.beside, asked.policy_place)
    subject = subject_of(asked)
    if not asked.since:
        return judged(answers_for(subject, asked), policy, asked, Circumstances())
    answers, change = _added(subject, asked)
    return judged(answers, policy, asked, Circumstances(change=change))


def subject_of(asked: Run) -> Subject:
    """What is checked: the folder as it is now."""
    return Subject(
        root=asked.root,
        settings=asked.settings,
        beside=asked.beside,
        now=asked.now,
        cache=asked.cache,
        lock_files=LockFiles(asked.root),
        as_of=asked.now,
        sarif=asked.sarif,
        trusted=asked.trusted,
    )


def answers_for(subject: Subject, asked: Run) -> tuple[Answer, ...]:
    """What every chosen check says about a folder.

    Raises:
        UserError: a check was asked wrongly.
    """
    checks = chosen(asked.only, _skipped(asked))
    return run_all(checks, subject, asked.settings.check_seconds, asked.told)


def judged(
    answers: Sequence[Answer],
    policy: Policy,
    asked: Run,
    around: Circumstances,
    today: datetime.date | None = None,
) -> Report:
    """The verdict about some answers."""
    ran = [one for one in answers if not one.idle]
    skipped = [Skipped(name, "it was asked to be left out", True) for name in _left_out_names(asked)]
    skipped += [Skipped(one.outcome.check, one.idle) for one in answers if one.idle]
    return decide(
        [one.outcome for one in ran],
        [finding for one in ran for finding in one.undecided],
        policy,
        next((one.coverage for one in ran if one.coverage is not None), Coverage()),
        today or asked.now.date(),
        replace(
            around,
            at=asked.now,
            project=asked.root.resolve().name or "project",
            skipped=tuple(skipped),
            left_out=tuple(dict.fromkeys(sentence for one in answers for sentence in one.left_out)),
        ),
    )


def _skipped(asked: Run) -> tuple[str, ...]:
    # What the command line asks for runs, whatever the settings leave out.
    return (*asked.skip, *(name for name in asked.settings.skip if name not in asked.only))


def _left_out_names(asked: Run) -> list[str]:
    skip = _skipped(asked)
    return [name for name in names() if name in skip or (asked.only and name not in asked.only)]


def _added(subject: Subject, asked: Run) -> tuple[tuple[Answer, ...], Change | None]:
    """Answers with only what the change adds; nothing is taken away when the earlier state cannot be had."""
    from ktlo.guard.lint.ratchet import only_more
    from ktlo.guard.snapshot import PastError, before_change

    with contextlib.ExitStack() as stack:
        try:
            past = stack.enter_context(before_change(asked.root, asked.since))
        except PastError as error:
            return (*answers_for(subject, asked), _unknown_past(error)), None
        answers = answers_for(replace(subject, before=past.root), asked)
        earlier = replace(
            subject, root=past.root, lock_files=LockFiles(past.root), is_past=True, installed=asked.root
        )
        before = answers_for(earlier, replace(asked, told=silent))
    added: list[Answer] = []
    existing: list[Finding] = []
    for now, then in zip(answers, before, strict=True):
        compare = only_more if now.is_counted else only_added
        fresh, old = compare(now.outcome.findings, then.outcome.findings)
        undecided, known = only_added(now.undecided, (*then.undecided, *then.outcome.findings))
        existing += (*old, *known)
        added.append(replace(now, outcome=replace(now.outcome, findings=fresh), undecided=undecided))
    return tuple(added), Change(asked.since, past.commit, tuple(existing))


def only_added(
    now: Sequence[Finding], then: Sequence[Finding]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Findings of a later state that an earlier one does not have, and those that it has, by fingerprint.

    A fingerprint that occurs more often than before is new as often as that.
    """
    left = Counter(one.fingerprint for one in then)
    fresh, old = [], []
    for one in now:
        if left[one.fingerprint] > 0:
            left[one.fingerprint] -= 1
            old.append(one)
        else:
            fresh.append(one)
    return tuple(fresh), tuple(old)


def _unknown_past(error: KtloError) -> Answer:
    reason = f"{error.what}. {error.fix}".strip().rstrip(".")
    return Answer(Outcome("since", (), (Unchecked("since", "what the change adds", reason),), 0, ""))


def policy_of(
    said: GuardSettings, beside: Path, place: str, ignores: Sequence[IgnoreSettings] | None = None
) -> Policy:
    """The policy that settings state.

    Args:
        said: the settings.
        beside: folder that relative places in them start from.
        place: the settings file as findings name it.
        ignores: exceptions of another day instead of theirs.

    Raises:
        UserError: a VEX file cannot be read.
    """
    given = said.ignores if ignores is None else ignores
    return Policy(
        fail_from=Level(said.fail_from),
        fail_from_development=Level(said.fail_from_development or said.fail_from),
        fail_from_unreached=Level(said.fail_from_unreached) if said.fail_from_unreached else None,
        ignores=tuple(
            Ignore(one.id, one.owner, one.reason, one.expires, one.package, one.path, one.justification)
            for one in given
        ),
        statements=tuple(
            statement for file in said.vex for statement in read_openvex(beside / Path(file).expanduser())
        ),
        place=place,
    )
