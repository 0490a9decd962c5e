"""What the cells of one row say, by the mapping: texts, instants, states, lists.

Every value that cannot be read raises :class:`BadCellError`, which names column, value and reason; the row
is then turned away by ``reading``. Nothing here knows a noun.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping

from ktlo.sources.csv.config import Constant, CsvConfig, FieldSource
from ktlo.sources.csv.dates import DateError, parse_instant
from ktlo.sources.lengths import NAME, first_values, named

LONGEST_QUOTE = 80
_LIST_MARKS = re.compile(r"[,;|]")


class BadCellError(ValueError):
    """A cell cannot be read, or a needed one is missing; the row is turned away.

    Attributes:
        reason: one sentence that names the column and says what to do.
        value: the cell.
    """

    def __init__(self, reason: str, value: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = value


def quoted(value: str) -> str:
    """A value for a sentence: at most 80 characters."""
    return repr(value if len(value) <= LONGEST_QUOTE else value[: LONGEST_QUOTE - 1] + "…")


class CellReader:
    """Reads the fields of rows by a configuration.

    Args:
        config: mapping, date styles, null markers, severities.
    """

    def __init__(self, config: CsvConfig) -> None:
        self._config = config
        self._nulls = frozenset(config.nulls)
        self._zone = config.zone
        self._severities = {name.lower(): own for name, own in config.severities.items()}
        self._columns = {field: columns_of(source) for field, source in config.mapping.items()}
        self._constants = {
            field: source.constant for field, source in config.mapping.items() if isinstance(source, Constant)
        }

    def _first(self, cells: Mapping[str, tuple[str, ...]], field: str) -> tuple[str, str]:
        """Column and value of the first cell that is not empty; empty texts when there is none."""
        columns = self._columns.get(field)
        if columns is None:
            return "", ""
        if not columns:
            return "", self._constants[field]
        for column in columns:
            for cell in cells.get(column, ()):
                value = cell.strip()
                if value not in self._nulls:
                    return column, value
        return "", ""

    def text(self, cells: Mapping[str, tuple[str, ...]], field: str, longest: int) -> str:
        """A text for a person to read, empty when there is none, cut at ``longest`` characters."""
        return self._first(cells, field)[1][:longest]

    def name(self, cells: Mapping[str, tuple[str, ...]], field: str, longest: int = NAME) -> str:
        """A name, empty when there is none: see :func:`ktlo.sources.lengths.named`."""
        return named(self._first(cells, field)[1], longest)

    def severity(self, cells: Mapping[str, tuple[str, ...]]) -> str:
        """The severity by the person's own names where they gave one."""
        text = self.name(cells, "severity")
        return self._severities.get(text.lower(), text)

    def instant(self, cells: Mapping[str, tuple[str, ...]], field: str) -> dt.datetime | None:
        """An instant in UTC; ``None`` when the cell is empty.

        Raises:
            BadCellError: it is no date in the column's style.
        """
        column, value = self._first(cells, field)
        if not value:
            return None
        try:
            return parse_instant(value, self._config.style(column), self._zone)
        except DateError as error:
            raise BadCellError(
                f"{field}: {quoted(value)} in column {column!r}: {error}. Mend the cell, or set `dates`",
                value,
            ) from error

    def day(self, cells: Mapping[str, tuple[str, ...]], field: str) -> dt.date | None:
        """A calendar day, as written: a day has no time zone. Raises as :meth:`instant`."""
        column, value = self._first(cells, field)
        if not value:
            return None
        try:
            moment = parse_instant(value, self._config.style(column), self._zone)
        except DateError as error:
            raise BadCellError(
                f"{field}: {quoted(value)} in column {column!r}: {error}. Mend the cell, or set `dates`",
                value,
            ) from error
        return moment.astimezone(self._zone).date()

    def count(self, cells: Mapping[str, tuple[str, ...]], field: str) -> int:
        """A number of times; zero when the cell is empty.

        Raises:
            BadCellError: it is no whole number, or below zero.
        """
        column, value = self._first(cells, field)
        if not value:
            return 0
        try:
            number = float(value)
            if number < 0 or number != int(number):
                raise ValueError
        except (ValueError, OverflowError):
            raise BadCellError(
                f"{field}: {quoted(value)} in column {column!r} is no whole number. Mend the cell", value
            ) from None
        return int(number)

    def flag(self, cells: Mapping[str, tuple[str, ...]], field: str) -> bool:
        """Yes or no; no when the cell is empty.

        Raises:
            BadCellError: it is neither.
        """
        column, value = self._first(cells, field)
        word = value.lower()
        if word in ("", "false", "no", "n", "0", "f", "unplanned"):
            return False
        if word in ("true", "yes", "y", "1", "t", "planned", "maintenance", "scheduled"):
            return True
        raise BadCellError(
            f"{field}: {quoted(value)} in column {column!r} is neither yes nor no. Mend the cell", value
        )

    def list(self, cells: Mapping[str, tuple[str, ...]], field: str, warnings: list[str]) -> tuple[str, ...]:
        """Texts in order, without repeats, from all columns of the mapping.

        Args:
            cells: of the row.
            field: which.
            warnings: get a sentence where there are more than are kept.
        """
        if field in self._constants:
            return (self._constants[field],)
        found: dict[str, None] = {}
        for column in self._columns.get(field, ()):
            values = cells.get(column, ())
            for cell in values:
                # A cell of a repeated column or of a JSON list is one value; a single cell may hold several.
                parts = _parts(cell.strip()) if len(values) == 1 else (cell.strip(),)
                found.update((named(part), None) for part in parts if part not in self._nulls)
        kept, left_out = first_values(tuple(found), field)
        if left_out:
            warnings.append(left_out)
        return kept


def _parts(text: str) -> tuple[str, ...]:
    if text.startswith("[") and text.endswith("]"):
        try:
            values = json.loads(text)
        except ValueError:
            return _split(text)
        return tuple(str(value) for value in values)
    return _split(text)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in _LIST_MARKS.split(text))


def columns_of(source: FieldSource) -> tuple[str, ...]:
    """The columns a mapping names; none for a constant."""
    if isinstance(source, Constant):
        return ()
    return (source,) if isinstance(source, str) else tuple(source)
