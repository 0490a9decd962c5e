"""The debt register of a running ktlo, remembered until something it rests on changes.

A register takes a second or two; pages, API and exports ask for the same one. It is made anew after a collection, after
anything was said about debt, when the settings change, when a version is watched for the first time, and every hour.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from ktlo.metrics.question import Dimension, Question
from ktlo.planning.debt.entry import Entry
from ktlo.planning.debt.journal import SUBJECT, Journal
from ktlo.planning.debt.register import Register, register
from ktlo.server import asking
from ktlo.server.runtime import Runtime

_WATCHED = "SELECT uniqExact(service, environment, version) AS n FROM ktlo.module_coverage_states"
_MOST = 8
PLACES = (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM)


@dataclass(frozen=True, slots=True)
class _Rests:
    """What a register rests on; equal means the same register."""

    end: dt.datetime
    only: tuple[tuple[str, tuple[str, ...]], ...]
    collections: int
    said: int
    watched: int
    settings: int


_KEPT: WeakKeyDictionary[Runtime, OrderedDict[_Rests, Register]] = WeakKeyDictionary()
_GUARD = threading.Lock()


def register_of(runtime: Runtime, question: Question) -> Register:
    """The register that a question is about: its end, and its filters by service, repository and team.

    Args:
        runtime: store, journal and settings.
        question: what else it asks is left out.
    """
    only = {place: question.only[place] for place in PLACES if question.only.get(place)}
    asked = replace(question, only=only, by=None, grain=None)
    rests = _rests_on(runtime, asked)
    with _GUARD:
        kept = _KEPT.setdefault(runtime, OrderedDict())
        if rests in kept:
            kept.move_to_end(rests)
            return kept[rests]
    made = register(runtime.store, runtime.state, asked, runtime.settings)
    with _GUARD:
        kept[rests] = made
        while len(kept) > _MOST:
            kept.popitem(last=False)
    return made


def journal_of(runtime: Runtime) -> Journal:
    """What people said about debt."""
    return Journal(runtime.state)


def entry_of(runtime: Runtime, question: Question, key: str) -> tuple[Register, Entry]:
    """One entry, whatever the filters, with its register.

    Raises:
        NotFoundError: there is none of that key.
    """
    found = register_of(runtime, replace(question, only={}))
    return found, found.entry(key)


def note_sightings(runtime: Runtime, now: dt.datetime) -> int:
    """Write down which entries appeared and went; called after a collection.

    Returns:
        How many lines were written.
    """
    found = register_of(runtime, asking.question({}, runtime.store, runtime.settings, now))
    rows = runtime.store.query(
        "SELECT DISTINCT toString(repository) AS repository FROM ktlo.commits"
    ).to_pylist()
    return journal_of(runtime).see(found.entries, [row["repository"] for row in rows], now)


def _rests_on(runtime: Runtime, question: Question) -> _Rests:
    end = min(question.end, question.now)
    if question.now - end < dt.timedelta(days=1):
        end = end.replace(minute=0, second=0, microsecond=0)
    counted = runtime.store.query("SELECT count() AS n FROM ktlo.collections_log").to_pylist()[0]["n"]
    only = tuple((str(name), tuple(values)) for name, values in sorted(question.only.items()))
    watched = runtime.store.query(_WATCHED).to_pylist()[0]["n"]
    said = len(runtime.state.history(SUBJECT))
    return _Rests(end, only, counted, said, watched, hash(repr(runtime.settings)))
