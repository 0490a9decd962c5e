"""``ktlo service-work``: the work behind a service of telemetry."""

from __future__ import annotations

from typing import Annotated

import typer

from ktlo.cli.main import AsJson, Config, Data


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "service-work",
        epilog="Examples:  ktlo service-work checkout  ·  ktlo service-work checkout --from 365d --json",
    )(service_work)


def service_work(
    name: Annotated[str, typer.Argument(help="service.name in telemetry.")],
    since: Annotated[str, typer.Option("--from", help="Start: 2026-05-01, an age (90d), or all.")] = "",
    until: Annotated[str, typer.Option("--to", help="End, a bare date included; now when empty.")] = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show whose a service is, who is on call, and its incidents, bugs, effort and debt."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    with connect(data, config) as client:
        found = client.get("/services/work", params={"name": name, "from": since, "to": until})
    if as_json:
        print_json(found)
        return
    answer = found["answer"]
    for line in (answer["said"], answer["interval"], answer["change"]):
        if line:
            console.print(line, markup=False)
    if found["nothing"]:
        console.print(f"{found['nothing']['why']} {found['nothing']['command']}", markup=False)
    if found["cards"]:
        print_table(
            ("metric", "value", "interval", "sample"),
            [
                (one["title"], one["value"] or "not estimable", one["interval"], one["sample"])
                for one in found["cards"]
            ],
        )
    for listing in found["listings"]:
        table = listing["table"]
        print_table(
            tuple(column["title"] for column in table["columns"]),
            [
                tuple(
                    said(cell, column["unit"])
                    for cell, column in zip(row["cells"], table["columns"], strict=True)
                )
                for row in table["rows"]
            ],
            listing["title"],
        )


def said(cell: object, unit: str) -> str:
    """A cell as the page shows it: a number with its unit."""
    from ktlo.report.charts import unit_named, written

    if cell is None:
        return ""
    return written(float(cell), unit_named(unit)) if unit and isinstance(cell, int | float) else str(cell)
