"""Guesses, from one sample of what a tool sends, what it is about and where each field is.

The sample is flattened to dotted paths and matched by name and content as the columns of a list export are
(``sources/csv/matching``); a list of objects inside is taken for the items.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ktlo.errors import UserError
from ktlo.sources.csv.fields import Noun
from ktlo.sources.csv.matching import find_fields, find_noun
from ktlo.sources.csv.profile import profile_rows
from ktlo.sources.csv.rows import Row, flatten

LARGEST_SAMPLE = 1 << 20


def parse(sample: str) -> Any:
    """A sample as JSON.

    Raises:
        UserError: it is none, or larger than a mebibyte.
    """
    if len(sample) > LARGEST_SAMPLE:
        raise UserError("the sample is larger than 1 MiB", fix="Take a smaller one of the same form")
    try:
        return json.loads(sample)
    except (ValueError, RecursionError) as error:
        raise UserError(f"the sample is not JSON: {error}", fix="Paste the body of one webhook") from error


def propose(body: Any, noun: Noun | None = None) -> dict[str, Any]:
    """Options for a sample: ``noun``, ``items`` and ``mapping``, as far as the sample tells.

    Args:
        body: the sample.
        noun: what it is about, where a person said so.
    """
    items, objects = _items(body)
    if not objects:
        raise UserError("the sample holds no object", fix="Paste the body of one webhook")
    columns: dict[str, None] = {}
    rows = []
    for number, each in enumerate(objects[:100], start=1):
        cells = flatten(each)
        columns.update(dict.fromkeys(cells))
        rows.append(Row(number, cells))
    profile = profile_rows(tuple(columns), iter(rows))
    found = noun or find_noun(Path("webhook.json"), profile)[0][0]
    mapping = {
        finding.field: " || ".join(_path(column) for column in finding.columns)
        for finding in find_fields(found, profile)
    }
    options: dict[str, Any] = {"noun": str(found), "mapping": mapping}
    if items:
        options["items"] = items
    return options


def _items(body: Any) -> tuple[str, list[Mapping[str, Any]]]:
    """Where the items are, and the items: the only list of objects near the top, else the body itself."""
    if isinstance(body, list):
        return "@", [one for one in body if isinstance(one, dict)]
    if isinstance(body, dict):
        lists = [
            (name, value)
            for name, value in body.items()
            if isinstance(value, list) and value and all(isinstance(one, dict) for one in value)
        ]
        if len(lists) == 1:
            return _quoted(lists[0][0]), lists[0][1]
        return "", [body]
    return "", []


def _path(column: str) -> str:
    return ".".join(_quoted(part) for part in column.split("."))


def _quoted(name: str) -> str:
    plain = name[:1].isalpha() or name[:1] == "_"
    return name if plain and name.replace("_", "").isalnum() and name.isascii() else json.dumps(name)
