"""What ``propose`` found out about a file: frozen, and renderable for ``--json``."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ktlo.sources.csv.config import CsvConfig


@dataclass(frozen=True, slots=True)
class ColumnFinding:
    """What a column holds.

    Attributes:
        name: as in the header.
        kind: dates, numbers, text, or empty.
        filled: rows in which it is not empty.
        distinct: different values, at most 2,000 counted.
        nulls: the markers that stand for nothing in it.
        examples: its commonest values.
        note: how its dates are written and why; empty for other columns.
    """

    name: str
    kind: str
    filled: int
    distinct: int
    nulls: tuple[str, ...]
    examples: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class FieldFinding:
    """Which columns are proposed for a field, why, and which others could be.

    Attributes:
        field: the record's field.
        columns: what is proposed; the first that is not empty counts.
        reason: why, in words.
        alternatives: other columns that would fit.
    """

    field: str
    columns: tuple[str, ...]
    reason: str
    alternatives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What the file does not tell.

    Attributes:
        option: the option that answers it (``dates``, ``time_zone``, ``mapping.external_id``,
            ``states.On Ice``).
        text: the question.
        choices: possible answers; empty when anything may be said.
        assumed: what holds without an answer; empty when the source cannot be added without one, or
            (for states) when dates decide.
        is_required: whether the source cannot be added without an answer.
    """

    option: str
    text: str
    choices: tuple[str, ...]
    assumed: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """How ktlo would read a file.

    Attributes:
        file: its path.
        options: options of the ``csv`` source, as for ``ktlo.yaml``.
        reasons: why the file is read so: encoding, delimiter, noun, shape, order.
        columns: what each column holds.
        fields: which column is which field.
        unmapped: columns that are not used.
        questions: what the person must or may say.
        rows: rows looked at.
        is_whole_file: whether these were all.
        rows_read: rows that were read by the proposal, from the first on, to count and to show what comes in.
        items: records that came in from these.
        events: history events that came in from these.
        rejected: rows of these that were turned away.
        warnings: records of these that came in with something missing.
        complaints: the first of both, as sentences.
        preview: the first records as they would come in.
    """

    file: str
    options: Mapping[str, Any]
    reasons: tuple[str, ...]
    columns: tuple[ColumnFinding, ...]
    fields: tuple[FieldFinding, ...]
    unmapped: tuple[str, ...]
    questions: tuple[Question, ...]
    rows: int
    is_whole_file: bool
    rows_read: int
    items: int
    events: int
    rejected: int
    warnings: int
    complaints: tuple[str, ...]
    preview: tuple[Mapping[str, Any], ...]

    @property
    def is_ready(self) -> bool:
        """Whether the source can be added without another word."""
        return not any(question.is_required for question in self.questions)

    def config(self) -> CsvConfig:
        """The options as a configuration.

        Raises:
            pydantic.ValidationError: a required question is open.
        """
        return CsvConfig.model_validate(dict(self.options))

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-serialisable values."""
        plain: dict[str, Any] = _plain(dataclasses.asdict(self))
        return {**plain, "is_ready": self.is_ready}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return value
