"""The report to the business as a PDF of exactly one page, set by typst.

The template measures itself and takes the largest letters at which everything fits; tables are cut and counted here
before it would come to letters that nobody can read. No text of a user is ever part of the template's source.
"""

from __future__ import annotations

import json
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from ktlo.records.effort import Category
from ktlo.report.business import BOUGHT, CHOICES, WENT
from ktlo.report.business_words import KINDS, figures
from ktlo.report.charts import Cell, Form, Heading
from ktlo.report.document import Document
from ktlo.report.sections import Listing, Section

MOST_ROWS, MOST_SENTENCES, MOST_MISSING, MOST_LETTERS = 10, 8, 6, 320
"""What one page can hold in letters that can be read."""


def write(document: Document) -> bytes:
    """Write a document whose only section is the report to the business."""
    import typst

    (section,) = document.sections
    with tempfile.TemporaryDirectory(prefix="ktlo-report-") as name:
        folder = Path(name)
        template = resources.files("ktlo.report").joinpath("templates/business.typ").read_text("utf-8")
        (folder / "business.typ").write_text(template, encoding="utf-8")
        told = {
            "title": section.title,
            "period": f"{document.period}, {_cut(document.scope, 120)}",
            **_told(section),
            "foot": f"{section.known.definition} {section.known.sample}; {section.known.freshness}. Made by ktlo.",
        }
        (folder / "business.json").write_text(json.dumps(told), encoding="utf-8")
        written = typst.compile(str(folder / "business.typ"), root=str(folder), ignore_system_fonts=True)
    return bytes(written)


def _told(section: Section) -> dict[str, Any]:
    by_name = {listing.name: listing for listing in section.listings}
    ahead, besides = _parted(section)
    went = by_name.get(WENT)
    return {
        "said": section.answer.said,
        "interval": section.answer.interval,
        "change": section.answer.change,
        "nothing": f"{section.nothing.title}. {section.nothing.why}" if section.nothing else "",
        "features": KINDS[Category.FEATURE],
        "cards": [
            {"title": card.title, "value": card.value, "interval": card.interval, "sample": card.sample}
            for card in section.cards
        ],
        "went": None
        if went is None
        else {
            **_table(went),
            "parts": [
                float(row.cells[3]) if isinstance(row.cells[3], float) else 0.0 for row in went.table.rows
            ],
        },
        "bought": _table(by_name[BOUGHT]) if BOUGHT in by_name else None,
        "choices": _table(by_name[CHOICES]) if CHOICES in by_name else None,
        "ahead": [_cut(sentence) for sentence in ahead],
        "besides": [_cut(sentence) for sentence in besides],
        "missing": [_cut(sentence) for sentence in section.known.missing[:MOST_MISSING]],
    }


def _parted(section: Section) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sentences on the choices, and the two on debt and staffing that close."""
    told = section.sentences[:MOST_SENTENCES]
    if not any(listing.name == CHOICES for listing in section.listings):
        return (), told
    first = next((i for i, sentence in enumerate(told) if "burden" in sentence), len(told))
    return told[:first], told[first:]


def _table(listing: Listing) -> dict[str, Any]:
    table = listing.table
    rows = [
        [
            _exactly(cell, head, word)
            for cell, head, word in zip(row.cells, table.headings, table.words(row), strict=True)
        ]
        for row in table.rows[:MOST_ROWS]
    ]
    return {
        "title": listing.title,
        "note": listing.note,
        "headings": [heading.title for heading in table.headings],
        "numeric": [heading.numeric for heading in table.headings],
        "rows": rows,
    }


def _exactly(cell: Cell, heading: Heading, word: str) -> str:
    """Amounts with all their figures, as a finance reader writes them; other cells as everywhere."""
    if not isinstance(cell, float) or heading.unit is None or heading.unit.form is not Form.NUMBER:
        return word
    return f"{figures(cell)} {heading.unit.symbol}".rstrip()


def _cut(text: str, most: int = MOST_LETTERS) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
