"""Which stored series a selector means: what families can be called so, conditions of the question, finished labels.

Attributes are labels; ``job`` and ``instance`` follow from the resource as the OpenTelemetry specification says. What
SQL can tell is asked of the engine, the rest is told by the finished labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ktlo.telemetry.promql.labels import NAME, Labels, labels_of
from ktlo.telemetry.promql.names import Exposed, Family, label_name
from ktlo.telemetry.promql.samples import Matcher

_COLUMNS = {"service_name": "s.service", "service_version": "s.version", "otel_scope_name": "s.scope_name"}
_PROMOTED = frozenset({"job", "instance", "deployment_environment_name", *_COLUMNS})

Chosen = dict[Family, list[tuple[Exposed, bool]]]
"""Families with what of them is meant, and whether it is meant as it was reported."""


@dataclass(frozen=True, slots=True)
class Member:
    """One stored series as PromQL sees it.

    Attributes:
        series: fingerprint in the store.
        labels: its name and all.
        exposed: the metric.
    """

    series: str
    labels: Labels
    exposed: Exposed


def chosen_of(group: Sequence[Matcher], families: Sequence[Family]) -> Chosen:
    """What of some families a group of matchers can mean by its name, each with whether it is meant as reported."""
    named = [each.test() for each in group if each.label == NAME]
    chosen: Chosen = {}
    for family in families:
        for exposed in family.exposed():
            if all(fits(exposed.name) for fits in named):
                chosen.setdefault(family, []).append((exposed, False))
            elif exposed.raw != exposed.name and all(fits(exposed.raw) for fits in named):
                chosen.setdefault(family, []).append((exposed, True))
    return chosen


def members_of(group: Sequence[Matcher], chosen: Chosen, rows: Sequence[dict[str, Any]]) -> Iterator[Member]:
    """Series of rows whose finished labels fit."""
    others = [(each.label, each.test()) for each in group if each.label != NAME]
    for row in rows:
        family = Family(row["name"], row["type"], row["unit"], row["temporality"], bool(row["monotonic"]))
        for exposed, is_raw in chosen.get(family, ()):
            labels = _labels(row, is_raw=is_raw)
            later = {"bucket": "le", "quantile": "quantile"}.get(exposed.part, "")
            if all(
                name == later or fits(labels.get(name, "") or labels.get(label_name(name), ""))
                for name, fits in others
            ):
                labels[NAME] = exposed.raw if is_raw else exposed.name
                yield Member(row["series"], labels_of(labels), exposed)


def identity(service: str, namespace: str, instance: str) -> dict[str, str]:
    """``job`` and ``instance`` of a resource (OpenTelemetry, Prometheus compatibility, "Resource attributes")."""
    return {
        "job": f"{namespace}/{service}" if namespace else service,
        "instance": instance,
        "service_name": service,
    }


def _labels(row: Mapping[str, Any], *, is_raw: bool) -> dict[str, str]:
    found = identity(row["service"], row["namespace"], row["instance"])
    found |= {
        "service_version": row["version"],
        "deployment_environment_name": row["environment"],
        "otel_scope_name": row["scope_name"],
    }
    for key, value in dict(row["attributes"] or ()).items():
        name = key if is_raw else label_name(key)
        # An attribute that is named as what follows from the resource keeps its value beside it.
        found[f"exported_{name}" if found.get(name) else name] = value
    return found


def conditions(group: Sequence[Matcher]) -> tuple[list[str], dict[str, Any]]:
    """Matchers as SQL with bound values; those that only the finished labels can tell are left out."""
    found: list[str] = []
    values: dict[str, Any] = {}
    for at, each in enumerate(group):
        if each.label in (NAME, "le", "quantile") or each.test()(""):
            continue
        label, value = f"label_{at}", f"value_{at}"
        text = f"{{{value}:String}}"
        compared = f"match(%s, {text})" if each.operator in ("=~", "!~") else f"%s = {text}"
        values[value] = f"^(?s:{each.value})$" if each.operator in ("=~", "!~") else each.value
        if each.label in _COLUMNS and each.operator in ("=", "=~"):
            found.append(compared % _COLUMNS[each.label])
        elif (
            each.label not in _PROMOTED
            and not each.label.startswith("exported_")
            and each.operator in ("=", "=~")
        ):
            values[label] = label_name(each.label)
            named = f"replaceRegexpAll(k, '[^a-zA-Z0-9_]', '_') = {{{label}:String}}"
            fits = compared % "v"
            found.append(
                f"arrayExists((k, v) -> {named} AND {fits}, mapKeys(s.attributes), mapValues(s.attributes))"
            )
        else:
            del values[value]
    return found, values
