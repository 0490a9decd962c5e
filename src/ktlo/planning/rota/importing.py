"""Schedules of other products into the journal, and rotas out to them: which product, which role, which time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ktlo.errors import UsageError, UserError
from ktlo.planning.rota import opsgenie, pagerduty
from ktlo.planning.rota.duties import Duty
from ktlo.planning.rota.external import External, duties_of, on_top, one_at_a_time, rendered_layer, rota_yaml
from ktlo.planning.rota.journal import publish
from ktlo.planning.rota.rules import Rota
from ktlo.planning.rota.saying import span_words
from ktlo.planning.rota.shifts import Span
from ktlo.store.state import State
from ktlo.wording import counted

FORMATS = ("pagerduty", "opsgenie")


@dataclass(frozen=True, slots=True)
class Imported:
    """What was read from another product.

    Attributes:
        vendor: which product.
        duties: what was put in force.
        notes: what was left out, and moments that nobody has.
        settings: what to write into ktlo.yaml, where no rota was named.
    """

    vendor: str
    duties: tuple[Duty, ...]
    notes: tuple[str, ...]
    settings: str = ""


def read_external(document: Any) -> tuple[External, ...]:
    """Schedules from what PagerDuty or Opsgenie answers.

    Raises:
        UserError: it is of neither product.
    """
    if pagerduty.is_pagerduty(document):
        return pagerduty.read(document)
    if opsgenie.is_opsgenie(document):
        return opsgenie.read(document)
    raise UserError(
        "this is neither a schedule of PagerDuty nor one of Opsgenie",
        fix="Give the JSON of GET /schedules/ID (PagerDuty) or GET /v2/schedules/ID (Opsgenie)",
    )


def proposed_settings(document: Any) -> Imported:
    """What to write into ktlo.yaml for the schedules of another product; nothing is stored."""
    externals = read_external(document)
    notes = tuple(note for external in externals for note in external.notes)
    return Imported(externals[0].vendor, (), notes, "".join(rota_yaml(external) for external in externals))


def import_duties(state: State, rota: Rota, role: str, document: Any, span: Span, author: str) -> Imported:
    """Put the duties of another product's schedule in force within a span.

    Args:
        state: the journal.
        rota: whose members the people are.
        role: to fill; empty: Opsgenie's rotations by their names, PagerDuty's schedule as the first role.
        document: JSON that the product answered.
        span: from, until.
        author: who imports.

    Raises:
        UserError: not of a known shape, several schedules, people who are not members, or nobody on call.
    """
    externals = read_external(document)
    if len(externals) != 1:
        raise UsageError(
            f"the file has {counted(len(externals), 'schedules')}", fix="Give one schedule, for one role"
        )
    external = externals[0]
    notes = list(external.notes)
    by_role: dict[str, tuple[Duty, ...]] = {}
    for name, stretches in _stretches(external, rota, role, span).items():
        cut = [one for one in stretches if one.end > span[0] and one.start < span[1]]
        duties, holes = duties_of(cut, rota, rota.role(name), external.vendor)
        notes += [f"Nobody is {name} {span_words(hole, rota.zone)}." for hole in holes[:20]]
        by_role[name] = duties
    found = tuple(
        sorted((duty for duties in by_role.values() for duty in duties), key=lambda d: (d.start, d.role))
    )
    if not found:
        raise UserError(
            f"{external.name or 'the schedule'} has nobody on call {span_words(span, rota.zone)}",
            fix="Ask for another time with --from and --to",
        )
    first, last = min(duty.start for duty in found), max(duty.end for duty in found)
    publish(state, rota.name, (first, last), list(by_role), found, author)
    return Imported(external.vendor, found, tuple(notes))


def _stretches(external: External, rota: Rota, role: str, span: Span) -> Mapping[str, Sequence[Any]]:
    if external.vendor == pagerduty.VENDOR:
        return {role or rota.roles[0].name: one_at_a_time(external, span)}
    roles = {one.name for one in rota.roles}
    names = list(
        dict.fromkeys([one.layer for one in external.rendered] or [one.name for one in external.layers])
    )
    wanted = {name: name for name in names if name in roles}
    if role:
        wanted = {names[0]: role} if len(names) == 1 else {role: role}
    if not wanted or not set(wanted) <= set(names):
        raise UsageError(
            f"the rotations are called {', '.join(names) or 'nothing'}, the roles {', '.join(sorted(roles))}",
            fix="Say --role ROLE for a schedule with one rotation, or call the roles like the rotations",
        )
    found = {}
    for name, filled in wanted.items():
        if external.rendered:
            found[filled] = sorted((s for s in external.rendered if s.layer == name), key=lambda s: s.start)
            continue
        layer = next(one for one in external.layers if one.name == name)
        stretches = [
            s for s in rendered_layer(layer, external.zone, span) if s.account.number or s.account.mail
        ]
        for override in external.overrides:
            if override.layer in ("", name):
                stretches = on_top(stretches, override)
        found[filled] = stretches
    return found


def exported(rota: Rota, duties: Sequence[Duty], form: str, span: Span) -> dict[str, Any]:
    """A rota as the bodies of another product's requests.

    Args:
        rota: the rota.
        duties: in force.
        form: ``pagerduty`` or ``opsgenie``.
        span: duties that have a moment in it are written, whole.

    Raises:
        UserError: somebody is not known there; nobody is planned in that time.
    """
    inside = [duty for duty in duties if duty.end > span[0] and duty.start < span[1]]
    if not inside:
        raise UserError(
            f"nobody is planned for {rota.name} {span_words(span, rota.zone)}",
            fix=f"`ktlo rota plan {rota.name} --publish` plans",
        )
    if form == pagerduty.VENDOR:
        schedules = [pagerduty.write(one) for one in pagerduty.of_rota(rota, inside, span)]
        return {"schedules": schedules} if len(schedules) > 1 else schedules[0]
    if form == opsgenie.VENDOR:
        return opsgenie.write(opsgenie.of_rota(rota, inside, span))
    raise UsageError(f"there is no format {form[:40]!r}", fix=f"Choose one of: {', '.join(FORMATS)}, ics")
