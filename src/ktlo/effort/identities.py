"""Who is who: accounts of many tools merged into persons, with the reason for every merge.

Takes the sightings of :mod:`ktlo.effort.sightings` (git's mailmap is applied already), ``people:`` and
``teams:`` of ktlo.yaml and corrections; gives persons and aliases. Cautious on purpose: two people taken for
one halve the effort that is seen, one taken for two is offered as a lookalike and mended with one line.
Rules follow Bird et al., Mining Email Social Networks, MSR 2006, without its fuzzy name matching.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ktlo.effort.accounts import Account, AccountKind, login_in_mail, name_account, plain
from ktlo.effort.bots import BotList
from ktlo.effort.namesakes import same_person_groups
from ktlo.effort.pins import Pins
from ktlo.effort.sightings import SharedWork, Sighting
from ktlo.records.people import Alias, Person
from ktlo.settings import Settings
from ktlo.store.state import Correction
from ktlo.wording import counted

MINIMUM_SHARED = 2
"""Changes that a login and a mail must share before they are taken for one person."""
DOMINANCE = 0.8
"""Share of the login's changes, and of the mail's, that the pair must make up."""


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A full name that several persons use: perhaps one person, not merged without being told."""

    name: str
    persons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identities:
    """Who is who.

    Attributes:
        persons: every person, sorted by identifier.
        aliases: every account with its person, sorted; a name only where one person uses it.
        lookalikes: names that may hide one person behind several.
    """

    persons: tuple[Person, ...]
    aliases: tuple[Alias, ...]
    lookalikes: tuple[Lookalike, ...]

    def by_account(self) -> Mapping[Account, str]:
        """Person of every account."""
        return {Account(AccountKind(alias.kind), alias.alias): alias.person for alias in self.aliases}


class _Groups:
    """Union-find whose roots are the least members, so that the outcome does not depend on order."""

    def __init__(self) -> None:
        self._parent: dict[Account, Account] = {}
        self._reasons: dict[Account, set[str]] = defaultdict(set)

    def add(self, account: Account) -> None:
        self._parent.setdefault(account, account)

    def root(self, account: Account) -> Account:
        self.add(account)
        top = account
        while self._parent[top] != top:
            top = self._parent[top]
        while self._parent[account] != top:
            self._parent[account], account = top, self._parent[account]
        return top

    def join(self, one: Account, other: Account, reason: str) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        self._reasons[low].add(reason)
        if low != high:
            self._parent[high] = low
            self._reasons[low] |= self._reasons.pop(high, set())

    def members(self) -> dict[Account, list[Account]]:
        groups: dict[Account, list[Account]] = defaultdict(list)
        for account in sorted(self._parent):
            groups[self.root(account)].append(account)
        return groups

    def reasons(self, root: Account) -> tuple[str, ...]:
        return tuple(sorted(self._reasons.get(root, ())))


def merge_accounts(
    seen: Iterable[Sighting],
    shared: Iterable[SharedWork],
    settings: Settings,
    corrections: Iterable[Correction] = (),
) -> Identities:
    """Merge accounts into persons.

    In this order: what people corrected; ``people:`` of ktlo.yaml; no-reply addresses that name a login;
    logins and mails with the same work; one full name with compatible mails; a bare full name that one
    person uses. A corrected account takes part in no automatic merge except that of its own no-reply
    address. The order of ``seen`` and ``shared`` does not matter.

    Args:
        seen: accounts in the records.
        shared: logins and mails behind the same changes.
        settings: ``people``, ``teams`` and ``effort.bots``.
        corrections: those with subject ``person``.

    Raises:
        UserError: ktlo.yaml gives one alias to two persons.
    """
    names: dict[Account, Counter[str]] = defaultdict(Counter)
    for sighting in seen:
        names[sighting.account][" ".join(sighting.name.split())] += sighting.times
    groups = _Groups()
    for account in names:
        groups.add(account)
    bots = BotList(settings.effort.bots)
    pins = Pins.read(settings.people, corrections, names)
    for account in sorted(names):
        login = login_in_mail(account.value) if account.kind is AccountKind.MAIL else None
        if login and not pins.keep_apart(account, login):
            groups.join(account, login, f"login: {account.value} names {login.value}")
    for account, anchor, reason in pins.joins():
        groups.join(account, anchor, reason)
    for pair in _same_work(shared, pins):
        work = counted(pair.changes, "changes")
        groups.join(pair.login, pair.mail, f"work: {pair.login.value} opened {work} of {pair.mail.value}")
    _join_namesakes(groups, names, pins, bots)
    return _identities(groups, names, settings, bots, pins)


def _same_work(shared: Iterable[SharedWork], pins: Pins) -> list[SharedWork]:
    """Pairs of login and mail that dominate each other's changes; see MINIMUM_SHARED and DOMINANCE."""
    total: Counter[tuple[Account, Account]] = Counter()
    for pair in shared:
        total[pair.login, pair.mail] += pair.changes
    of_login: Counter[Account] = Counter()
    of_mail: Counter[Account] = Counter()
    for (login, mail), changes in total.items():
        of_login[login] += changes
        of_mail[mail] += changes
    found = []
    for (login, mail), changes in sorted(total.items()):
        if login in pins or mail in pins:
            continue
        same_word = login.value.rpartition("/")[2] == mail.value.partition("@")[0]
        if (same_word or changes >= MINIMUM_SHARED) and changes >= DOMINANCE * max(
            of_login[login], of_mail[mail]
        ):
            found.append(SharedWork(login, mail, changes))
    return found


def _join_namesakes(
    groups: _Groups, names: Mapping[Account, Counter[str]], pins: Pins, bots: BotList
) -> None:
    mails_of_name: dict[str, set[str]] = defaultdict(set)
    for account, used in names.items():
        if account.kind is AccountKind.MAIL and account not in pins and not bots.lists(account):
            full = {plain(name) for name in used if " " in name.strip()}
            if len(full) <= 3:  # more names than that: a mailbox that several people share
                for name in full:
                    mails_of_name[name].add(account.value)
    for name in sorted(mails_of_name):
        for group in same_person_groups(name, mails_of_name[name]):
            first, *others = (Account(AccountKind.MAIL, mail) for mail in sorted(group.mails))
            for other in others:
                groups.join(first, other, f"name: {name}, {group.reason}")
    bare = [a for a in sorted(names) if a.kind is AccountKind.NAME and " " in a.value and a not in pins]
    users = {name: {groups.root(a) for a in accounts} for name, accounts in _users_of(names).items()}
    for account in bare:
        roots = users.get(account.value, set()) - {groups.root(account)}
        if len(roots) == 1:
            groups.join(account, roots.pop(), f"name: only one person is called {account.value}")


def _users_of(names: Mapping[Account, Counter[str]]) -> dict[str, set[Account]]:
    """Accounts that are not bare names themselves, by the names they were seen with."""
    users: dict[str, set[Account]] = defaultdict(set)
    for account, used in names.items():
        if account.kind is not AccountKind.NAME:
            for name in used:
                if name:
                    users[plain(name)].add(account)
    return users


def _identities(
    groups: _Groups,
    names: Mapping[Account, Counter[str]],
    settings: Settings,
    bots: BotList,
    pins: Pins,
) -> Identities:
    persons: list[Person] = []
    aliases: list[Alias] = []
    person_of: dict[Account, str] = {}
    for root, members in groups.members().items():
        real = [member for member in members if not pins.is_anchor(member)]
        if not any(member in names for member in real):
            continue  # written in ktlo.yaml, seen nowhere
        identifier = _identifier(real)
        person_of.update(dict.fromkeys(real, identifier))
        spoken: Counter[str] = sum((names[m] for m in real if m in names), Counter[str]())
        spoken.pop("", None)
        common = min(spoken, key=lambda name: (-spoken[name], name)) if spoken else ""
        named = pins.names_of(members)
        person = Person(
            person=identifier,
            name=named[0] if named else common or identifier.rpartition("/")[2],
            team=_team(real, [*named, *spoken], settings),
            is_bot=pins.says_bot(members)
            or any(bots.lists(member) for member in real)
            or any(bots.lists(account) for name in spoken if (account := name_account(name)) is not None),
            merged_because=groups.reasons(root),
        )
        persons.append(person)
        aliases += [
            Alias(kind=m.kind, alias=m.value, person=identifier)
            for m in real
            if m.kind is not AccountKind.NAME
        ]
    users: dict[str, set[str]] = defaultdict(set)
    for name, accounts in _users_of(names).items():
        users[name] |= {person_of[account] for account in accounts}
    for account in names:
        if account.kind is AccountKind.NAME:  # who is known by the name alone has it
            aliases.append(Alias(kind="name", alias=account.value, person=person_of[account]))
    taken = {alias.alias for alias in aliases if alias.kind == "name"}
    aliases += [
        Alias(kind="name", alias=name, person=next(iter(who)))
        for name, who in users.items()
        if len(who) == 1 and name not in taken
    ]
    people = {person.person: person for person in persons}
    lookalikes = [
        Lookalike(name, tuple(sorted(who)))
        for name, who in sorted(users.items())
        if len(who) > 1 and " " in name and not all(people[person].is_bot for person in who)
    ]
    return Identities(
        tuple(sorted(persons, key=lambda person: person.person)),
        tuple(sorted(aliases, key=lambda alias: (alias.kind, alias.alias))),
        tuple(lookalikes),
    )


def _identifier(members: Iterable[Account]) -> str:
    """The lexically first mail, else login, else no-reply mail, else name."""

    def rank(account: Account) -> tuple[int, str]:
        if account.kind is AccountKind.MAIL:
            return (2 if ".noreply." in account.value else 0), account.value
        return (1 if account.kind is AccountKind.LOGIN else 3), account.value

    return min(members, key=rank).value


def _team(members: Iterable[Account], names: Iterable[str], settings: Settings) -> str:
    """First team in ktlo.yaml that has one of the accounts (or names) among its members."""
    spellings = {account.value for account in members} | {plain(name) for name in names if name}
    spellings |= {
        account.value.rpartition("/")[2] for account in members if account.kind is AccountKind.LOGIN
    }
    for team, said in settings.teams.items():
        if any(plain(member).removeprefix("@") in spellings for member in said.members):
            return team
    return ""
