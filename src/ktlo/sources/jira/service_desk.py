"""What Jira Service Management adds to an issue: its request type, and the cycles of its SLAs. Pure.

Both are fields of the issue, found by the type of the field, whatever a person called it. Their values are what
Service Management's own API documents as ``SlaInformationDTO`` (``/rest/servicedeskapi/request/{id}/sla``) and
``CustomerRequestDTO.requestType``. Times and durations of a cycle are those of the desk's calendar.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ktlo.records.arrow import blank
from ktlo.records.service_levels import SlaCycle
from ktlo.sources.jira.payloads import IssueItem, instant, of_milliseconds
from ktlo.sources.jira.vocabulary import Of
from ktlo.sources.rest.rows import Row, microseconds

TYPES = {
    "com.atlassian.servicedesk:sd-sla-field": "sla",
    "com.atlassian.servicedesk:vp-origin": "request_type",
}
"""What a field holds by its type (``schema.custom``)."""

FIRST_RESPONSE = "time to first response"
"""Name that Service Management gives the SLA that ends with the first answer to the customer."""


class Moment(msgspec.Struct, rename="camel"):
    """``DateDTO``."""

    epoch_millis: int | None = None
    iso8601: str = ""
    jira: str = ""

    @property
    def at(self) -> dt.datetime | None:
        """The instant; ``None`` when none of its forms tells it."""
        if self.epoch_millis is not None:
            return of_milliseconds(self.epoch_millis)
        text = self.iso8601 or self.jira
        return instant(text).astimezone(dt.UTC) if text else None


class Length(msgspec.Struct):
    """``DurationDTO``."""

    millis: int | None = None


class Cycle(msgspec.Struct, rename="camel"):
    """``SlaInformationCompletedCycleDTO`` and ``SlaInformationOngoingCycleDTO``."""

    start_time: Moment | None = None
    stop_time: Moment | None = None
    breach_time: Moment | None = None
    breached: bool = False
    paused: bool = False
    goal_duration: Length | None = None
    elapsed_time: Length | None = None


class Agreement(msgspec.Struct, rename="camel"):
    """``SlaInformationDTO``."""

    name: str = ""
    completed_cycles: list[Cycle] | None = None
    ongoing_cycle: Cycle | None = None


def request_type(fields: Mapping[str, Any], of: Of) -> str:
    """Name of the request type; empty when the issue is no request."""
    value = of.words.value(fields, "request_type")
    told = value.get("requestType") if isinstance(value, dict) else None
    name = told.get("name") if isinstance(told, dict) else None
    return name if isinstance(name, str) else ""


def cycles(item: IssueItem, of: Of, former: Sequence[str] = ()) -> Iterator[tuple[str, Row]]:
    """The cycles of every SLA of an issue; of one that has none, the removal of a cycle that tells when that was so.

    Args:
        item: the issue.
        of: whose it is.
        former: keys that it had before; what was told under them is gone.

    Raises:
        msgspec.ValidationError, KeyError, ValueError: a field has another form than documented.
    """
    told = instant(item.fields["updated"])
    version, has_any = microseconds(told), False
    for identifier, agreement in _agreements(item.fields, of):
        running = agreement.ongoing_cycle
        done = sorted(agreement.completed_cycles or (), key=lambda one: _at(one.start_time) or told)
        for number, cycle in enumerate([*done, *([running] if running else [])], start=1):
            row = SlaCycle(
                source=of.source,
                item_id=item.key,
                sla_id=identifier,
                sla=agreement.name,
                cycle=number,
                is_running=cycle is running,
                is_paused=cycle.paused,
                is_breached=cycle.breached,
                started_at=_at(cycle.start_time),
                stopped_at=_at(cycle.stop_time),
                breach_at=_at(cycle.breach_time),
                goal_seconds=_seconds(cycle.goal_duration),
                elapsed_seconds=_seconds(cycle.elapsed_time),
                told_at=told,
            )
            has_any = True
            yield "sla_cycles", Row(row, version)
            for key in former:
                gone = dataclasses.replace(row, item_id=key)
                yield "sla_cycles", Row(gone, version + 1, is_removal=True)
    if not has_any and of.words.fields.get("sla"):
        # What was told before is gone, and which cycles that were is not known here.
        none = blank(SlaCycle, source=of.source, item_id=item.key, told_at=told)
        yield "sla_cycles", Row(none, version, is_removal=True)


def first_response(fields: Mapping[str, Any], of: Of) -> tuple[str, dt.datetime] | None:
    """The SLA of the first response and when that was given; ``None`` when neither is told."""
    try:
        for _, agreement in _agreements(fields, of):
            if agreement.name.strip().casefold() == FIRST_RESPONSE:
                stops = [at for one in agreement.completed_cycles or () if (at := _at(one.stop_time))]
                if stops:
                    return agreement.name, min(stops)
    except (msgspec.ValidationError, ValueError):
        return None  # said where the cycles are read
    return None


def _agreements(fields: Mapping[str, Any], of: Of) -> Iterator[tuple[str, Agreement]]:
    for identifier in of.words.fields.get("sla", ()):
        if fields.get(identifier):
            yield identifier, msgspec.convert(fields[identifier], Agreement)


def _at(moment: Moment | None) -> dt.datetime | None:
    return moment.at if moment else None


def _seconds(length: Length | None) -> float | None:
    return None if length is None or length.millis is None else length.millis / 1000
