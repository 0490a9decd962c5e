"""A report as one self-contained HTML file: drawings inlined, no script, nothing from outside."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from ktlo.report.charts import standalone
from ktlo.report.document import Document

MOST_ROWS = 60
"""Rows of one table; the rest is counted."""

_environment = Environment(
    loader=PackageLoader("ktlo.report"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write(document: Document) -> bytes:
    """Write a document."""
    drawings = {
        figure.chart.head.name: Markup(standalone(figure.chart.svg()))  # noqa: S704 - charts escape what they draw
        for section in document.sections
        for figure in section.figures
    }
    text = _environment.get_template("document.html").render(
        document=document, drawings=drawings, most_rows=MOST_ROWS
    )
    return text.encode()
