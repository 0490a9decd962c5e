"""What the three signals have in common when a request is checked: reasons, attributes, identifiers.

Arrays and maps among the values become JSON text, because the engine's columns have no type that nests without end;
what is too long or too many is cut.
"""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

MOST_ATTRIBUTES = 1_000
"""Attributes of one span, record, point, event, link, scope or resource that are kept; OTLP's default is 128."""
MOST_VALUE = 64 << 10
"""Characters of one attribute's value that are kept."""
TRACE_BYTES, SPAN_BYTES = 16, 8
LATEST = (1 << 63) - 1
"""Last nanosecond since 1970 that the engine's instants hold (11 April 2262)."""
TOO_LATE = "a time is after the year 2262"
_DEEPEST = 32


class MalformedError(ValueError):
    """The request is not what it says it is; nothing of it is kept."""


@dataclass(slots=True)
class Reasons:
    """Why items are not kept, and what others were kept without.

    Attributes:
        rejected: items by reason.
        warned: items by what they were kept without.
    """

    rejected: Counter[str] = field(default_factory=Counter)
    warned: Counter[str] = field(default_factory=Counter)

    def said(self, unit: str) -> str:
        """In words, for the sender; ``unit`` is what an item is called."""
        return "; ".join(
            f"{number} {unit}s: {reason}" if number > 1 else f"1 {unit}: {reason}"
            for reason, number in (*self.rejected.items(), *self.warned.items())
        )


def tidy(attributes: Any) -> int:
    """Make a list of KeyValue what the engine reads; answers how many were cut off."""
    cut = len(attributes) - MOST_ATTRIBUTES
    if cut > 0:
        del attributes[MOST_ATTRIBUTES:]
    for attribute in attributes:
        tidy_value(attribute.value)
    return max(cut, 0)


def tidy_value(value: Any, most: int = MOST_VALUE) -> None:
    """Make an AnyValue what the engine reads: arrays and maps as JSON text, what is too long cut."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        if len(value.string_value) > most:
            value.string_value = value.string_value[:most]
    elif kind in ("array_value", "kvlist_value"):
        value.string_value = json.dumps(_plain(value, 0), ensure_ascii=False)[:most]
    elif kind == "bytes_value" and len(value.bytes_value) > most:
        value.bytes_value = value.bytes_value[:most]
    elif kind is None or (kind not in _KNOWN):
        # An absent value is legal and means empty; the engine would read it as empty bytes.
        value.string_value = ""


_KNOWN = frozenset(("string_value", "bytes_value", "bool_value", "int_value", "double_value"))


def is_identifier(given: bytes, size: int) -> bool:
    """Whether bytes are the identifier of a trace or span: of that size, and not all zeros."""
    return len(given) == size and any(given)


def service_of(resource: Any) -> str:
    """service.name of a resource; empty when it has none."""
    for attribute in resource.attributes:
        if attribute.key == "service.name":
            return str(attribute.value.string_value)
    return ""


def _plain(value: Any, depth: int) -> Any:
    """An AnyValue as JSON has it; what nests deeper than is sensible is named, not followed."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if depth > _DEEPEST:
        return "…"
    if kind == "array_value":
        return [_plain(each, depth + 1) for each in value.array_value.values]
    if kind == "kvlist_value":
        return {each.key: _plain(each.value, depth + 1) for each in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    if kind == "double_value" and not math.isfinite(value.double_value):
        return str(value.double_value)
    return getattr(value, kind)
