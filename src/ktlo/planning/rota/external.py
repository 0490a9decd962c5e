"""What schedules of other products have in common: layers that rotate, restrictions, overrides, who was rendered.

``pagerduty`` and ``opsgenie`` read and write their own shapes; here they become duties of members and back.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from ktlo.errors import UserError
from ktlo.planning.rota.duties import Because, Duty
from ktlo.planning.rota.rules import Length, Person, Role, Rota, find_person
from ktlo.planning.rota.shifts import Span

DAY = dt.timedelta(days=1)
WEEK = 7 * DAY


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody as the other product knows them; which parts are filled depends on it."""

    number: str
    name: str = ""
    mail: str = ""


@dataclass(frozen=True, slots=True)
class Restriction:
    """A part of every day, or (with a weekday, 0 is Monday) of every week, in which a layer holds."""

    start: dt.time
    length: dt.timedelta
    weekday: int | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """People who take turns of one length.

    Attributes:
        name: of the layer or rotation.
        start: it holds from, UTC.
        end: it holds until; ``None`` for ever.
        origin: where the count of turns begins.
        turn: length of a turn on the schedule's clock.
        accounts: in order.
        restrictions: it holds only in these; always when there are none.
    """

    name: str
    start: dt.datetime
    end: dt.datetime | None
    origin: dt.datetime
    turn: dt.timedelta
    accounts: tuple[Account, ...]
    restrictions: tuple[Restriction, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Somebody from one moment to another; ``layer`` names the layer, empty for all of them."""

    account: Account
    start: dt.datetime
    end: dt.datetime
    layer: str = ""


@dataclass(frozen=True, slots=True)
class External:
    """A schedule of another product.

    Attributes:
        vendor: ``pagerduty`` or ``opsgenie``.
        name: of the schedule.
        description: as it is there.
        zone: of its clock.
        layers: lowest first where they lie over each other.
        rendered: who was said to be on call, where the product told; then layers need not be worked out.
        overrides: who stands in.
        notes: what was left out and why, one sentence each.
    """

    vendor: str
    name: str
    description: str
    zone: ZoneInfo
    layers: tuple[Layer, ...]
    rendered: tuple[Stretch, ...] = ()
    overrides: tuple[Stretch, ...] = ()
    notes: tuple[str, ...] = ()


def rendered_layer(layer: Layer, zone: ZoneInfo, span: Span) -> Iterator[Stretch]:
    """Who a layer has on call within a span: turns on the schedule's clock, cut by its restrictions."""
    since = max(span[0], layer.start)
    until = min(span[1], layer.end) if layer.end else span[1]
    if since >= until or not layer.accounts:
        return
    origin = layer.origin.astimezone(zone).replace(tzinfo=None)
    turn = (since.astimezone(zone).replace(tzinfo=None) - origin) // layer.turn - 1
    while True:
        start = (origin + turn * layer.turn).replace(tzinfo=zone).astimezone(dt.UTC)
        end = (origin + (turn + 1) * layer.turn).replace(tzinfo=zone).astimezone(dt.UTC)
        if start >= until:
            return
        account = layer.accounts[turn % len(layer.accounts)]
        turn += 1
        whole = (max(start, since), min(end, until))
        if whole[0] >= whole[1]:
            continue
        pieces = [whole] if not layer.restrictions else _restricted(layer.restrictions, zone, whole)
        for piece in pieces:
            yield Stretch(account, *piece, layer.name)


def _restricted(restrictions: Sequence[Restriction], zone: ZoneInfo, span: Span) -> list[Span]:
    found = []
    day = span[0].astimezone(zone).date() - WEEK
    while day <= span[1].astimezone(zone).date():
        for restriction in restrictions:
            if restriction.weekday not in (None, day.weekday()):
                continue
            naive = dt.datetime.combine(day, restriction.start)
            start = naive.replace(tzinfo=zone).astimezone(dt.UTC)
            end = (naive + restriction.length).replace(tzinfo=zone).astimezone(dt.UTC)
            start, end = max(start, span[0]), min(end, span[1])
            if start < end:
                found.append((start, end))
        day += DAY
    return sorted(found)


def on_top(lower: Iterable[Stretch], upper: Stretch) -> list[Stretch]:
    """Stretches with another over them: what it covers is cut out."""
    kept = []
    for stretch in lower:
        if stretch.end <= upper.start or stretch.start >= upper.end:
            kept.append(stretch)
            continue
        if stretch.start < upper.start:
            kept.append(replace(stretch, end=upper.start))
        if stretch.end > upper.end:
            kept.append(replace(stretch, start=upper.end))
    return sorted([*kept, upper], key=lambda one: one.start)


def one_at_a_time(external: External, span: Span) -> list[Stretch]:
    """Who is on call in a schedule that has one person at a time: layers over each other, then overrides."""
    if external.rendered:
        found = [one for one in external.rendered if one.end > span[0] and one.start < span[1]]
        return sorted(found, key=lambda one: one.start)
    found = []
    for layer in external.layers:
        for stretch in rendered_layer(layer, external.zone, span):
            found = on_top(found, stretch)
    for override in external.overrides:
        if override.end > span[0] and override.start < span[1]:
            found = on_top(found, override)
    return found


def duties_of(
    stretches: Iterable[Stretch], rota: Rota, role: Role, vendor: str
) -> tuple[tuple[Duty, ...], tuple[Span, ...]]:
    """Duties of members for a role, and the moments between the first and the last that nobody has.

    Raises:
        UserError: somebody is not a member; names all of them and what to add.
    """
    found: list[Duty] = []
    unknown: dict[str, Account] = {}
    for stretch in stretches:
        person = member_of(stretch.account, rota, vendor)
        if person is None:
            unknown[stretch.account.number or stretch.account.mail or stretch.account.name] = stretch.account
            continue
        last = found[-1] if found else None
        if last and last.person == person.key and last.end == stretch.start:
            found[-1] = replace(last, end=stretch.end)
        else:
            found.append(Duty(rota.name, role.name, person.key, stretch.start, stretch.end, Because.IMPORT))
    if unknown:
        told = [f"{account.name or account.mail or '?'} ({number})" for number, account in unknown.items()]
        raise UserError(
            f"{', '.join(told[:10])} {'is' if len(told) == 1 else 'are'} not in the rota {rota.name}",
            fix=f"Add the alias `{vendor}:{next(iter(unknown))}` (or the mail) to the person under rota.people",
        )
    holes = tuple(
        (before.end, after.start) for before, after in itertools.pairwise(found) if before.end < after.start
    )
    return tuple(found), holes


def member_of(account: Account, rota: Rota, vendor: str) -> Person | None:
    """The member behind an account: by ``vendor:ID``, mail, then name."""
    said = [f"{vendor}:{account.number}" if account.number else "", account.mail, account.name]
    for name in said:
        person = find_person(rota.members, name) if name else None
        if person is not None:
            return person
    return None


def number_at(person: Person, vendor: str) -> str:
    """A person's identifier at the other product, from the alias ``vendor:ID``; empty without one."""
    found = [alias.partition(":")[2] for alias in person.aliases if alias.startswith(f"{vendor}:")]
    return found[0] if found else ""


def mail_of(person: Person) -> str:
    """A person's mail address, from key or aliases; empty without one."""
    return next((name for name in (person.key, *person.aliases) if "@" in name), "")


def turn_of(rota: Rota) -> dt.timedelta:
    """Length of a turn."""
    return {Length.WEEKLY: WEEK, Length.DAILY: DAY, Length.HALF_DAY: DAY / 2}[rota.length]


def restrictions_of(rota: Rota) -> tuple[Restriction, ...]:
    """The hours that a rota covers, as restrictions; none where it covers all."""
    if rota.window is None and len(rota.days) == 7:
        return ()
    start = rota.window.start if rota.window else dt.time()
    naive = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - a length, no moment
    end = dt.datetime.combine(naive, rota.window.end if rota.window else dt.time())
    length = end - dt.datetime.combine(naive, start)
    length += DAY if length <= dt.timedelta() else dt.timedelta()
    if len(rota.days) == 7:
        return (Restriction(start, length),)
    return tuple(Restriction(start, length, day) for day in sorted(rota.days))


def rota_yaml(external: External) -> str:
    """What to write into ktlo.yaml for a schedule: a beginning, to be looked over."""
    import yaml

    first = external.layers[0] if external.layers else None
    turn = first.turn if first else WEEK
    accounts = {a.number or a.mail: a for layer in external.layers for a in layer.accounts}
    people = {
        (account.mail or account.name or number): {
            "name": account.name or account.mail or number,
            "aliases": [f"{external.vendor}:{number}"] if account.number else [],
        }
        for number, account in accounts.items()
    }
    shift = "weekly" if turn >= WEEK else "daily" if turn >= DAY else "12h"
    origin = (first.origin if first else dt.datetime(2000, 1, 3, 9, tzinfo=external.zone)).astimezone(
        external.zone
    )
    said = {
        "rota": {
            "people": people,
            "rotas": {
                external.name: {
                    "members": list(people),
                    "time_zone": str(external.zone),
                    "shift": shift,
                    "handover_day": f"{origin:%A}".lower(),
                    "handover_time": f"{origin:%H:%M}",
                }
            },
        }
    }
    return yaml.safe_dump(said, sort_keys=False, allow_unicode=True)
