"""How commands print: JSON for programs, quiet tables for people."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ktlo.errors import printable

WIDE = 200
"""Columns for what is read by a program or a file: nothing there has to fit a screen."""

console = Console(width=None if sys.stdout.isatty() or os.environ.get("COLUMNS") else WIDE)
notes = Console(stderr=True)


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
    """Print rows under a header; numbers to the right, markup and control characters in data are shown as they are."""
    table = Table(title=escape(title) or None, title_justify="left", box=None, header_style="bold")
    numeric = [
        bool(rows)
        and all(isinstance(row[index], int | float) for row in rows if row[index] not in (None, ""))
        for index in range(len(columns))
    ]
    for name, right in zip(columns, numeric, strict=True):
        # An identifier that is folded can be copied no more.
        is_name = name in ("trace", "span")
        justify: Literal["left", "right"] = "right" if right else "left"
        table.add_column(escape(name), justify=justify, overflow="fold", no_wrap=is_name)
    for row in rows:
        table.add_row(*("" if value is None else escape(printable(str(value))) for value in row))
    console.print(table)


def print_listing(
    rows: Sequence[Any],
    columns: Sequence[str],
    cells: Callable[[Any], Sequence[Any]],
    nothing: str,
    *,
    as_json: bool,
) -> None:
    """Print what was listed: as JSON, as a table, or in words that there is nothing.

    Args:
        rows: as the API gave them.
        columns: the header.
        cells: what a row has below it.
        nothing: a sentence for no rows.
        as_json: for a program.
    """
    if as_json:
        print_json(rows)
    elif rows:
        print_table(columns, [cells(row) for row in rows])
    else:
        console.print(nothing, markup=False)
