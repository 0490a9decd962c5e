"""``ktlo metrics``: every number with its interval, sample size and definition."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.cli.metrics_explain import explain
from ktlo.errors import UsageError

Only = list[str] | None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:  ktlo metrics  ·  ktlo metrics time_to_restore --from 1y --by severity"
        "  ·  ktlo metrics ktlo_share --grain month --from 1y  ·  ktlo metrics bug_age --rows"
        "  ·  ktlo metrics explain time_to_restore --dialect gitlab",
    )(metrics)


def metrics(
    name: Annotated[
        str,
        typer.Argument(
            help="Metric, or explain: why other tools say otherwise. All are listed when none is given."
        ),
    ] = "",
    explained: Annotated[
        str, typer.Argument(metavar="METRIC", help="After explain: the metric; those that can be are listed.")
    ] = "",
    from_: Annotated[
        str, typer.Option("--from", help="Start: 2026-05-01, an age (90d, 13w, 2y), or all.")
    ] = "90d",
    to: Annotated[str, typer.Option(help="End, a bare date included; now when not given.")] = "",
    by: Annotated[
        str,
        typer.Option(
            help="Group by service, repository, team, severity, category, source, level, check or sla."
        ),
    ] = "",
    grain: Annotated[str, typer.Option(help="Series by day, week, month or quarter.")] = "",
    clock: Annotated[
        str, typer.Option(help="Durations in wall time, or in business time by `calendars:`.")
    ] = "",
    service: Annotated[Only, typer.Option(help="Keep only this service; repeat for several.")] = None,
    repository: Annotated[Only, typer.Option(help="Keep only this repository.")] = None,
    team: Annotated[Only, typer.Option(help="Keep only this team.")] = None,
    severity: Annotated[Only, typer.Option(help="Keep only this severity.")] = None,
    level: Annotated[Only, typer.Option(help="Keep only findings of this level.")] = None,
    check: Annotated[Only, typer.Option(help="Keep only findings of this check.")] = None,
    sla: Annotated[Only, typer.Option(help="Keep only cycles of this SLA.")] = None,
    dialect: Annotated[
        Only,
        typer.Option(
            help="With explain: devlake, devlake-2021, middleware, fourkeys or gitlab; repeat for several."
        ),
    ] = None,
    rows: Annotated[bool, typer.Option("--rows", help="Print the rows behind the number.")] = False,
    limit: Annotated[int, typer.Option(help="Most rows to print.", min=1, max=100_000)] = 50,
    define: Annotated[bool, typer.Option("--define", help="Print the definition and its SQL.")] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Ask one metric over a period, by a dimension, as a series, for its rows, or as other tools define it."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    question = {
        "from": from_, "to": to, "by": by, "grain": grain, "clock": clock,
        "service": service, "repository": repository, "team": team, "severity": severity,
        "level": level, "check": check, "sla": sla,
    }  # fmt: skip
    if explained and name != "explain":
        raise UsageError(
            f"{explained[:80]!r} is one word too many after {name[:80]!r}",
            fix="Ask one metric, or: ktlo metrics explain METRIC",
        )
    with connect(data, config) as client:
        if name == "explain":
            explain(client, explained, question, dialect or (), as_json=as_json)
            return
        if not name:
            listed = client.get("/metrics")
            if as_json:
                print_json(listed)
            else:
                print_table(
                    ("metric", "family", "unit", "what it is"),
                    [(m["name"], m["family"], m["unit"], m["definition"]) for m in listed],
                )
            return
        if define:
            defined = client.get(f"/metrics/{name}/definition")
            if as_json:
                print_json(defined)
            else:
                for part in ("title", "definition", "reading", "source", "sql"):
                    console.print(f"[bold]{part}[/bold]")
                    console.print(defined[part] + "\n", markup=False)
            return
        if rows:
            table = client.get(f"/metrics/{name}/rows", params={**question, "limit": limit})
            if as_json:
                print_json(table)
            elif table:
                print_table(list(table[0]), [list(row.values()) for row in table])
            else:
                console.print("No rows in this period.")
            return
        answer = client.get(f"/metrics/{name}", params=question)
    if as_json:
        print_json(answer)
        return
    print_answer(answer)


def print_answer(answer: Any) -> None:
    """Print an answer of the API: figures with their intervals, the comparison, notes, what it rests on."""
    from ktlo.cli.output import console, print_table
    from ktlo.metrics.estimate import Estimate
    from ktlo.report.words import estimate_text

    lines = [
        (
            figure["group"],
            figure["start"][:10],
            figure["end"][:10],
            statistic,
            estimate_text(Estimate(**estimate), answer["unit"], statistic),
            estimate["n"],
            estimate["censored"] or "",
        )
        for figure in answer["figures"]
        for statistic, estimate in figure["statistics"].items()
    ]
    print_table(
        ("group", "from", "to", "statistic", "value (95% interval)", "n", "open"), lines, answer["metric"]
    )
    if answer["comparison"]:
        console.print(answer["comparison"]["sentence"], markup=False)
    for note in answer["notes"]:
        console.print(f"Note: {note}", markup=False)
    collected, seen = answer["collected_at"], answer["telemetry_at"]
    if seen:
        console.print(
            f"Deployments that only telemetry tells of count too, the last of {seen}",
            style="dim",
            markup=False,
        )
    never = "nothing that it counts from a source; it rests on telemetry" if seen else "never"
    console.print(f"Collected: {collected or never}", style="dim", markup=False)
