"""``ktlo logs``: search what services log, or follow it as it arrives."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data

_PAGE = 1_000
EVERY = 1.0
"""Seconds between two questions while following."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:  ktlo logs  ·  ktlo logs 'timeout service:shop severity:warn+' --since 6h"
        "  ·  ktlo logs 'user.id=7 -health' --follow  ·  ktlo logs trace:4bf92f3577b34da6a3ce929d0e0e4736"
        "  ·  ktlo logs --patterns  ·  ktlo logs severity:error+ --json",
    )(logs)


def logs(
    query: Annotated[
        str, typer.Argument(help='Words, "phrases", service:, severity:, attribute=value, -not.')
    ] = "",
    since: Annotated[
        str, typer.Option(help="15min, 1h, 7d before the end, a date or an instant.", show_default="1h")
    ] = "",
    until: Annotated[str, typer.Option(help="End; now when empty.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(help="Most records to print.", min=1, max=100_000)] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print what arrives until Ctrl-C.")] = False,
    patterns: Annotated[
        bool, typer.Option("--patterns", help="Print what the records say, without numbers and names.")
    ] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Print log records, the newest last; with --json one object a line."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    asked = {"q": query, "since": since, "until": until}
    with connect(data, config) as client:
        if patterns:
            found = client.get("/logs/patterns", asked)
            if as_json:
                print_json(found)
            else:
                print_table(
                    ("records", "worst", "what", "services"),
                    [
                        (row["records"], row["severity"], row["template"], ", ".join(row["services"]))
                        for row in found
                    ],
                )
            return
        # Where following begins is asked first, so that nothing falls between what is there and what arrives.
        after = client.get("/logs/tail", {"q": query, "after": "now"})["next"] if follow else ""
        printed = _print(_found(client, asked, limit), as_json=as_json)
        if follow:
            _follow(client, query, after, as_json=as_json)
        elif not printed and not as_json:
            console.print("No record is like that in this stretch.", markup=False)


def _found(client: Any, asked: dict[str, str], limit: int) -> list[dict[str, Any]]:
    """The newest records, oldest first."""
    records: list[dict[str, Any]] = []
    cursor = ""
    while len(records) < limit:
        page = client.get("/logs", {**asked, "cursor": cursor, "limit": min(_PAGE, limit - len(records))})
        records += page["records"]
        cursor = page["next"]
        if not cursor:
            break
    return records[::-1]


def _follow(client: Any, query: str, after: str, *, as_json: bool) -> None:
    import time

    try:
        while True:
            page = client.get("/logs/tail", {"q": query, "after": after, "limit": _PAGE})
            after = page["next"]
            _print(page["records"], as_json=as_json)
            if len(page["records"]) < _PAGE:
                time.sleep(EVERY)
    except KeyboardInterrupt:
        return


def _print(records: Iterable[dict[str, Any]], *, as_json: bool) -> int:
    printed = 0
    for line in map(json.dumps, records) if as_json else _lines(records):
        # Not through the console: a line is what was logged, however wide the terminal is.
        print(line, flush=True)
        printed += 1
    return printed


def _lines(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row in records:
        # What services log must not move the cursor or rename the window.
        body = "".join(c if c.isprintable() or c == "\t" else " " for c in row["said"])
        trace = f"  trace={row['trace_id']}" if row["trace_id"] else ""
        yield f"{row['logged_at'][:23]}Z {row['severity'] or '-':<5} {row['service']}: {body}{trace}"
