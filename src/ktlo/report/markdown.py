"""A report as Markdown (CommonMark with GitHub's tables): answers, numbers and tables, no pictures."""

from __future__ import annotations

import re

from ktlo.report.charts import Table
from ktlo.report.document import Document
from ktlo.report.sections import Section
from ktlo.wording import counted

MOST_ROWS = 30
"""Rows of one table; the rest is counted."""

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def write(document: Document) -> bytes:
    """Write a document."""
    lines = [
        f"# {escaped(document.title)}",
        "",
        (
            f"{escaped(document.period)}, {escaped(document.scope)}."
            f" Made by ktlo on {document.made_at:%Y-%m-%d %H:%M} UTC."
        ),
        "",
    ]
    for section in document.sections:
        lines += _section(section)
    return ("\n".join(lines).rstrip() + "\n").encode()


def _section(section: Section) -> list[str]:
    answer = section.answer
    interval = f" ({escaped(answer.interval)})" if answer.interval else ""
    lines = [f"## {escaped(section.title)}", "", f"**{escaped(answer.said)}**{interval}", ""]
    if answer.change:
        lines += [f"{escaped(answer.change)}.", ""]
    lines += [f"- {escaped(sentence)}" for sentence in section.sentences]
    if section.sentences:
        lines.append("")
    if section.cards:
        lines += ["| | value | 95% interval, or why there is none | sample |", "|---|---:|---|---|"]
        lines += [
            f"| {escaped(card.title)} | {escaped(card.value or 'not estimable')} | {escaped(card.interval)}"
            f" | {escaped(card.sample)} |"
            for card in section.cards
        ]
        lines.append("")
    if section.nothing:
        lines += [f"{escaped(section.nothing.title)}. {escaped(section.nothing.why)}", ""]
    for figure in section.figures:
        lines += [f"### {escaped(figure.chart.head.title)}", "", *_table(figure.chart.table().shown())]
    for listing in section.listings:
        lines += [f"### {escaped(listing.title)}", "", escaped(listing.note), "", *_table(listing.table)]
    known = section.known
    lines += [
        f"*How we know.* {escaped(known.definition)} Sample: {escaped(known.sample)}; {escaped(known.freshness)}."
    ]
    lines += [
        f"Missing: {escaped(' '.join(known.missing))}" if known.missing else "Nothing known to be missing.",
        "",
    ]
    return lines


def _table(table: Table) -> list[str]:
    if not table.rows:
        return ["No rows in this period.", ""]
    lines = [
        "| " + " | ".join(escaped(heading.title) for heading in table.headings) + " |",
        "|" + "|".join("---:" if heading.numeric else "---" for heading in table.headings) + "|",
    ]
    lines += [
        "| " + " | ".join(escaped(word) for word in table.words(row)) + " |" for row in table.rows[:MOST_ROWS]
    ]
    if len(table.rows) > MOST_ROWS:
        lines += ["", f"The first {MOST_ROWS} of {counted(len(table.rows), 'rows')}."]
    return [*lines, ""]
