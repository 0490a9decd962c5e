"""Which service of the catalogue a name in telemetry may mean, where that is not sure: proposals with their reasons.

``checkout-prod``, ``prod/checkout`` and ``checkout_service`` may all be *checkout*, or not: nothing is taken, a person
says it with one click (:func:`say`), and the catalogue follows at once.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ktlo.effort.catalogue import derive_members
from ktlo.effort.reported import SUBJECT, Reported, read_reported, said_names, waiting
from ktlo.errors import NotFoundError, UserError
from ktlo.records.arrow import from_arrow
from ktlo.records.services import ServiceMember
from ktlo.settings import ServiceSettings
from ktlo.store import Store
from ktlo.store.protocol import Queryable
from ktlo.store.state import State

ENVIRONMENTS = frozenset(
    (
        *("prod", "production", "prd", "live", "staging", "stage", "stg", "preprod", "canary", "demo"),
        *("dev", "development", "local", "test", "testing", "tst", "qa", "uat", "sandbox"),
    )
)
FILLERS = frozenset(["service", "svc", "server", "app", "application", "api", "backend", "deployment"])
_ALIKE = 0.84
"""Ratio of Ratcliff and Obershelp from which two spellings are told to be alike."""
MOST = 3
"""Proposals a name."""
MOST_UNJOINED = 200
"""Names that are asked about at once, those with most calls: a broken client may send any number."""


_NAMESAKES = """
SELECT count() AS n FROM (SELECT DISTINCT toString(v.service) AS name FROM ktlo.version_hours_states AS v)
WHERE name IN (
  SELECT service FROM ktlo.service_members UNION ALL SELECT member FROM ktlo.service_members WHERE kind = 'service')
  AND name NOT IN (SELECT member FROM ktlo.service_members WHERE kind = 'telemetry')"""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A service that a name may mean.

    Attributes:
        service: of the catalogue.
        why: in words.
        rank: 1 is the strongest kind of reason.
    """

    service: str
    why: str
    rank: int


@dataclass(frozen=True, slots=True)
class Unjoined:
    """A service of telemetry that belongs to no service of the catalogue.

    Attributes:
        reported: what telemetry says of it.
        proposals: strongest first; none when nothing is alike.
    """

    reported: Reported
    proposals: tuple[Proposal, ...]


def words(name: str) -> tuple[str, ...]:
    """The words of a name: ``prod/checkoutService`` has prod, checkout, service."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return tuple(word for word in re.split(r"[^0-9a-z]+", parted.casefold()) if word)


def _without(parts: tuple[str, ...], left_out: Iterable[str]) -> tuple[str, ...]:
    dropped = frozenset(left_out)
    return tuple(part for part in parts if part not in dropped) or parts


def reason(reported: Reported, name: str) -> tuple[int, str] | None:
    """Why a name of the catalogue may be meant: the rank of the reason and its words; ``None`` when nothing says so."""
    seen, known = words(reported.name), words(name)
    if not seen or not known:
        return None
    if "".join(seen) == "".join(known):
        return 2, "the same name but for case and separators"
    spaces = {word for space in reported.namespaces for word in words(space)}
    places = ENVIRONMENTS | {word for environment in reported.environments for word in words(environment)}
    if _without(seen, places) == _without(known, places):
        return 3, "the same name but for the environment"
    last = reported.name.rpartition("/")[2].rpartition(".")[2]
    if last != reported.name and _without(words(last), places) == known:
        return 4, "the same name but for what stands before it"
    seen, known = _without(seen, places | spaces), _without(known, places | spaces)
    if seen == known:
        return 4, "the same name but for its namespace"
    if _without(seen, FILLERS) == _without(known, FILLERS):
        return 5, "the same name but for a word like service"
    if difflib.SequenceMatcher(None, "".join(seen), "".join(known)).ratio() >= _ALIKE:
        return 6, "spelled alike"
    return None


def _repository(url: str) -> str:
    """``owner/name`` of a repository's URL."""
    parts = [part for part in re.split(r"[/:]", url.strip().removesuffix(".git").rstrip("/")) if part]
    return "/".join(parts[-2:]).casefold()


def unjoined(reported: Iterable[Reported], members: Iterable[ServiceMember]) -> list[Unjoined]:
    """Services of telemetry that the catalogue does not know, each with what it may mean; most calls first.

    Args:
        reported: services of telemetry.
        members: of the catalogue.
    """
    known = list(members)
    joined = {one.member for one in known if one.kind == "telemetry"}
    names: dict[str, set[str]] = {}
    for one in known:
        names.setdefault(one.service, set()).add(one.service)
        if one.kind in ("service", "workload"):
            names[one.service].add(one.member)
        elif one.kind == "repository":
            names[one.service].add(one.member.rpartition("/")[2])
    owners = {one.member.casefold(): one.service for one in known if one.kind == "repository"}
    return sorted(
        (
            Unjoined(one, _proposals(one, names, owners))
            for one in reported
            if one.name and one.name not in joined
        ),
        key=lambda each: (-each.reported.calls, each.reported.name),
    )


def _proposals(
    one: Reported, names: Mapping[str, set[str]], owners: Mapping[str, str]
) -> tuple[Proposal, ...]:
    found: dict[str, Proposal] = {}

    def propose(service: str, why: str, rank: int) -> None:
        if service not in found or found[service].rank > rank:
            found[service] = Proposal(service, why, rank)

    for repository in one.commits_of:
        if repository.casefold() in owners:
            propose(owners[repository.casefold()], f"its versions are commits of {repository}", 1)
    for url in one.repositories:
        owner = owners.get(_repository(url)) or owners.get(_repository(url).rpartition("/")[2])
        if owner:
            propose(owner, f"it says it is made from {url}", 1)
    for service, called in names.items():
        for name in sorted(called):
            told = reason(one, name)
            if told:
                propose(service, told[1], told[0])
    return tuple(sorted(found.values(), key=lambda each: (each.rank, each.service)))[:MOST]


def read_members(store: Queryable) -> list[ServiceMember]:
    """The catalogue as it was derived last."""
    rows: list[ServiceMember] = from_arrow(
        store.query("SELECT * FROM ktlo.service_members ORDER BY service, kind, member"), ServiceMember
    )
    return rows


def read_unjoined(store: Queryable) -> list[Unjoined]:
    """Services of telemetry that the catalogue of a store does not know, at most :data:`MOST_UNJOINED`."""
    return unjoined(read_reported(store, waiting(store, MOST_UNJOINED)), read_members(store))


def join_namesakes(store: Store, state: State, settings: Mapping[str, ServiceSettings]) -> bool:
    """Derive the catalogue anew when a service that is new in telemetry has exactly the name of one in it.

    Args:
        store: knows who reported; its catalogue is replaced.
        state: knows what people said.
        settings: ``services:`` of ktlo.yaml.

    Returns:
        Whether there was one.
    """
    if not store.query(_NAMESAKES)["n"][0].as_py():
        return False
    derive_members(store, state, settings)
    return True


def say(
    store: Store, state: State, settings: Mapping[str, ServiceSettings], name: str, service: str, author: str
) -> None:
    """Say which service a name in telemetry means; the catalogue follows at once.

    Args:
        store: knows who reported; its catalogue is replaced.
        state: keeps what was said.
        settings: ``services:`` of ktlo.yaml.
        name: service.name.
        service: a service of the catalogue, or a new one; empty takes back what was said.
        author: who says so.

    Raises:
        NotFoundError: nothing of that name reported.
        UserError: ktlo.yaml says otherwise.
    """
    name, service = name.strip(), service.strip()
    for known, given in settings.items():
        if name in given.telemetry and known != service:
            raise UserError(
                f"ktlo.yaml says that {name} is {known}",
                where=f"services.{known}.telemetry",
                fix="Change it there",
            )
    if not read_reported(store, [name]) and name not in said_names(state):
        raise NotFoundError(
            f"no service called {name!r} has reported", fix="The page Services lists those that have"
        )
    state.correct(SUBJECT, name, service, author)
    derive_members(store, state, settings)
