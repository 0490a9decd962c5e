"""Which fields a row of each noun may have, and what exports call them.

The names are in ``vocabulary.toml``; the first is the likeliest. Read by ``config`` (which fields exist),
``propose`` (which column is which) and ``nouns`` (how a cell is read).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ktlo.sources.csv.vocabulary import described


class Noun(enum.StrEnum):
    """What the rows of a file are about; the names are those of the tables."""

    INCIDENTS = "incidents"
    ISSUES = "issues"
    DEPLOYMENTS = "deployments"
    OUTAGES = "outages"
    TIME_OFF = "time_off"


class Reading(enum.StrEnum):
    """How a field's cell is read."""

    TEXT = "text"
    STATE = "state"
    SEVERITY = "severity"
    INSTANT = "instant"
    DATE = "date"
    COUNT = "count"
    FLAG = "flag"
    LIST = "list"
    """Several values in one cell (separated by , ; or |, or a JSON array) or in several columns."""


@dataclass(frozen=True, slots=True)
class FileField:
    """A field that a column may be.

    Attributes:
        reading: how its cell is read.
        names: what exports call it, likeliest first, in words of lower case.
        required: a file without it makes no sense.
    """

    reading: Reading
    names: tuple[str, ...]
    required: bool = False


def _read(kind: str) -> dict[str, FileField]:
    return {
        name: FileField(Reading(said["reading"]), said["names"], said.get("required", False))
        for name, said in described(kind).items()
    }


_FIELDS = {noun: _read(noun) for noun in Noun}
EVENT_FIELDS = _read("event")
"""Further fields that a row of an event log has."""


def fields_of(noun: Noun) -> Mapping[str, FileField]:
    """Fields that a row of a noun may have, by name."""
    return _FIELDS[noun]


def field_of(noun: Noun, name: str) -> FileField:
    """One field, those of event logs included; raises KeyError when there is none."""
    return _FIELDS[noun].get(name) or EVENT_FIELDS[name]


def words(column: str) -> str:
    """A column's name as words of lower case: ``sysUpdated_At`` is ``sys updated at``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)
    return " ".join(re.findall(r"[a-z0-9]+", spaced.lower()))
