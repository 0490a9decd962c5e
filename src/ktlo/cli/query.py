"""``ktlo query``: SQL over everything that was collected, read-only."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ktlo.cli.main import AsJson, Config, Data


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:  ktlo query 'SELECT count() FROM ktlo.commits'  ·  ktlo query - < question.sql"
        "  ·  ktlo query 'SHOW TABLES FROM ktlo'",
    )(query)


def query(
    sql: Annotated[
        str, typer.Argument(help="One SELECT (ClickHouse's dialect); - reads it from standard input.")
    ],
    limit: Annotated[int, typer.Option(help="Most rows to print.", min=1, max=1_000_000)] = 1000,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Ask the store in SQL. Nothing can be changed by it. The tables: docs/reference/records.md."""
    import csv

    from ktlo.cli.client import connect
    from ktlo.cli.output import print_json, print_table

    statement = sys.stdin.read() if sql == "-" else sql
    with connect(data, config) as client:
        result = client.post("/query", {"sql": statement, "limit": limit})
    columns, rows = result["columns"], result["rows"]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows(rows)
    else:
        print_table(columns, rows)
