"""``ktlo findings`` and ``ktlo updates``: what is open, what happened to one finding, what to update next."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.wording import counted

Only = list[str] | None


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog="Examples:  ktlo findings  ·  ktlo findings --level critical --level high"
        "  ·  ktlo findings --state fixed --repository acme/shop --json",
    )(findings)
    app.command(
        epilog="Examples:  ktlo updates  ·  ktlo updates --repository acme/shop --per-week 3  ·  ktlo updates --json",
    )(updates)


def findings(
    state: Annotated[str, typer.Option(help="open, fixed, tolerated or all.", metavar="STATE")] = "open",
    level: Annotated[Only, typer.Option(help="Keep only this level; repeat for several.")] = None,
    check: Annotated[Only, typer.Option(help="Keep only this check.")] = None,
    repository: Annotated[Only, typer.Option(help="Keep only this repository.")] = None,
    service: Annotated[Only, typer.Option(help="Keep only this service.")] = None,
    team: Annotated[Only, typer.Option(help="Keep only this team.")] = None,
    limit: Annotated[int, typer.Option(help="Most findings to print.", min=1, max=100_000)] = 50,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List findings, open and worst first."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    asked: dict[str, Any] = {
        "state": state, "limit": limit, "level": level, "check": check,
        "repository": repository, "service": service, "team": team,
    }  # fmt: skip
    with connect(data, config) as client:
        rows = client.get("/findings", params=asked)
        scans = client.get("/scans")
    if as_json:
        print_json(rows)
        return
    if rows:
        print_table(
            ("rule", "level", "what", "fixed in", "where", "repository", "opened", "fixed"),
            [
                (
                    row["rule"], row["level"], f"{row['package']} {row['version']}".strip() or row["message"],
                    row["fixed_version"], f"{row['path']}{':' if row['line'] else ''}{row['line'] or ''}",
                    row["repository"], row["opened_at"][:10], (row["resolved_at"] or "")[:10],
                )
                for row in rows
            ],
        )  # fmt: skip
    elif scans:
        console.print(f"No {'' if state == 'all' else state + ' '}finding with these filters.")
    else:
        console.print(
            "No repository was looked at yet: `ktlo sync` looks, `ktlo check --report-to URL` reports."
        )
    unsure = [one for one in scans if one["verdict"] == "inconclusive"]
    for one in unsure:
        console.print(f"Not everything was checked in {one['repository']}: {one['headline']}", markup=False)


def updates(
    repository: Annotated[Only, typer.Option(help="Keep only this repository; repeat for several.")] = None,
    service: Annotated[Only, typer.Option(help="Keep only this service.")] = None,
    team: Annotated[Only, typer.Option(help="Keep only this team.")] = None,
    per_week: Annotated[
        int,
        typer.Option(help="Updates a week for each repository.", min=0, max=100, show_default="the setting"),
    ] = 0,
    weeks: Annotated[int, typer.Option(help="Weeks to print.", min=1, max=1_000)] = 4,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Plan the next small updates: what ends findings first, then small steps with much gain."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    asked: dict[str, Any] = {"repository": repository, "service": service, "team": team, "per_week": per_week}
    with connect(data, config) as client:
        plan = client.get("/updates", params=asked)
    if as_json:
        print_json(plan)
        return
    rows = [one for one in plan["updates"] if one["week"] <= weeks]
    if rows:
        print_table(
            ("week", "package", "from", "to", "step", "why", "libyears", "repository", "lock file"),
            [
                (
                    one["week"], one["package"], one["version"], one["target"], one["stride"], one["why"],
                    _years(one["libyears"]), one["repository"], one["path"],
                )
                for one in rows
            ],
        )  # fmt: skip
    else:
        console.print("No update is known to be due.")
    for one in plan["stuck"]:
        console.print(
            f"No update ends {', '.join(one['rules'])} in {one['package']} {one['version']} ({one['repository']}):"
            f" {one['reason']}.",
            markup=False,
        )
    if plan["undated"]:
        console.print(
            f"Release dates of {plan['undated']} of {counted(plan['locked'], 'versions')} are unknown;"
            " guard.indexes in ktlo.yaml"
            " names indexes to ask.",
            markup=False,
        )


def _years(value: Any) -> str:
    return "" if value is None else f"{value:.1f}"
