"""What people said about who is who: ``people:`` in ktlo.yaml and corrections, ahead of automatic merges.

Used by :mod:`ktlo.effort.identities`. A correction moves one account to a person and takes it out of the
automatic merges, so that it can also part what was merged wrongly.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ktlo.effort.accounts import Account, AccountKind, parse_account, plain
from ktlo.errors import UserError
from ktlo.settings import PersonSettings
from ktlo.store.state import Correction

_ANCHOR = "\x00person/"
"""Begins the value of an account that stands for a person as people named them; no tool has such logins."""


def _anchor(name: str) -> Account:
    return Account(AccountKind.LOGIN, _ANCHOR + plain(name))


def _matching(text: str, seen: Collection[Account]) -> list[Account]:
    """Accounts in the records that a person means by a mail, a login (with or without host) or a name."""
    spelled = plain(text).removeprefix("@")
    stated = parse_account(text)
    return sorted(
        account
        for account in seen
        if account == stated
        or account.value == spelled
        or (account.kind is AccountKind.LOGIN and account.value.rpartition("/")[2] == spelled)
    )


@dataclass(frozen=True, slots=True)
class Pins:
    """Accounts whose person was said.

    Attributes:
        configured: account to anchor, by ``people:``.
        corrected: account to anchor or account, by corrections.
        titles: name of each anchor as people wrote it.
        bots: anchors that are automation.
    """

    configured: Mapping[Account, Account]
    corrected: Mapping[Account, Account]
    titles: Mapping[Account, str]
    bots: frozenset[Account]

    @classmethod
    def read(
        cls,
        people: Mapping[str, PersonSettings],
        corrections: Iterable[Correction],
        names: Mapping[Account, Collection[str]],
    ) -> Pins:
        """Find the accounts that settings and corrections mean among those in the records.

        Args:
            people: ``people:`` of ktlo.yaml; the key is the person's name (or one of the accounts).
            corrections: key ``mail:…``, ``login:HOST/…`` or ``name:…``; value a person or an account.
            names: names that each account in the records was seen with.

        Raises:
            UserError: one account is given to two persons.
        """
        by_name: dict[str, list[Account]] = {}
        for account, used in names.items():
            for name in used:
                by_name.setdefault(plain(name), []).append(account)
        configured: dict[Account, Account] = {}
        titles: dict[Account, str] = {}
        for person, said in people.items():
            anchor = _anchor(person)
            titles[anchor] = person
            for text in (person, *said.aliases):
                meant = _matching(text, names)
                if text != person and " " in text.strip():
                    meant += by_name.get(plain(text), [])
                for account in meant:
                    if configured.setdefault(account, anchor) != anchor:
                        raise UserError(
                            f"{account.value} is given to two persons,"
                            f" {titles[configured[account]]} and {person}",
                            where="people",
                            fix="Keep it with one of them in ktlo.yaml",
                        )
        corrected: dict[Account, Account] = {}
        for correction in corrections:
            moved = parse_account(correction.key)
            if moved is None:
                continue
            targets = _matching(correction.value, names) or sorted(by_name.get(plain(correction.value), []))
            anchor = _anchor(correction.value)
            if targets:
                corrected[moved] = targets[0]
            else:
                corrected[moved] = anchor
                titles.setdefault(anchor, correction.value)
        bots = frozenset(_anchor(person) for person, said in people.items() if said.bot)
        return cls(configured, corrected, titles, bots)

    def __contains__(self, account: Account) -> bool:
        """True when a correction says whose the account is: no automatic merge may touch it."""
        return account in self.corrected

    def keep_apart(self, one: Account, other: Account) -> bool:
        """True when corrections send the two to different persons."""
        return (
            one in self.corrected and other in self.corrected and self.corrected[one] != self.corrected[other]
        )

    def joins(self) -> Iterator[tuple[Account, Account, str]]:
        """Account, what it is joined with, and the reason; in a fixed order."""
        for account, target in sorted(self.corrected.items()):
            yield account, target, f"correction: {account}"
        for account, anchor in sorted(self.configured.items()):
            if account not in self.corrected:
                yield account, anchor, f"people: {self.titles[anchor]} in ktlo.yaml"

    def is_anchor(self, account: Account) -> bool:
        """True for the stand-in of a person that people named."""
        return account.value.startswith(_ANCHOR)

    def names_of(self, members: Iterable[Account]) -> list[str]:
        """Names that people gave to the person with these accounts, those of ktlo.yaml first."""
        return [self.titles[member] for member in sorted(members) if member in self.titles]

    def says_bot(self, members: Iterable[Account]) -> bool:
        """True when ktlo.yaml says that the person with these accounts is automation."""
        return any(member in self.bots for member in members)
