"""The shape of a dashboard. The JSON Schema of its files and docs/dashboards.md follow from these models."""

from __future__ import annotations

import enum
import re
from typing import Any, Literal

from pydantic import Field, model_validator

from ktlo.settings.strict import Strict

NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,40}$"
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")
MOST_PANELS = 60
ALL = ".*"
"""Value of a variable that means every value; it stands in a pattern (``=~``)."""


class PanelKind(enum.StrEnum):
    """What a panel shows."""

    PROMQL = "promql"
    METRIC = "metric"
    LOGS = "logs"
    RED = "red"
    TEXT = "text"


class Variable(Strict):
    """Something that is chosen above the dashboard and stands in its expressions as ``$name``."""

    name: str = Field(pattern=NAME, description="Its name; expressions say $name.")
    label: str = Field("", max_length=100, description="Over the field; the name when empty.")
    values: list[str] = Field(default_factory=list, max_length=500, description="Values to choose from.")
    from_label: str = Field("", max_length=200, description="Label whose values are the choices.")
    of: str = Field("", max_length=2000, description="Selector that the label's values are taken from.")
    default: str = Field("", max_length=500, description="Value when none is chosen; the first when empty.")
    all: bool = Field(False, description="Offer every value, which stands as .* in expressions (use =~).")

    @model_validator(mode="after")
    def _has_choices(self) -> Variable:
        if not self.values and not self.from_label and not self.default and not self.all:
            raise ValueError("give values, from_label or default")
        return self


class Query(Strict):
    """One expression of a panel."""

    expr: str = Field(min_length=1, max_length=20_000, description="PromQL; $variables are filled in.")
    legend: str = Field("", max_length=300, description="Name of each series, such as {{job}}.")


class Panel(Strict):
    """One thing on the dashboard."""

    title: str = Field("", max_length=200, description="Over the panel.")
    description: str = Field("", max_length=2000, description="One sentence under the title.")
    kind: PanelKind = Field(PanelKind.PROMQL, description="promql, metric, logs, red or text.")
    width: int = Field(6, ge=2, le=12, description="Columns of twelve.")
    show: Literal["lines", "table", "number"] = Field("lines", description="How a promql panel is shown.")
    unit: str = Field(
        "", max_length=20, description="Unit of the values; found from the expression when empty."
    )
    queries: list[Query] = Field(default_factory=list, max_length=6, description="Of a promql panel.")
    metric: str = Field("", max_length=100, description="Of a metric panel: a ktlo metric, see ktlo metrics.")
    period: str = Field(
        "90d", max_length=40, description="Of a metric panel: how far back, as in ktlo metrics --from."
    )
    service: str = Field("", max_length=300, description="Of a red, logs or metric panel: the service.")
    severity: Literal["", "trace", "debug", "info", "warn", "error", "fatal"] = Field(
        "", description="Of a logs panel: the least severity."
    )
    query: str = Field("", max_length=2000, description="Of a logs panel: a search as on the page Logs.")
    most: int = Field(50, ge=1, le=500, description="Of a logs panel: how many records.")
    text: str = Field("", max_length=20_000, description="Of a text panel: paragraphs, `code` in backticks.")

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Panel:
        needed = {
            PanelKind.PROMQL: ("queries", bool(self.queries)), PanelKind.METRIC: ("metric", bool(self.metric)),
            PanelKind.RED: ("service", bool(self.service)), PanelKind.TEXT: ("text", bool(self.text)),
        }  # fmt: skip
        name, is_there = needed.get(self.kind, ("", True))
        if not is_there:
            raise ValueError(f"a {self.kind.value} panel needs {name}")
        return self


class Band(Strict):
    """A row of panels under a title."""

    title: str = Field("", max_length=200, description="Over the row.")
    panels: list[Panel] = Field(
        default_factory=list, max_length=MOST_PANELS, description="From left to right."
    )


class Dashboard(Strict):
    """One dashboard: a file of the folder ``telemetry.dashboards``."""

    title: str = Field(min_length=1, max_length=200, description="Its name.")
    description: str = Field("", max_length=2000, description="What question it answers.")
    since: str = Field("1h", max_length=20, description="Stretch of time when none is chosen: 15min, 1h, 7d.")
    variables: list[Variable] = Field(default_factory=list, max_length=20, description="Chosen above it.")
    rows: list[Band] = Field(default_factory=list, max_length=50, description="From top to bottom.")

    @model_validator(mode="after")
    def _is_of_a_size(self) -> Dashboard:
        if sum(len(row.panels) for row in self.rows) > MOST_PANELS:
            raise ValueError(f"it has more than {MOST_PANELS} panels")
        names = [each.name for each in self.variables]
        if len(set(names)) < len(names):
            raise ValueError("two variables have the same name")
        return self


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a dashboard's file, for editors."""
    schema = Dashboard.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return schema


def filled(text: str, values: dict[str, str]) -> str:
    """A text with its ``$variables`` filled in; unknown ones stay.

    A value stands between the quotes of a label matcher, so quotes and backslashes in it are escaped.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in values:
            return found[0]
        return values[name].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    return _VARIABLE.sub(value, text)
