"""A report as one self-contained HTML file: drawings inlined, no script, nothing from outside."""

from __future__ import annotations

from dataclasses import replace

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from ktlo.report.charts import Chart, standalone
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
        section.key: {figure.chart.head.name: _drawn(section.key, figure.chart) for figure in section.figures}
        for section in document.sections
    }
    text = _environment.get_template("document.html").render(
        document=document, drawings=drawings, most_rows=MOST_ROWS
    )
    return text.encode()


def _drawn(section: str, chart: Chart) -> Markup:
    """A drawing whose ids are its section's own: the overview shows charts of other sections, too."""
    head = replace(chart.head, name=f"{section.replace('/', '-')}-{chart.head.name}")
    named: Chart = replace(chart, head=head)  # type: ignore[type-var]
    return Markup(standalone(named.svg()))  # noqa: S704 - charts escape what they draw
