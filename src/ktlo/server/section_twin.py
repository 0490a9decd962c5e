"""A section as JSON: the same words, cards and marks as on the page, in rows and columns."""

from __future__ import annotations

import dataclasses
from typing import Any

from ktlo.metrics.question import Question
from ktlo.report.charts import Table
from ktlo.report.sections import Section
from ktlo.server.tables import plain


def table_twin(table: Table) -> dict[str, Any]:
    """A table with its headings and units; cells keep their values (seconds, shares of one)."""
    return {
        "columns": [
            {"title": head.title, "unit": (head.unit.symbol or head.unit.form.value) if head.unit else ""}
            for head in table.headings
        ],
        "rows": [
            {"cells": [plain(cell) for cell in row.cells], "href": row.link or ""} for row in table.rows
        ],
    }


def twin_of(section: Section, question: Question) -> dict[str, Any]:
    """Everything that the page shows, as JSON-serialisable values."""
    cards = [
        {name: value for name, value in dataclasses.asdict(card).items() if name != "sparkline"}
        for card in section.cards
    ]
    return {
        "key": section.key,
        "title": section.title,
        "period": {"start": plain(question.start), "end": plain(question.end)},
        "filters": {str(name): list(values) for name, values in question.only.items()},
        "answer": dataclasses.asdict(section.answer),
        "sentences": list(section.sentences),
        "cards": cards,
        "figures": [
            {
                "name": figure.chart.head.name,
                "title": figure.chart.head.title,
                "description": figure.chart.head.description,
                "definition": figure.definition,
                "csv": figure.csv_href,
                "json": figure.json_href,
                "table": table_twin(figure.chart.table()),
            }
            for figure in section.figures
        ],
        "listings": [
            {
                "name": listing.name,
                "title": listing.title,
                "note": listing.note,
                "csv": listing.csv_href,
                "table": table_twin(listing.table),
            }
            for listing in section.listings
        ],
        "known": dataclasses.asdict(section.known),
        "nothing": dataclasses.asdict(section.nothing) if section.nothing else None,
    }
