"""``ktlo plan load``: what arrives by itself, how much work it is, and how sure that is."""

from __future__ import annotations

from typing import Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.cli.plan import By, Repository, Seed, Service, Team, To, Weeks
from ktlo.wording import counted


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command(
        "load",
        epilog="Examples:  ktlo plan load  ·  ktlo plan load --by service  ·  ktlo plan load --to 2026-06-30 --json",
    )(load)


def load(
    to: To = "",
    by: By = "",
    service: Service = None,
    repository: Repository = None,
    team: Team = None,
    weeks: Weeks = None,
    seed: Seed = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell what keeping the lights on will ask for: arrivals and hours by kind of work, with 80% intervals."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import print_json

    asked = {
        "from": "all", "to": to, "by": by, "service": service, "repository": repository, "team": team,
        "weeks": weeks, "seed": seed,
    }  # fmt: skip
    with connect(data, config) as client:
        answer = client.get(
            "/plan/load", params={name: value for name, value in asked.items() if value != ""}
        )
    if as_json:
        print_json(answer)
    else:
        _print(answer)


def _print(answer: Any) -> None:
    from ktlo.cli.output import console, print_table

    def told(estimate: Any, decimals: int = 1) -> str:
        if estimate["value"] is None:
            return "not estimable"
        low, high = estimate["low"], estimate["high"]
        return f"{estimate['value']:.{decimals}f} ({low:.{decimals}f} to {high:.{decimals}f})"

    if answer["classes"]:
        hours, demanded = answer["hours_per_week"], answer["demanded"]
        console.print(
            f"From {answer['start']}, {counted(answer['weeks_ahead'], 'weeks')}: {told(demanded)} hours a week"
            " arrive by themselves"
            + (f", of {told(hours)} traced hours" if hours["value"] is not None else ""),
            markup=False,
        )
        print_table(
            (
                "service",
                "kind",
                "items",
                "open",
                "a week ahead",
                "hours each",
                "hours a week",
                "spent lately",
            ),
            [
                (
                    each["service"],
                    each["work_class"],
                    each["items"],
                    each["still_open"] or "",
                    told(each["per_week"], 2),
                    told(each["hours_each"]),
                    told(each["hours_per_week"]),
                    f"{each['spent_per_week']:.1f}",
                )
                for each in answer["classes"]
            ],
            f"Load, 80% intervals, from {counted(answer['history_weeks'], 'complete weeks')}",
        )
    else:
        console.print("No work that arrives by itself is recorded: nothing to plan from.", markup=False)
    for each in answer["classes"]:
        for note in each["notes"]:
            console.print(f"Note: {note}", markup=False)
    for note in answer["notes"]:
        console.print(f"Note: {note}", markup=False)
