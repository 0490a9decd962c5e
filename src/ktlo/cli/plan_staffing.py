"""``ktlo plan staffing``: a dedicated team or a rotation, how sure that is, and what would turn it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.cli.plan import Repository, Seed, Service, Team, To, Weeks
from ktlo.wording import counted

Number = int | None
Amount = float | None


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command(
        "staffing",
        epilog="Examples:  ktlo plan staffing  ·  ktlo plan staffing --engineers 9 --on-duty 1"
        "  ·  ktlo plan staffing --hand-over-hours 3 --json",
    )(staffing)


def staffing(
    to: To = "",
    service: Service = None,
    repository: Repository = None,
    team: Team = None,
    engineers: Annotated[
        Number, typer.Option(help="Engineers who can be on duty; those who worked lately when not given.")
    ] = None,
    dedicated: Annotated[
        Number, typer.Option(help="People of the dedicated team; the best size when not given.")
    ] = None,
    on_duty: Annotated[
        Number, typer.Option(help="People on duty together; the best number when not given.")
    ] = None,
    hand_over_hours: Annotated[
        Amount, typer.Option(help="Hours that a change of shift costs; a range when not given.")
    ] = None,
    unfamiliar: Annotated[
        Amount, typer.Option(help="0.5: an item takes half as long again who does not know the place.")
    ] = None,
    idle_value: Annotated[
        Amount, typer.Option(help="Worth of an hour without items in a dedicated team, 0 to 1.")
    ] = None,
    duty_value: Annotated[
        Amount, typer.Option(help="Worth of an hour without items on duty, 0 to 1.")
    ] = None,
    weeks: Weeks = None,
    seed: Seed = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Compare a dedicated team with a rotation: cost, waiting, knowledge, fairness, and what would turn it."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import print_json

    asked = {
        "from": "all", "to": to, "service": service, "repository": repository, "team": team,
        "engineers": engineers, "dedicated": dedicated, "on_duty": on_duty, "hand_over_hours": hand_over_hours,
        "unfamiliar": unfamiliar, "idle_value": idle_value, "duty_value": duty_value, "weeks": weeks, "seed": seed,
    }  # fmt: skip
    with connect(data, config) as client:
        answer = client.get("/plan/staffing", params=asked)
    if as_json:
        print_json(answer)
    else:
        _print(answer)


def _print(answer: Any) -> None:
    from ktlo.cli.output import console, print_table

    console.print(f"{answer['headline']}.", style="bold", markup=False)
    if answer["rotation"] is None:
        for sentence in (answer["missing"], *answer["notes"], *answer["gaps"]):
            console.print(sentence, markup=False)
        return
    console.print(f"{answer['saving']}.\n", markup=False)
    for sentence in answer["sentences"]:
        console.print(f"- {sentence}", markup=False)
    for gap in answer["gaps"]:
        console.print(f"Note: {gap}", markup=False)
    unit = "h of labour" if answer["currency"] == "h" else answer["currency"] or "units"
    told = [answer["rotation"], answer["dedicated"], answer["ad_hoc"], *answer["others"]]
    print_table(
        ("staffing", f"a week, {unit}", "95% of quarters", "half begun, h", "others help", "calls/month"),
        [
            (
                f"{one['kind']} {one['size'] or ''}".strip(),
                round(one["cost_per_week"]["value"], 1),
                f"{one['cost_per_week']['low']:.1f} to {one['cost_per_week']['high']:.1f}",
                "" if one["begun_half_hours"] is None else round(one["begun_half_hours"], 1),
                f"{one['helped']:.0%}",
                round(one["calls_per_month"], 1),
            )
            for one in told
        ],
        f"\nWhat a week costs, {counted(answer['quarters'], 'simulated quarters')}",
    )
