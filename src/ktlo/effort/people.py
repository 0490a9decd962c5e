"""Whose account is it: raw text of any source turned into a person, their team, and the days they were away.

Joins :mod:`ktlo.effort.identities` to tables of activities. Built by :func:`read_people` while deriving, or
by :func:`derived_people` from what was derived.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ktlo.effort.accounts import Account, AccountKind, author_account, mentioned_account
from ktlo.effort.attribution import Absence
from ktlo.effort.coding import SEPARATOR, codes, joined
from ktlo.effort.identities import Identities, merge_accounts
from ktlo.effort.sightings import host_of, login_hosts, shared_work, sightings
from ktlo.records.arrow import from_arrow
from ktlo.records.people import Alias, Person, TimeOff
from ktlo.settings import Settings
from ktlo.store import Store
from ktlo.store.state import Correction

LONGEST_ABSENCE = dt.timedelta(days=800)
"""A leave that lasts longer is taken for a mistake in the data beyond that."""


@dataclass(frozen=True, slots=True)
class People:
    """Finds the person behind what a source wrote.

    Attributes:
        persons: by identifier.
        accounts: person of every account.
        hosts: host of each source's logins.
    """

    persons: Mapping[str, Person]
    accounts: Mapping[Account, str]
    hosts: Mapping[str, str]

    def behind(self, text: str, host: str) -> Person | None:
        """The person that a source's text means; None when it means nobody."""
        account = mentioned_account(text, host)
        return self._person(account) if account else None

    def _person(self, account: Account) -> Person | None:
        identifier = self.accounts.get(account)
        return self.persons.get(identifier) if identifier else None

    def is_bot(self, name: str, text: str, host: str) -> bool:
        """True when an author (name and mail) or what a forge says (text, host) is automation."""
        account = author_account(name, text) if not host else mentioned_account(text, host)
        person = self._person(account) if account else None
        return person is not None and person.is_bot

    def join(self, work: pa.Table) -> pa.Table:
        """Add the columns ``person`` and ``team`` to activities; those of bots and of nobody are left out.

        Args:
            work: has the columns ``who`` and ``source``.
        """
        said = joined(work, ("who", "source"))
        found: list[Person | None] = []
        for text in said.dictionary.to_pylist():
            who, _, source = text.rpartition(SEPARATOR)
            person = self.behind(who, host_of(source, self.hosts))
            found.append(None if person is None or person.is_bot else person)
        known = np.array([person is not None for person in found], dtype=bool)
        everybody = codes(said)
        kept = np.flatnonzero(known[everybody]) if len(everybody) else everybody
        chosen = pa.array(everybody[kept], pa.int32())
        names = pa.array([person.person if person else "" for person in found], pa.string())
        teams = pa.array([person.team if person else "" for person in found], pa.string())
        rows = work.take(kept)
        return rows.append_column("person", pa.DictionaryArray.from_arrays(chosen, names)).append_column(
            "team", pa.DictionaryArray.from_arrays(chosen, teams)
        )

    def absences(self, time_off: list[TimeOff]) -> set[Absence]:
        """Days off by person; rows about people who did nothing are left out."""
        away = set()
        for leave in time_off:
            person = self.behind(leave.person, host_of(leave.source, self.hosts))
            last = min(leave.last_day, leave.first_day + LONGEST_ABSENCE)
            for number in range((last - leave.first_day).days + 1 if person else 0):
                away.add(Absence(person.person if person else "", leave.first_day + dt.timedelta(number)))
        return away


def read_time_off(store: Store) -> list[TimeOff]:
    """Every absence in the records."""
    return from_arrow(store.query("SELECT * FROM ktlo.time_off"), TimeOff)


def read_people(store: Store, settings: Settings, corrections: list[Correction]) -> tuple[People, Identities]:
    """Merge the accounts in a store into persons."""
    hosts = login_hosts(store)
    merged = merge_accounts(sightings(store, hosts), shared_work(store, hosts), settings, corrections)
    return _people(merged.persons, merged.by_account(), hosts), merged


def derived_people(store: Store) -> People:
    """People as they were derived last."""
    persons = from_arrow(store.query("SELECT * FROM ktlo.persons"), Person)
    aliases = from_arrow(store.query("SELECT * FROM ktlo.aliases"), Alias)
    accounts = {Account(AccountKind(alias.kind), alias.alias): alias.person for alias in aliases}
    return _people(persons, accounts, login_hosts(store))


def _people(
    persons: tuple[Person, ...] | list[Person], accounts: Mapping[Account, str], hosts: Mapping[str, str]
) -> People:
    return People({person.person: person for person in persons}, accounts, hosts)
