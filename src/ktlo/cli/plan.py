"""``ktlo plan``: the decisions about keeping the lights on; one command each below it."""

from __future__ import annotations

from typing import Annotated

import typer

plan = typer.Typer(
    help="Plan keeping the lights on: what share of the hours to reserve, told without a command below it; what will"
    " arrive, who does it, and how far to trust the forecast.",
    rich_markup_mode=None,
)
"""The group; a command below it is a module with ``register``, named in :func:`register`."""

From = Annotated[
    str, typer.Option("--from", help="Start of the period; a load uses all records before its end.")
]
To = Annotated[str, typer.Option(help="End, a bare date included; the newest record when not given.")]
By = Annotated[str, typer.Option(help="One answer for each service, repository or team.")]
Service = Annotated[list[str] | None, typer.Option(help="Keep only this service; repeat for several.")]
Repository = Annotated[list[str] | None, typer.Option(help="Keep only this repository.")]
Team = Annotated[list[str] | None, typer.Option(help="Keep only this team.")]
Weeks = Annotated[
    int | None,
    typer.Option(help="Weeks ahead; planning.weeks when not given.", min=1, max=52, show_default=False),
]
Seed = Annotated[
    int | None,
    typer.Option(help="Seed of the draws; planning.seed when not given.", min=0, show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    from ktlo.cli import plan_backtest, plan_budget, plan_load, plan_report, plan_staffing

    if not plan.registered_commands:
        for module in (plan_budget, plan_load, plan_backtest, plan_staffing, plan_report):
            module.register(plan)
    app.add_typer(plan, name="plan")
