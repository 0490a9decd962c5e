"""What there is to ask about: names of metrics, series, names of labels and their values.

Without a selector the engine answers names and values itself, over whatever number of series; with one the series are
read that it means, the first :data:`~ktlo.telemetry.promql.stored.MOST_SERIES` of them. Nothing is cut without a word:
:attr:`Found.is_partial`, and a caller that asks for one more than it gives on knows whether there are more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ktlo.store.protocol import Queryable
from ktlo.telemetry.promql.aggregation import number_text
from ktlo.telemetry.promql.labels import NAME, Labels, value_of
from ktlo.telemetry.promql.names import label_name
from ktlo.telemetry.promql.samples import Selector, Stretch
from ktlo.telemetry.promql.spans import NAMES as SPAN_NAMES
from ktlo.telemetry.promql.spans import SpanMetrics
from ktlo.telemetry.promql.stored import TARGET_INFO, Stored, moment

MOST_LISTED = 20_000
"""Series, names or values that one answer lists, where less is not asked for."""

_OWN = {
    "job": "if(s.resource['service.namespace'] != '',"
    " concat(s.resource['service.namespace'], '/', s.service), s.service)",
    "instance": "s.instance",
    "service_name": "s.service",
    "service_version": "s.version",
    "deployment_environment_name": "s.environment",
    "otel_scope_name": "s.scope_name",
}
"""SQL of the labels that follow from the resource; see :mod:`ktlo.telemetry.promql.stored`."""
_EXPORTED = "exported_"

_SERIES = """ktlo.metric_series_states AS s
WHERE s.last_at >= {start:DateTime64(9, 'UTC')} AND s.first_at <= {end:DateTime64(9, 'UTC')}"""
"""The parts of which series are stored: what is in any of them is in the series."""

_KEYS = f"""
SELECT DISTINCT arrayJoin(arrayFilter((k, v) -> v != '', mapKeys(s.attributes), mapValues(s.attributes))) AS key
FROM {_SERIES} ORDER BY key"""  # noqa: S608

_VALUES = f"""
SELECT value FROM (SELECT DISTINCT arrayJoin(%s) AS value FROM {_SERIES})
WHERE value != '' ORDER BY value LIMIT {{most:UInt32}}"""  # noqa: S608 - ktlo's own names
_SAID = "arrayFilter((v, k) -> has({{{0}:Array(String)}}, k), mapValues(s.attributes), mapKeys(s.attributes))"

_BOUNDS = """
SELECT DISTINCT arrayJoin(h.bounds) AS bound FROM ktlo.metric_histograms AS h
WHERE h.at >= {start:DateTime64(9, 'UTC')} AND h.at <= {end:DateTime64(9, 'UTC')}
  AND ({all:Bool} OR h.series IN {ids:Array(String)})
ORDER BY bound LIMIT {most:UInt32}"""


@dataclass(frozen=True, slots=True)
class Found:
    """A list of what there is to ask.

    Attributes:
        values: series, names or values.
        is_partial: more series match than were read, so that there may be more.
    """

    values: list[Any]
    is_partial: bool = False


def series(
    store: Queryable, selectors: Sequence[Selector], start: int, end: int, most: int = MOST_LISTED
) -> Found:
    """Label sets of the series that any of some selectors means; buckets of a histogram are one series here.

    Args:
        store: where they are.
        selectors: which ones.
        start: first moment of the stretch in which they have samples, milliseconds since 1970.
        end: last one.
        most: at most so many.
    """
    meant, is_partial = _meant(store, selectors, start, end)
    return Found([dict(labels) for labels in islice(meant, most)], is_partial)


def _meant(
    store: Queryable, selectors: Sequence[Selector], start: int, end: int
) -> tuple[dict[Labels, None], bool]:
    found: dict[Labels, None] = {}
    is_partial = False
    for selector in selectors:
        members, is_cut = Stored(store).first_members(selector, start, end)
        is_partial = is_partial or is_cut
        found |= dict.fromkeys(member.labels for member in members)
        for samples in SpanMetrics(store).read(selector, Stretch(start, end)):
            found |= dict.fromkeys(samples.labels)
    return found, is_partial


def names(store: Queryable, start: int, end: int) -> list[str]:
    """Names that can be asked, in Prometheus' letters."""
    found = {exposed.name for family in Stored(store).families(start, end) for exposed in family.exposed()}
    return sorted({*found, *SPAN_NAMES, TARGET_INFO} if found else SPAN_NAMES)


def label_names(
    store: Queryable, selectors: Sequence[Selector], start: int, end: int, most: int = MOST_LISTED
) -> Found:
    """Names of labels, of all series when there is no selector; see :func:`series`."""
    if not selectors:
        return Found(_all_label_names(store, start, end)[:most])
    meant, is_partial = _meant(store, selectors, start, end)
    found = {name for labels in meant for name, _ in labels}
    if any(value_of(labels, NAME).endswith("_bucket") for labels in meant):
        found.add("le")
    return Found(sorted(found)[:most], is_partial)


def label_values(
    store: Queryable,
    label: str,
    selectors: Sequence[Selector],
    start: int,
    end: int,
    most: int = MOST_LISTED,
) -> Found:
    """Values of one label, of all series when there is no selector; see :func:`series`."""
    if label == NAME and not selectors:
        return Found(names(store, start, end)[:most])
    asked = {"start": moment(start), "end": moment(end), "most": most}
    if label == "le":
        read = [Stored(store).first_members(selector, start, end) for selector in selectors]
        ids = [member.series for members, _ in read for member in members if member.exposed.part == "bucket"]
        rows = store.query(_BOUNDS, {**asked, "ids": ids, "all": not selectors}).to_pylist()
        bounds = [*(number_text(row["bound"]) for row in rows), "+Inf"][:most] if rows or ids else []
        return Found(bounds, any(is_cut for _, is_cut in read))
    if not selectors:
        return Found(_all_values(store, label, asked))
    meant, is_partial = _meant(store, selectors, start, end)
    return Found(sorted({value_of(labels, label) for labels in meant} - {""})[:most], is_partial)


def _keys(store: Queryable, asked: dict[str, Any]) -> list[str]:
    return [row["key"] for row in store.query(_KEYS, asked).to_pylist()]


def _all_values(store: Queryable, label: str, asked: dict[str, Any]) -> list[str]:
    """Values of a label over all series, computed by the engine."""
    shadowed = label.removeprefix(_EXPORTED) if label.startswith(_EXPORTED) else ""
    by_name: dict[str, list[str]] = {}
    for key in _keys(store, asked):
        by_name.setdefault(label_name(key), []).append(key)
    said = _SAID.format("keys")
    if label in _OWN:
        said = f"if({_OWN[label]} != '', [{_OWN[label]}], {said})"
    if shadowed in _OWN:
        said = f"arrayConcat({said}, if({_OWN[shadowed]} != '', {_SAID.format('shadowed')}, []))"
    given = {**asked, "keys": by_name.get(label, []), "shadowed": by_name.get(shadowed, [])}
    return [row["value"] for row in store.query(_VALUES % said, given).to_pylist()]


def _all_label_names(store: Queryable, start: int, end: int) -> list[str]:
    """Names of the labels of all series, computed by the engine."""
    asked = {"start": moment(start), "end": moment(end)}
    keys = _keys(store, asked)
    own = ", ".join(f"countIf({sql} != '') > 0 AS {label}" for label, sql in _OWN.items())
    hidden = ", ".join(
        f"countIf({sql} != '' AND hasAny({{{label}:Array(String)}}, mapKeys(s.attributes))) > 0"
        f" AS {_EXPORTED}{label}"
        for label, sql in _OWN.items()
    )
    named = {label: [key for key in keys if label_name(key) == label] for label in _OWN}
    question = f"SELECT count() > 0 AS {NAME}, countIf(s.type = 'histogram') > 0 AS le, {own}, {hidden} FROM {_SERIES}"  # noqa: S608
    row = store.query(question, {**asked, **named}).to_pylist()[0]
    found = {label for label, there in row.items() if there}
    return sorted(found | {name for name in map(label_name, keys) if name not in _OWN})
