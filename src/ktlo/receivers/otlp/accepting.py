"""What the three signals have in common when a request is checked: reasons, attributes, identifiers.

Arrays and maps among the values become JSON text, because the engine's columns have no type that nests without end;
what is too long or too many is cut, and the answer warns.
"""

from __future__ import annotations

import base64
import json
import math
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ktlo.receivers.otlp.naming import MOST_NAME, NAMING_KEYS, URL_KEYS, cut_words, named, url_named
from ktlo.store.streams.versions import YEARS_AHEAD, YEARS_PAST

MOST_ATTRIBUTES = 1_000
"""Attributes of one span, record, point, event, link, scope or resource that are kept; OTLP's default is 128."""
MOST_VALUE = 64 << 10
"""Characters of one attribute's value that are kept."""
TRACE_BYTES, SPAN_BYTES = 16, 8
LATEST = (1 << 63) - 1
"""Last nanosecond since 1970 that the engine's instants hold (11 April 2262)."""
TOO_LATE = "a time is after the year 2262"
_YEAR = 365 * 86_400_000_000_000
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


def tidy(attributes: Any, reasons: Reasons, most: int = MOST_VALUE) -> int:
    """Make a list of KeyValue what the engine reads.

    Args:
        attributes: are changed.
        reasons: get what is cut.
        most: characters of a value; names (:data:`~ktlo.receivers.otlp.naming.NAMING_KEYS`) have less.

    Returns:
        How many attributes were cut off.
    """
    cut = len(attributes) - MOST_ATTRIBUTES
    if cut > 0:
        del attributes[MOST_ATTRIBUTES:]
        reasons.warned[f"more than {MOST_ATTRIBUTES:,} attributes; the others were left out"] += 1
    for attribute in attributes:
        if len(attribute.key) > MOST_NAME:
            attribute.key = named(attribute.key)
            reasons.warned[cut_words("the key of an attribute")] += 1
        value = attribute.value
        kind = value.WhichOneof("value")
        if kind == "string_value":
            if len(value.string_value) > MOST_NAME:
                _shorten(attribute.key, value, most, reasons)
        elif kind not in _NUMBERS:
            # One character more than is kept, so that what is too long is seen to be.
            tidy_value(value, MOST_VALUE + 1)
            _shorten(attribute.key, value, most, reasons)
    return max(cut, 0)


def tidy_name(of: Any, field: str, what: str, reasons: Reasons) -> None:
    """Cut a field of a message that names something, where it is too long; ``what`` says of what it is the name."""
    name = getattr(of, field)
    if len(name) > MOST_NAME:
        setattr(of, field, named(name))
        reasons.warned[cut_words(what)] += 1


def tidy_scope(scope: Any, reasons: Reasons) -> None:
    """Make an instrumentation scope what the engine reads."""
    tidy_name(scope, "name", "the name of a scope", reasons)
    tidy_name(scope, "version", "the version of a scope", reasons)
    tidy(scope.attributes, reasons)


def _shorten(key: str, value: Any, most: int, reasons: Reasons) -> None:
    """Cut the value of an attribute to what it may be; what names something keeps a digest."""
    is_name = key in NAMING_KEYS or most <= MOST_NAME
    if value.bytes_value:
        if is_name:
            # As the engine would write them.
            value.string_value = base64.b64encode(value.bytes_value).decode()
        elif len(value.bytes_value) > most:
            value.bytes_value = value.bytes_value[:most]
            reasons.warned[_CUT.format(most)] += 1
    said = value.string_value
    if key in URL_KEYS and (shorter := url_named(said)) != said:
        value.string_value = said = shorter
        reasons.warned[cut_words(f"the host in {key}")] += 1
    if is_name and len(said) > MOST_NAME:
        value.string_value = named(said)
        reasons.warned[cut_words(key if key in NAMING_KEYS else "the value of a label")] += 1
    elif len(said) > most:
        value.string_value = said[:most]
        reasons.warned[_CUT.format(most)] += 1


_CUT = "the value of an attribute is longer than {:,} characters; cut"


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


_NUMBERS = frozenset(("bool_value", "int_value", "double_value"))
_KNOWN = frozenset(("string_value", "bytes_value", *_NUMBERS))


def plausible() -> tuple[int, int]:
    """First and last nanosecond since 1970 that a clock may tell now without being taken for wrong."""
    now = time.time_ns()
    return now - YEARS_PAST * _YEAR, min(now + YEARS_AHEAD * _YEAR, LATEST)


def warn_of_clock(told: int, within: tuple[int, int], reasons: Reasons) -> None:
    """Say so when a time, nanoseconds since 1970, is of a wrong clock; what it belongs to is kept as it is."""
    if not within[0] <= told <= within[1]:
        years = f"{YEARS_PAST} years before" if told < within[0] else "a year after"
        reasons.warned[f"a time is more than {years} it arrived: a clock is wrong; kept"] += 1


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
