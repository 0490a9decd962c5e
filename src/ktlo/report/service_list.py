"""Every service as something to read: what needs attention first, and what its last deployment changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ktlo.report.charts import COUNT, SECONDS, SHARE, Head, Heading, Row, Sparkline, Table, written
from ktlo.report.pieces import Answer, Known
from ktlo.report.service_map import change_words
from ktlo.report.services import (
    PER_MINUTE,
    Href,
    failed_words,
    in_seconds,
    known_of,
    over_words,
    seconds_words,
    stretch_text,
)
from ktlo.telemetry.apdex import Apdex
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.services import Service
from ktlo.telemetry.since_deploy import Since
from ktlo.wording import counted, named

APDEX = (
    "Apdex: (calls within T + half of those within 4 T) / all calls, failed calls counting as neither (Apdex Technical"
    " Specification 1.1, 2007); its interval is 95%."
)
_SINCE = (
    "What changed since a deployment is named when 99% intervals of the time since and of the same length before, at"
    " most a day each, do not touch."
)


@dataclass(frozen=True, slots=True)
class ServiceList:
    """The page.

    Attributes:
        answer: first line.
        table: rows without the drawings.
        sparklines: one a row.
        known: what it rests on.
        is_empty: nothing was reported.
    """

    answer: Answer
    table: Table
    sparklines: tuple[Markup, ...]
    known: Known
    is_empty: bool


def service_list(
    found: Sequence[Service],
    of: Interval,
    scores: Mapping[str, Apdex],
    since: Mapping[str, Since],
    rates: Mapping[str, Sequence[float | None]],
    href: Href,
    among: int,
    text: str = "",
) -> ServiceList:
    """Make the page.

    Args:
        found: services that are shown.
        of: the stretch.
        scores: Apdex by service.
        since: what changed by service, of those that were deployed of late.
        rates: calls a minute over the stretch, by service.
        href: makes links.
        among: services there are, those that are not shown too.
        text: part of a name that was searched; empty for none.
    """
    calls, errors = sum(one.red.calls for one in found), sum(one.red.errors for one in found)
    worse = [one for one in found if one.name in since and since[one.name].worse]
    which = counted(len(found), "services")
    if among > len(found):
        which = f"The {len(found)} busiest of {counted(among, 'services')}"
    among_named = f" with {text!r} in the name" if text else ""
    reported = f"{which}{among_named} reported {written(calls, COUNT)} {named(calls, 'calls')}"
    nobody = (
        f"No service with {text!r} in its name reported anything" if text else "No service reported anything"
    )
    said = f"{reported}, {failed_words(errors, calls)}" if calls else nobody
    change = stretch_text(of)
    if among > len(found):
        change += " · the others are found by a part of their name"
    if worse:
        names = ", ".join(one.name for one in worse[:3]) + (" and more" if len(worse) > 3 else "")
        change += f" · worse since the last deployment: {names}"
    ordered = sorted(found, key=lambda one: _attention(one, scores.get(one.name), since.get(one.name)))
    partly = any(over_words(one.red) for one in found)
    rows = tuple(
        Row(
            (
                one.name or "(no service.name)", one.red.per_minute, one.red.error_share, in_seconds(one.red.p95_ns),
                _apdex_words(scores.get(one.name)), _deployed(since.get(one.name)), since_words(since.get(one.name)),
                _version(one, since.get(one.name)), one.red.calls,
                *((over_words(one.red) or "the whole stretch",) if partly else ()),
            ),
            href("/services/service", {"name": one.name}),
        )
        for one in ordered
    )  # fmt: skip
    return ServiceList(
        Answer("How are the services doing?", said, change=change),
        Table(
            (
                Heading("Service"), Heading("Calls a minute", PER_MINUTE), Heading("Errors", SHARE),
                Heading("p95", SECONDS), Heading("Apdex"), Heading("Deployed"), Heading("Changed since"),
                Heading("Version now"), Heading("Calls", COUNT), *((Heading("Rate over"),) if partly else ()),
            ),
            rows,
        ),
        tuple(
            Sparkline(
                Head(f"rate-{number}", f"{one.name}, calls a minute"), tuple(rates.get(one.name, ())), PER_MINUTE
            ).svg()
            for number, one in enumerate(ordered)
        ),
        known_of(of, calls, f"{APDEX} {_SINCE}"),
        not found,
    )  # fmt: skip


def since_words(one: Since | None) -> str:
    """What changed since a deployment, in a few words."""
    if one is None:
        return ""
    if one.changed is None:
        return "too fresh to tell"
    said = [f"{change_words(each)}: {each.of.name}" for each in one.changed if each.is_worse][:2]
    others = len(one.changed) - len(said)
    if others > 0:
        said.append(counted(others, "other changes") if said else f"{counted(others, 'changes')}, none worse")
    if one.new_errors:
        said.append(counted(one.new_errors, "new errors"))
    return "; ".join(said) or "no difference beyond chance"


def apdex_said(one: Apdex | None) -> str:
    """``0.93 (0.92 to 0.94), T 500 ms``."""
    return f"{_apdex_words(one)}, T {seconds_words(one.target_ns)}" if one else "not estimable"


def _apdex_words(one: Apdex | None) -> str:
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})" if one else "not estimable"


def _version(one: Service, since: Since | None) -> str:
    """The version that runs now: what was deployed last, else whatever reported in the stretch."""
    return since.deployment.version if since and since.deployment.version else ", ".join(one.versions)


def _deployed(one: Since | None) -> str:
    return f"{one.deployment.at:%d %b %H:%M}" if one else ""


def _attention(one: Service, scored: Apdex | None, since: Since | None) -> tuple[float, float, float, str]:
    """What got worse with a deployment first, then the least satisfied callers, then errors."""
    return (
        -(since.worse if since else 0),
        round(scored.value, 2) if scored else 1.0,
        -(one.red.error_share or 0.0),
        one.name,
    )
