"""Entries for code that production never ran, one a file: candidates to be deleted, with how long they were watched.

Takes ``telemetry/unused``. That nothing ran it while it was watched is no proof that it is dead: an entry says days,
processes and calls, and leaves out what may seldom run by its nature. What it costs no record tells.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter

import numpy as np

from ktlo.planning.debt.entry import Entry, Fact, Kind, amount, key_of, stream, unknown
from ktlo.planning.debt.history import History
from ktlo.planning.debt.names import Place, origins
from ktlo.planning.debt.period import Period
from ktlo.store.protocol import Queryable
from ktlo.telemetry.unused import (
    ASKED_FOR,
    MOST,
    Found,
    UnusedFile,
    unused_functions,
)
from ktlo.wording import counted

MOST_FILES = 40
"""Files that become entries, those with the most functions first."""
_NAMED = 12
_ONE_BY_ONE = 60
_REASON = (
    "nothing ran it, so no record tells what it costs; what reading and changing it takes is in the hotspots"
)

_MEMBERS = """
SELECT member, any(service) AS service, any(team) AS team FROM ktlo.service_members
WHERE kind = 'repository' GROUP BY member"""


def unused(
    store: Queryable, period: Period, history: History, now: dt.datetime
) -> tuple[list[Entry], list[str]]:
    """Make the entries, and sentences on what is not listed.

    Args:
        store: asked for coverage.
        period: draws and seed.
        history: past small repairs.
        now: the moment of asking; coverage is as it is known then, whatever day the register is about.
    """
    found = unused_functions(store, now)
    if found.is_cut:
        return [], [f"More than {MOST:,} functions are watched: which never ran is not listed here."]
    sure = {one: [each for each in one.unused if each.is_enough] for one in found.files}
    listed = sorted((one for one in found.files if sure[one]), key=lambda one: (-len(sure[one]), one.path))
    listed = listed[:MOST_FILES]
    if not listed:
        return [], _notes(found)
    members = {row["member"]: row for row in store.query(_MEMBERS).to_pylist()}
    firsts = origins(store, [Place(one.repository, one.path) for one in listed])
    entries = []
    for one in listed:
        owner = members.get(one.repository, {})
        first = firsts[Place(one.repository, one.path)]
        entries.append(
            _entry(one, first, owner.get("service") or "", owner.get("team") or "", period, history)
        )
    return entries, _notes(found)


def _entry(one: UnusedFile, first: str, service: str, team: str, period: Period, history: History) -> Entry:
    sure = [each for each in one.unused if each.is_enough]
    n, short = len(sure), len(one.unused) - len(sure)
    key = key_of(Kind.UNUSED, one.repository, first)
    rng = stream(period.seed, key)
    some = min(n, _ONE_BY_ONE)
    each = np.sum([history.small_repair.draw(1.0, period.draws, rng) for _ in range(some)], axis=0)
    names = ", ".join(f"{function.name} ({function.line})" for function in sure[:_NAMED])
    more = f" and {n - _NAMED} more" if n > _NAMED else ""
    facts = [
        Fact("Functions that never ran (line)", f"{names}{more}"),
        Fact("Functions of the file that are watched", float(one.functions)),
        Fact("Watched from", min(function.since for function in sure)),
        Fact("Last told", max(function.last_at for function in sure)),
        Fact("Days with calls meanwhile, at least", float(min(function.days for function in sure))),
        Fact("Calls on these days, at least", float(min(function.calls for function in sure))),
        Fact("Processes that told of the file", float(min(function.processes for function in sure))),
        Fact("Uncertain", _doubt(one, short)),
    ]
    return Entry(
        key=key,
        kind=Kind.UNUSED,
        title=f"{counted(n, 'functions')} of {one.path} never ran",
        repository=one.repository,
        path=one.path,
        service=service,
        team=team,
        principal=amount(
            each * (n / some),
            history.small_repair.n,
            f"{history.small_repair.basis}, one for each of {counted(n, 'functions')}",
        ),
        interest=unknown(_REASON, n),
        relief=np.ones(period.draws),
        evidence=tuple(facts),
        since=min(function.since for function in sure),
        paths=(one.path,),
        subject=Counter(function.service for function in sure).most_common(1)[0][0],
    )


def _doubt(one: UnusedFile, short: int) -> str:
    """What speaks against taking it for dead."""
    said = ["it did not run while it was watched, which is no proof that nothing needs it"]
    if one.seldom:
        seldom = ", ".join(one.seldom[:_NAMED])
        said.append(f"left out, since by their names they may seldom run: {seldom}")
    if one.inferred:
        said.append(
            f"the repository of {', '.join(one.inferred[:_NAMED])} is inferred: it alone has the commits that ran,"
            " and the catalogue names none"
        )
    if short:
        said.append(f"{counted(short, 'functions')} more not watched for long enough")
    return "; ".join(said)


def _notes(found: Found) -> list[str]:
    """What was not listed, and why."""
    notes = []
    short = [each for one in found.files for each in one.unused if not each.is_enough]
    if short:
        days, processes = max(each.days for each in short), max(each.processes for each in short)
        calls = max(each.calls for each in short)
        was = "was" if len(short) == 1 else "were"
        notes.append(
            f"{counted(len(short), 'functions')} never ran but {was} not watched for long enough to be listed: at most"
            f" {counted(days, 'days')} with calls, {counted(processes, 'processes')} and {counted(calls, 'calls')};"
            f" {ASKED_FOR}."
            " They are under Functions, Never executed."
        )
    for service, reason, n in found.not_matched[:3]:
        notes.append(
            f"{counted(n, 'functions')} of {service} never ran and belong to no known file: {reason}."
        )
    return notes
