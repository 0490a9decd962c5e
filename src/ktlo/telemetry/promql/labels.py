"""Labels of series: sorted pairs, so that equal sets are equal values and can be keys.

A native (exponential) histogram travels through an evaluation as a bundle of series, one a channel (count, sum, each
bucket), told apart by the label :data:`CHANNEL`, which no person can write and no grouping drops.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted by name."""

NAME = "__name__"
CHANNEL = "\x00channel"
"""Hidden label: the part of a native histogram that a series is."""


def labels_of(pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> Labels:
    """Labels of pairs in any order; empty values are no labels."""
    given = pairs.items() if isinstance(pairs, Mapping) else pairs
    return tuple(sorted((name, value) for name, value in given if value != ""))


def value_of(labels: Labels, name: str) -> str:
    """A label's value; empty when it is not there."""
    for each, value in labels:
        if each == name:
            return value
    return ""


def only(labels: Labels, names: frozenset[str]) -> Labels:
    """The labels of some names, and the channel."""
    return tuple(pair for pair in labels if pair[0] in names or pair[0] == CHANNEL)


def without(labels: Labels, names: frozenset[str]) -> Labels:
    """The labels of all other names."""
    return tuple(pair for pair in labels if pair[0] not in names)


_NAME_ONLY = frozenset({NAME})


def nameless(labels: Labels) -> Labels:
    """The labels without the metric's name."""
    return without(labels, _NAME_ONLY)


def with_value(labels: Labels, name: str, value: str) -> Labels:
    """The labels with one set, or removed when the value is empty."""
    return labels_of([pair for pair in labels if pair[0] != name] + [(name, value)])


def written(labels: Labels) -> str:
    """``up{job="api"}`` as PromQL has it."""
    name = value_of(labels, NAME)
    others = ", ".join(f'{each}="{_escaped(value)}"' for each, value in labels if each not in (NAME, CHANNEL))
    return f"{name}{{{others}}}" if others or not name else name


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
