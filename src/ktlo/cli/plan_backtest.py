"""``ktlo plan backtest``: how far to trust the load, by what it would have said in the past."""

from __future__ import annotations

from typing import Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.cli.plan import Repository, Seed, Service, Team, To
from ktlo.wording import counted

_RULES = {
    "ktlo": "ktlo",
    "fixed": "fixed 20%",
    "last_quarter": "last quarter",
    "trailing_mean": "mean of 52 weeks",
}


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command(
        "backtest",
        epilog="Examples:  ktlo plan backtest  ·  ktlo plan backtest --repository acme/shop"
        "  ·  ktlo plan backtest --to 2026-06-30 --json",
    )(backtest)


def backtest(
    to: To = "",
    service: Service = None,
    repository: Repository = None,
    team: Team = None,
    seed: Seed = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Forecast past quarters from what was known then, and compare with a fixed 20%, last quarter and the mean."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json

    asked = {
        "from": "all", "to": to, "service": service, "repository": repository, "team": team, "seed": seed,
    }  # fmt: skip
    with connect(data, config) as client, console.status("Forecasting the past…"):
        answer = client.get("/plan/backtest", params={name: v for name, v in asked.items() if v != ""})
    if as_json:
        print_json(answer)
    else:
        _print(answer)


def _print(answer: Any) -> None:
    from ktlo.cli.output import console, print_table

    console.print(f"{answer['verdict']}. {answer['reading']}.", markup=False)
    for name, unit, digits in (("share", "points", 1), ("hours_per_week", "hours a week", 2)):
        scale = 100 if name == "share" else 1
        rows = [
            (
                _RULES[each["policy"]],
                f"{each['pinball_loss'] * scale:.{digits}f}",
                f"{each['coverage']:.0%}",
                _signed(each["ktlo_less_this"], scale, digits),
            )
            for each in answer[name]
        ]
        if rows:
            print_table(
                ("rule", f"pinball loss, {unit}", "inside 80%", "ktlo less this (90%)"),
                rows,
                f"{counted(answer['origins'], 'forecasts')} of {counted(answer['horizon_weeks'], 'weeks')}:"
                f" {name.replace('_', ' ')}",
            )
    if answer["regret"]:
        print_table(
            ("rule", "mean share", "regret, hours a week", "kept up", "ktlo less this (90%)"),
            [
                (
                    _RULES[each["policy"]],
                    f"{each['mean_share']:.0%}",
                    f"{each['regret_hours_per_week']:.1f}",
                    f"{each['quarters_kept_up']} of {each['quarters']}",
                    _signed(each["ktlo_less_this"], 1, 1),
                )
                for each in answer["regret"]
            ],
            "Following each rule, against the best share in hindsight",
        )


def _signed(estimate: Any, scale: float, digits: int) -> str:
    if estimate["value"] is None:
        return ""
    value, low, high = (estimate[name] * scale for name in ("value", "low", "high"))
    return f"{value:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"
