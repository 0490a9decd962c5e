"""A trace drawn for a terminal: one line a span, its bar where and as long as it ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from ktlo.errors import printable
from ktlo.wording import counted

_LEAST_BAR, _NAME_SHARE = 20, 0.45
_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"))
_DEEPEST = 12


def duration(nanoseconds: float) -> str:
    """Nanoseconds as people read them: three digits and a unit."""
    for size, unit in _UNITS:
        if nanoseconds >= size:
            return (
                f"{nanoseconds / size:.3g} {unit}"
                if nanoseconds < 999.5 * size
                else f"{nanoseconds / size:,.0f} {unit}"
            )
    return f"{nanoseconds:.0f} ns"


def waterfall(trace: Mapping[str, Any], width: int, most: int) -> Iterator[Text]:
    """Lines of a trace.

    Args:
        trace: as the API gives it.
        width: columns of the terminal.
        most: spans to draw.
    """
    spans = trace["spans"]
    failed = sum(1 for span in spans if span["is_error"])
    yield Text(
        f"{trace['trace_id']}: {duration(trace['duration_ns'])}, {counted(trace['total'], 'spans')},"
        f" {failed:,} with an error"
    )
    names = max(24, int(width * _NAME_SHARE))
    bar = max(_LEAST_BAR, width - names - 12)
    whole = max(1, trace["duration_ns"])
    for span in spans[:most]:
        depth = min(span["depth"], _DEEPEST)
        lead = "  " * depth + ("… " if span["depth"] > _DEEPEST else "")
        label = printable(
            f"{lead}{'✗ ' if span['is_error'] else ''}{span['service']} {span['name']}"
        ).replace("\n", " ")
        begin = min(bar - 1, int((span["start_ns"] - trace["start_ns"]) / whole * bar))
        length = max(1, min(bar - begin, round(span["duration_ns"] / whole * bar)))
        style = "red" if span["is_error"] else "bold" if span["is_critical"] else "dim"
        line = Text(_fitted(label, names), style="red" if span["is_error"] else "")
        line.append(" " * begin)
        line.append(("█" if span["is_critical"] else "▒") * length, style=style)
        line.append(" " * (bar - begin - length))
        line.append(f" {duration(span['duration_ns']):>9}")
        yield line
    if len(spans) > most or trace["total"] > len(spans):
        yield Text(
            f"… {counted(trace['total'] - min(most, len(spans)), 'more spans')}; --most shows more, --json all"
        )


def _fitted(text: str, width: int) -> str:
    return text[: width - 2] + "… " if len(text) > width - 1 else text.ljust(width)
