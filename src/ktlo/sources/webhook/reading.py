"""A body, by the mapping, as records: cells are read exactly as those of a list export (``sources/csv``)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jmespath.exceptions

from ktlo.sources.csv.nouns import ItemReader, Record
from ktlo.sources.csv.values import BadCellError
from ktlo.sources.webhook.config import WebhookConfig, compiled
from ktlo.wording import counted

MOST_ITEMS = 10_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What a body became.

    Attributes:
        event: what it tells of; empty when not mapped.
        records: with the time of the source's last change, where it tells one.
        gone: identifiers of items that were deleted, with that time.
        refused: place and reason of what was turned away.
        noted: place and what is missing of what came in incomplete.
        why_ignored: why nothing is used; empty when something is.
    """

    event: str
    records: tuple[tuple[Record, dt.datetime | None], ...] = ()
    gone: tuple[tuple[str, dt.datetime | None], ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    noted: tuple[tuple[str, str], ...] = ()
    why_ignored: str = ""


def read(body: Any, config: WebhookConfig, source_id: str, now: dt.datetime) -> Reading:
    """Read a body.

    Args:
        body: JSON as Python has it.
        config: the mapping.
        source_id: for the records.
        now: nothing can have happened after it.
    """
    event = text_of(found_at(config.event, body)) if config.event else ""
    if config.only and not found_at(config.only, body):
        return Reading(event, why_ignored=f"`only` is not true of it: {config.only}")
    items = [body]
    if config.items:
        found = found_at(config.items, body)
        if found is None:
            return Reading(event, why_ignored=f"there is nothing at `items`: {config.items}")
        items = found if isinstance(found, list) else [found]
    reader = ItemReader(config.as_list(), source_id, now)
    records, gone, refused, noted = [], [], [], []
    for number, item in enumerate(items[:MOST_ITEMS], start=1):
        place = f"webhook, item {number}" if config.items else "webhook"
        cells = cells_of(item, config)
        try:
            if config.deleted and _is_said(found_at(config.deleted, item)):
                gone.append((reader.identifier(cells), reader.past(cells, "updated_at")))
                continue
            made = reader.read(cells)
        except BadCellError as error:
            refused.append((place, error.reason))
            continue
        records.append((made.record, made.updated_at))
        noted += [(place, words) for words in made.warnings]
    if len(items) > MOST_ITEMS:
        refused.append(
            ("webhook", f"only the first {MOST_ITEMS:,} of {counted(len(items), 'items')} are read")
        )
    why = "" if items else "it holds no item"
    return Reading(event, tuple(records), tuple(gone), tuple(refused), tuple(noted), why)


def cells_of(item: Any, config: WebhookConfig) -> Mapping[str, tuple[str, ...]]:
    """Texts by field; a list gives one for each of its values."""
    cells: dict[str, tuple[str, ...]] = {}
    for field, path in config.mapping.items():
        found = found_at(path, item)
        values = found if isinstance(found, list) else [found]
        cells[field] = tuple(text_of(value) for value in values)
    return cells


def text_of(value: Any) -> str:
    """A value as a cell has it; empty for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def _is_said(value: Any) -> bool:
    """Whether a value is a yes; some tools send truth as text."""
    return bool(value) and text_of(value).strip().casefold() not in ("false", "no", "0")


def found_at(path: str, item: Any) -> Any:
    """What is at a path; ``None`` where nothing is."""
    try:
        return compiled(path).search(item)
    except jmespath.exceptions.JMESPathError:
        # A function of a value of another type: there is nothing there.
        return None
