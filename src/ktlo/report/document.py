"""The report: every section of a period as one document, in Markdown, HTML or PDF.

Made from the same sections as the pages, so a printed number is the number on the page. ``markdown``,
``html`` and ``pdf`` write it; charts are in the last two, tables in all.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable
from dataclasses import dataclass

from ktlo.metrics.question import Question
from ktlo.metrics.remembering import Remembering
from ktlo.report.bugs import bugs
from ktlo.report.effort import effort
from ktlo.report.hotspots import hotspots
from ktlo.report.overview import overview
from ktlo.report.reliability import reliability
from ktlo.report.sections import NoLinks, Section
from ktlo.report.words import period_text
from ktlo.store.protocol import Queryable


class Form(enum.StrEnum):
    """Forms of a report."""

    MD = "md"
    HTML = "html"
    PDF = "pdf"

    @property
    def media_type(self) -> str:
        """Media type with its charset."""
        return {
            Form.MD: "text/markdown; charset=utf-8",
            Form.HTML: "text/html; charset=utf-8",
            Form.PDF: "application/pdf",
        }[self]


@dataclass(frozen=True, slots=True)
class Document:
    """A report before it is written.

    Attributes:
        title: its title.
        period: the period in words.
        scope: filters in words; ``everything that is connected`` without any.
        made_at: when it was made.
        sections: in reading order.
    """

    title: str
    period: str
    scope: str
    made_at: dt.datetime
    sections: tuple[Section, ...]


def make_document(store: Queryable, question: Question) -> Document:
    """Answer every section for one question."""
    once = Remembering(store)
    links = NoLinks()
    filters = [f"{name} {', '.join(values)}" for name, values in question.only.items() if values]
    return Document(
        title="Keeping the lights on",
        period=period_text(question.start, min(question.end, question.now)),
        scope="; ".join(filters) or "everything that is connected",
        made_at=question.now,
        sections=tuple(
            section(once, question, links) for section in (overview, effort, reliability, bugs, hotspots)
        ),
    )


def render_report(store: Queryable, question: Question, form: Form | str) -> tuple[bytes, str]:
    """Write the report of one question.

    Args:
        store: where the records are.
        question: period and filters.
        form: ``md``, ``html`` or ``pdf``.

    Returns:
        The document's bytes and its media type.
    """
    from ktlo.report import html, markdown, pdf

    chosen = Form(form)
    writers: dict[Form, Callable[[Document], bytes]] = {
        Form.MD: markdown.write,
        Form.HTML: html.write,
        Form.PDF: pdf.write,
    }
    return writers[chosen](make_document(store, question)), chosen.media_type
