"""``ktlo map``: who calls whom, around one service, or against another stretch of time."""

from __future__ import annotations

from typing import Annotated

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.cli.services import Environment, Since, Until, failed, lasts, often


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "map",
        epilog="Examples:  ktlo map  ·  ktlo map checkout --depth 2  ·  ktlo map --since 1h --against 7d"
        "  ·  ktlo map --environment production --json",
    )(service_map)


def service_map(
    focus: Annotated[str, typer.Argument(help="Only what is around this place.")] = "",
    kind: Annotated[str, typer.Option(help="Its kind: service, database, cache, queue or host.")] = "service",
    depth: Annotated[int, typer.Option(help="Steps around it.", min=1, max=10)] = 1,
    against: Annotated[
        str, typer.Option(help="Compare with: before, 1d or 7d (earlier).", show_default=False)
    ] = "",
    since: Since = "1h",
    until: Until = "",
    environment: Environment = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show who calls whom: services, databases, caches, queues and hosts, with rate, errors and duration."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    asked: dict[str, str | int] = {
        "since": since, "until": until, "environment": environment, "focus": focus, "kind": kind, "depth": depth,
        "against": against,
    }  # fmt: skip
    with connect(data, config) as client:
        found = client.get("/map", asked)
    if as_json:
        print_json(found)
        return
    if found["not_compared"]:
        console.print(f"{found['not_compared'].capitalize()}.", markup=False)
    if found["changes"] is not None:
        if found["changes"]:
            print_table(
                ("from", "to", "what", "calls before", "calls now"),
                [
                    (
                        one["client"]["name"], one["server"]["name"],
                        f"{one['measure']}{' (worse)' if one['is_worse'] else ''}", one["calls_before"],
                        one["calls_after"],
                    )
                    for one in found["changes"]
                ],
            )  # fmt: skip
        else:
            console.print("Nothing changed that is more than chance.", markup=False)
    if not found["edges"]:
        console.print("Nothing reported a call in this stretch; --since 7d looks further back.", markup=False)
        return
    print_table(
        ("from", "to", "kind", "calls", "a minute", "errors", "p95", "known by"),
        [
            (
                e["client"]["name"], e["server"]["name"], e["server"]["kind"], e["red"]["calls"], often(e["red"]),
                failed(e["red"]),
                lasts(e["red"]["p95_ns"]), "name" if e["by_name"] == e["red"]["calls"] else "spans",
            )
            for e in found["edges"]
        ],
    )  # fmt: skip
