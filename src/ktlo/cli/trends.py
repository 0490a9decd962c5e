"""``ktlo trends``: what changed in p95, errors and rate per operation, named only when the change is there."""

from __future__ import annotations

from typing import Annotated

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.wording import counted


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:  ktlo trends  ·  ktlo trends --span day --service checkout  ·  ktlo trends --all --json",
    )(trends)


def trends(
    span: Annotated[str, typer.Option(help="day, week or 4weeks, against the same hours before.")] = "week",
    service: Annotated[str, typer.Option(help="Only this service.name.")] = "",
    until: Annotated[str, typer.Option(help="End of the later stretch: a date, an instant or an age.")] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is not named, and what it needs.")
    ] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what changed per operation against the same hours before; of what is named at most 5% is chance."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    with connect(data, config) as client:
        found = client.get("/trends", params={"span": span, "service": service, "until": until})
    if as_json:
        print_json(found)
        return
    listed = [*found["named"], *(found["others"] if everything else ())]
    if listed:
        print_table(
            (
                "service",
                "operation",
                "what",
                "before",
                "now",
                "verdict",
                "since about",
                "deployed then",
                "calls",
            ),
            [
                (
                    one["service"],
                    one["operation"],
                    one["measure"],
                    _value(one["measure"], one["before"]),
                    _value(one["measure"], one["after"]),
                    one["verdict"].replace("_", " "),
                    one["turned"]["at"][:16] if one["turned"] else "",
                    one["turned"]["deployment"] if one["turned"] else "",
                    one["calls"],
                )
                for one in listed
            ],
        )
    if not found["tested"]:
        console.print(
            "Nothing can be compared yet: no operation has enough calls in both stretches.", markup=False
        )
    console.print(
        f"{len(found['named'])} named of {counted(found['tested'], 'comparisons')} over {found['hours']} of"
        f" {counted(found['asked_hours'], 'hours')}"
        + ("; --all shows the rest" if found["others"] and not everything else ""),
        markup=False,
    )
    if found["since"]:
        console.print(
            f"Telemetry is here since {found['since'][:16]} UTC; this comparison needs data from"
            f" {found['earlier_start'][:16]} on. All hours can be compared from {found['whole_from'][:16]}.",
            markup=False,
        )


def _value(measure: str, value: float | None) -> str:
    from ktlo.report.charts import SECONDS, SHARE, Unit, written

    return written(value, {"p95": SECONDS, "errors": SHARE}.get(measure, Unit(symbol="per min")))
