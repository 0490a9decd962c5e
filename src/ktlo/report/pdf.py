"""A report as PDF, set by typst (PyPI ``typst``, the compiler in a wheel): no browser, no system library.

The template reads the document as JSON and drawings as SVG files from a folder of its own, so no text of a
user is ever part of the template's source. Fonts are those in the compiler; the network is not used.
"""

from __future__ import annotations

import json
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from ktlo.report.charts import Table, standalone
from ktlo.report.document import Document
from ktlo.report.sections import Section
from ktlo.wording import counted

MOST_ROWS = 25
"""Rows of one table; the rest is counted."""

_SHORT = 14
"""Letters up to which a cell stays on one line."""
_LETTER, _INSET, _MOST_TAKEN = 5.2, 10.0, 340.0
"""Points: a bold letter of 8.5 pt, the space beside a cell, and what short columns may take of 493."""


def write(document: Document) -> bytes:
    """Write a document."""
    import typst

    with tempfile.TemporaryDirectory(prefix="ktlo-report-") as name:
        folder = Path(name)
        template = resources.files("ktlo.report").joinpath("templates/document.typ").read_text("utf-8")
        (folder / "document.typ").write_text(template, encoding="utf-8")
        sections = []
        for section in document.sections:
            pictures = []
            for figure in section.figures:
                file = f"{section.key}-{figure.chart.head.name}.svg"
                (folder / file).write_text(standalone(figure.chart.svg()), encoding="utf-8")
                pictures.append({"title": figure.chart.head.title, "note": figure.definition, "file": file})
            sections.append(_section(section, pictures))
        told = {
            "title": document.title,
            "period": document.period,
            "scope": document.scope,
            "made": f"{document.made_at:%Y-%m-%d %H:%M} UTC",
            "sections": sections,
        }
        (folder / "document.json").write_text(json.dumps(told), encoding="utf-8")
        written = typst.compile(str(folder / "document.typ"), root=str(folder), ignore_system_fonts=True)
    return bytes(written)


def _section(section: Section, pictures: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "title": section.title,
        "said": section.answer.said,
        "interval": section.answer.interval,
        "change": section.answer.change,
        "cards": [
            [card.title, card.value or "not estimable", card.interval, card.sample] for card in section.cards
        ],
        "sentences": list(section.sentences),
        "nothing": f"{section.nothing.title}. {section.nothing.why}" if section.nothing else "",
        "pictures": pictures,
        "listings": [
            {"title": listing.title, "note": listing.note, **_table(listing.table)}
            for listing in section.listings
        ],
        "known": {
            "definition": section.known.definition,
            "sample": section.known.sample,
            "freshness": section.known.freshness,
            "missing": " ".join(section.known.missing) or "Nothing known to be missing.",
            "source": section.known.source,
        },
    }


def widths(table: Table) -> list[dict[str, float]]:
    """How wide each column is: ``{"pt": n}`` where no cell would ever wrap, else a share ``{"fr": n}``.

    The template cannot leave it to the compiler: beside columns as wide as their longest cell, a column
    that takes what is left gets nothing, and its words are printed over its neighbour's.
    """
    rows = [table.words(row) for row in table.rows[:MOST_ROWS]]
    longest = [
        max([len(word) for word in head.title.split()] + [len(row[i]) for row in rows], default=0)
        for i, head in enumerate(table.headings)
    ]
    short = [i > 0 and length <= _SHORT for i, length in enumerate(longest)]
    taken = sum(
        length * _LETTER + _INSET for length, is_short in zip(longest, short, strict=True) if is_short
    )
    if taken > _MOST_TAKEN:
        return [{"fr": float(max(length, 6))} for length in longest]
    return [
        {"pt": length * _LETTER + _INSET} if is_short else {"fr": 1.4 if i == 0 else 1.0}
        for i, (length, is_short) in enumerate(zip(longest, short, strict=True))
    ]


def _table(table: Table) -> dict[str, Any]:
    more = len(table.rows) - MOST_ROWS
    return {
        "headings": [heading.title for heading in table.headings],
        "numeric": [heading.numeric for heading in table.headings],
        "widths": widths(table),
        "rows": [list(table.words(row)) for row in table.rows[:MOST_ROWS]],
        "more": f"The first {MOST_ROWS} of {counted(len(table.rows), 'rows')}." if more > 0 else "",
    }
