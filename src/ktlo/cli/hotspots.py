"""``ktlo hotspots``: complicated code that changes often, with what production says of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.wording import counted

Only = list[str] | None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:  ktlo hotspots  ·  ktlo hotspots --from 1y --repository acme/shop --json",
    )(hotspots)


def hotspots(
    from_: Annotated[
        str, typer.Option("--from", help="Start: 2026-05-01, an age (90d, 13w, 2y), or all.")
    ] = "90d",
    to: Annotated[str, typer.Option(help="End, a bare date included; now when not given.")] = "",
    service: Annotated[Only, typer.Option(help="Keep only this service; repeat for several.")] = None,
    repository: Annotated[Only, typer.Option(help="Keep only this repository.")] = None,
    team: Annotated[Only, typer.Option(help="Keep only this team.")] = None,
    limit: Annotated[int, typer.Option(help="Most files to print.", min=1, max=5000)] = 30,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List files by commits, complexity, and their time and errors in production."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    asked = {
        "from": from_, "to": to, "service": service, "repository": repository, "team": team, "limit": limit,
    }  # fmt: skip
    with connect(data, config) as client:
        answer = client.get("/hotspots", asked)
    if as_json:
        print_json(answer)
        return
    if not answer["files"]:
        console.print("No source file changed in this period.", markup=False)
        return
    print_table(
        ("file", "repository", "commits", "complexity", "calls", "errors", "time", "of all products"),
        [_row(one) for one in answer["files"]],
    )
    console.print(
        f"{answer['observed']} of {counted(answer['found'], 'files')} observed in production.",
        markup=False,
    )
    for one in answer["inferred"]:
        console.print(
            f"Inferred: {one['service']} is {one['repository']}, which alone has the commits that ran.",
            markup=False, highlight=False,
        )  # fmt: skip
    for one in answer["not_matched"]:
        console.print(
            f"Not matched: {counted(one['functions'], 'functions')} of {one['service']},"
            f" {counted(one['calls'], 'calls')}: {one['reason']}",
            markup=False, highlight=False,
        )  # fmt: skip


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    from ktlo.report.charts import SECONDS, SHARE, written

    seen = one["production"]
    said: tuple[Any, ...] = ("not observed", "", "", "")
    if seen is not None:
        share = "" if seen["share"] is None else written(seen["share"], SHARE)
        said = (seen["calls"], seen["errors"], written(seen["seconds"], SECONDS), share)
    return (one["path"], one["repository"], one["commits"], round(one["complexity"]), *said)
