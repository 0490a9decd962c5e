"""What a person says about an export: where it is, what a row is, which column is which field.

``ktlo sources add csv FILE`` proposes all of it (``propose``); what is written here is what the source
reads by. Every option's description is its documentation (CLI help, docs/sources/csv.md).
"""

from __future__ import annotations

import codecs
import datetime as dt
import enum
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ktlo.sources.csv.dates import DateStyle
from ktlo.sources.csv.fields import EVENT_FIELDS, Noun, fields_of
from ktlo.sources.csv.states import DEPLOYMENT_STATUSES, StateClass

NULLS = (
    "",
    "?",
    "-",
    "--",
    "N/A",
    "n/a",
    "NA",
    "#N/A",
    "null",
    "NULL",
    "Null",
    "None",
    "nil",
    "NaN",
    "nan",
    "\\N",
    "undefined",
)


class Shape(enum.StrEnum):
    """What one row of the file is."""

    ITEMS = "items"
    """One row an incident, issue, deployment…"""
    EVENTS = "events"
    """One row a step in the life of an item; rows of one key make one item."""


class EventOrder(enum.StrEnum):
    """In which order the rows of one item happened, in an event log."""

    TIME = "time"
    """By the event's time; rows of the same time as they stand in the file."""
    FILE = "file"
    """As they stand in the file, even where a time disagrees."""
    FILE_REVERSED = "file_reversed"
    """Newest first in the file."""


class Form(enum.StrEnum):
    """How the file is written."""

    CSV = "csv"
    JSON_LINES = "json_lines"
    JSON = "json"
    """One JSON array of objects."""
    PARQUET = "parquet"


class Constant(BaseModel):
    """The same value for every row."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    constant: str


FieldSource = str | list[str] | Constant


class CsvConfig(BaseModel):
    """Options of ``type: csv``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = Field(description="Path of the export; * and ? match several files, read as one.")
    name: str = Field("", description="Name of the source; the file's name without its ending when empty.")
    noun: Noun = Field(
        description="What the rows are about: incidents, issues, deployments, outages, time_off."
    )
    shape: Shape = Field(
        Shape.ITEMS, description="items: one row each; events: one row a step in an item's life."
    )
    mapping: dict[str, FieldSource] = Field(
        description="Field to column; to a list of columns, of which the first that is not empty counts;"
        " or to {constant: VALUE}."
    )
    form: Form | None = Field(
        None, description="csv, json_lines, json or parquet; by the file's ending when empty."
    )
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = Field(
        ",", description="Character between columns (CSV)."
    )
    encoding: str = Field("utf-8-sig", description="Encoding of the text: utf-8-sig, utf-16, cp1252…")
    dates: DateStyle = Field(
        DateStyle.UNAMBIGUOUS,
        description="How dates are written: unambiguous (ISO, month names), day_first, month_first,"
        " epoch_seconds, epoch_millis, excel_days.",
    )
    date_columns: dict[str, DateStyle] = Field(
        default_factory=dict, description="Columns whose dates are written differently from `dates`."
    )
    time_zone: str = Field("UTC", description="Zone of times without an offset, such as Europe/Berlin.")
    nulls: tuple[str, ...] = Field(NULLS, description="Values that mean 'nothing'.")
    states: dict[str, str] = Field(
        default_factory=dict,
        description="What a state means: new, active, waiting, mitigated, resolved, closed or cancelled; of a"
        " deployment: success, failure, in_progress, inactive or unknown. Common ones are known.",
    )
    severities: dict[str, str] = Field(
        default_factory=dict, description="Severity as the file has it to severity as you call it."
    )
    event_order: EventOrder = Field(
        EventOrder.TIME, description="Order of an item's rows in an event log: time, file, file_reversed."
    )
    complete: bool = Field(
        False,
        description="True when the file always holds everything: what is no longer in it is removed.",
    )
    observed_until: dt.datetime | None = Field(
        None,
        description="When the export was made; the newest time in the file when empty. What is open then"
        " is known to be open until then and no longer.",
    )

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError as error:
            raise ValueError(f"there is no encoding called {value!r}") from error
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone called {value!r}; write it as Europe/Berlin") from error
        return value

    @field_validator("observed_until")
    @classmethod
    def _with_zone(cls, value: dt.datetime | None) -> dt.datetime | None:
        return value.replace(tzinfo=dt.UTC) if value is not None and value.tzinfo is None else value

    @model_validator(mode="after")
    def _fields_exist(self) -> Self:
        known = fields_of(self.noun)
        allowed = set(known)
        if self.shape is Shape.EVENTS:
            if self.noun not in (Noun.INCIDENTS, Noun.ISSUES):
                raise ValueError(f"an event log is of incidents or issues, not of {self.noun}")
            allowed |= set(EVENT_FIELDS)
        for name in self.mapping:
            if name not in allowed:
                raise ValueError(
                    f"mapping: {self.noun} have no field {name!r}; fields: {', '.join(sorted(allowed))}"
                )
        meanings = state_meanings(self.noun)
        for state, meaning in self.states.items():
            if meaning not in meanings:
                raise ValueError(
                    f"states: {state!r} cannot mean {meaning!r}; choose one of {', '.join(meanings)}"
                )
        needed = [name for name, field in known.items() if field.required]
        if self.shape is Shape.EVENTS:
            needed = ["external_id", "state", "event_at"]
        missing = [name for name in needed if name not in self.mapping]
        if missing:
            raise ValueError(f"mapping: say which column is {', '.join(missing)}")
        return self

    @property
    def zone(self) -> dt.tzinfo:
        """The zone of times without an offset."""
        return dt.UTC if self.time_zone == "UTC" else ZoneInfo(self.time_zone)

    def style(self, column: str) -> DateStyle:
        """How a column's dates are written."""
        return self.date_columns.get(column, self.dates)

    def form_of(self, path: Path) -> Form:
        """How a file is written: as said, else by its ending."""
        return self.form or form_by_ending(path)


def state_meanings(noun: Noun) -> tuple[str, ...]:
    """What a state of this noun can mean."""
    return DEPLOYMENT_STATUSES if noun is Noun.DEPLOYMENTS else tuple(StateClass)


def form_by_ending(path: Path) -> Form:
    """Form of a file by the ending of its name; CSV when the ending says nothing."""
    return {
        ".jsonl": Form.JSON_LINES,
        ".ndjson": Form.JSON_LINES,
        ".json": Form.JSON,
        ".parquet": Form.PARQUET,
        ".pq": Form.PARQUET,
    }.get(path.suffix.lower(), Form.CSV)


def options_help() -> dict[str, str]:
    """Every option with its description, for the CLI and the docs."""
    return {name: field.description or "" for name, field in CsvConfig.model_fields.items()}
