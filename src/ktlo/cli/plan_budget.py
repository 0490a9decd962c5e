"""``ktlo plan``: what share should keep the lights on, and what else it would bring; scenarios, budgets, quarters."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.cli.plan import Repository, Seed, Service, Team, To, Weeks
from ktlo.wording import counted

Amount = float | None
Share = Annotated[
    Amount, typer.Option(help="A share to compare with the best one, in percent.", min=0, max=100)
]
Labour = Annotated[Amount, typer.Option(help="Cost of an hour of labour; planning.labour_hour else.", min=0)]
Downtime = Annotated[Amount, typer.Option(help="Cost of an hour of downtime.", min=0)]
Waiting = Annotated[Amount, typer.Option(help="Cost of an open item waiting a week.", min=0)]
Interruption = Annotated[Amount, typer.Option(help="Minutes lost by an interruption.", min=0)]
People = Annotated[Amount, typer.Option(help="People in the team, as if it had so many.", min=0)]
Wanted = Annotated[Amount, typer.Option("--demand", help="Arrivals, in percent of today.", min=0)]
Work = Annotated[Amount, typer.Option(help="Hours an item takes, in percent of today.", min=0)]
Prevention = Annotated[Amount, typer.Option(help="Effect of prevention, in percent of the fitted.", min=0)]
Upkeep = Annotated[Amount, typer.Option(help="Other upkeep, in percent of the hours.", min=0, max=100)]
OldWork = Annotated[Amount, typer.Option(help="Of what is open today, percent to finish.", min=0, max=100)]
Named = Annotated[list[str] | None, typer.Argument(help="Only these; all when none is named.")]


def register(group: typer.Typer) -> None:
    """Add the decision as the group's own command, and the commands around it."""
    group.callback(
        invoke_without_command=True,
        epilog="Examples:  ktlo plan  ·  ktlo plan --weeks 26 --share 30  ·  ktlo plan --downtime-hour 2000 --json"
        "  ·  ktlo plan --people 5 --demand 120",
    )(plan)
    group.command(
        "save",
        epilog="Example:  ktlo plan save hire-two --people 8 --note 'two more from March on'",
    )(save)
    group.command("scenarios", epilog="Example:  ktlo plan scenarios --json")(scenarios)
    group.command(
        "compare", epilog="Examples:  ktlo plan compare  ·  ktlo plan compare hire-two busy-autumn"
    )(compare)
    group.command("forget", epilog="Example:  ktlo plan forget hire-two")(forget)
    group.command(
        "set", epilog="Example:  ktlo plan set 25 --since 2026-10-01 --why 'agreed in the quarterly review'"
    )(put_in_force)
    group.command("history", epilog="Example:  ktlo plan history --json")(history)


def plan(
    context: typer.Context,
    share: Share = None,
    labour_hour: Labour = None,
    downtime_hour: Downtime = None,
    waiting_week: Waiting = None,
    interruption_minutes: Interruption = None,
    people: People = None,
    demand: Wanted = None,
    work: Work = None,
    prevention: Prevention = None,
    upkeep: Upkeep = None,
    old_work: OldWork = None,
    to: To = "",
    service: Service = None,
    repository: Repository = None,
    team: Team = None,
    weeks: Weeks = None,
    seed: Seed = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell what share of the team's hours should keep the lights on: cost, alternatives, how sure it is.

    Without a command below it. Prices that are not given are those of planning: in ktlo.yaml; what nobody said stays
    unknown, and the price at which the decision would change is told.
    """
    if context.invoked_subcommand is not None:
        return
    from ktlo.cli.client import connect
    from ktlo.cli.output import print_json

    terms = _terms(share, labour_hour, downtime_hour, waiting_week, interruption_minutes, people, demand, work,
                   prevention, upkeep, old_work, weeks, seed)  # fmt: skip
    with connect(data, config) as client:
        answer = client.get("/plan", params={**terms, **_filters(to, service, repository, team)})
    if as_json:
        print_json(answer)
    else:
        _print(answer)


def save(
    name: Annotated[str, typer.Argument(help="What the scenario is called.")],
    note: Annotated[str, typer.Option(help="Why it was saved.")] = "",
    share: Share = None,
    labour_hour: Labour = None,
    downtime_hour: Downtime = None,
    waiting_week: Waiting = None,
    interruption_minutes: Interruption = None,
    people: People = None,
    demand: Wanted = None,
    work: Work = None,
    prevention: Prevention = None,
    upkeep: Upkeep = None,
    old_work: OldWork = None,
    service: Service = None,
    repository: Repository = None,
    team: Team = None,
    weeks: Weeks = None,
    seed: Seed = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Save a what-if under a name; one of the same name is replaced."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json

    terms = _terms(share, labour_hour, downtime_hour, waiting_week, interruption_minutes, people, demand, work,
                   prevention, upkeep, old_work, weeks, seed)  # fmt: skip
    with connect(data, config) as client:
        saved = client.post(
            "/plan/scenarios",
            {"name": name, "note": note, "terms": {k: str(v) for k, v in terms.items()}},
            _filters("", service, repository, team),
        )
    if as_json:
        print_json(saved)
    else:
        console.print(f"Saved {saved['name']}: {saved['plan']['said']}.", markup=False)


def scenarios(data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """List saved scenarios."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    with connect(data, config) as client:
        found = client.get("/plan/scenarios")
    if as_json:
        print_json(found)
    elif not found:
        console.print("No scenario is saved yet: ktlo plan save NAME --people 8")
    else:
        print_table(
            ("name", "what is changed", "best share then", "saved", "note"),
            [
                (s["name"], _changes(s["terms"]), _percent(s["share_then"]), s["saved_at"][:10], s["note"])
                for s in found
            ],
        )


def compare(
    names: Named = None, to: To = "", data: Data = None, config: Config = None, as_json: AsJson = False
) -> None:
    """Plan saved scenarios anew and show them side by side, with the plan as things are."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    with connect(data, config) as client:
        found = client.get("/plan/scenarios/compared", params={"name": names or [], "to": to})
        today = client.get("/plan", params={"to": to})
    if as_json:
        print_json(found)
        return
    if not found:
        console.print("No scenario is saved yet: ktlo plan save NAME --people 8")
        return
    rows = [("as things are", "", today), *((s["name"], _changes(s["terms"]), s["plan"]) for s in found)]
    print_table(
        (
            "scenario",
            "what is changed",
            "best share",
            "80% interval",
            "keeps up from",
            "cost",
            "for features",
        ),
        [(name, changes, *_row(planned)) for name, changes, planned in rows],
        "Scenarios, each at its best share",
    )


def forget(
    name: Annotated[str, typer.Argument(help="The scenario.")], data: Data = None, config: Config = None
) -> None:
    """Delete a scenario; the journal keeps that it was there."""
    from urllib.parse import quote

    from ktlo.cli.client import connect
    from ktlo.cli.output import console

    with connect(data, config) as client:
        client.delete(f"/plan/scenarios/{quote(name, safe='')}")
    console.print(f"Deleted {name}.", markup=False)


def put_in_force(
    share: Annotated[float, typer.Argument(help="Share of the hours, in percent.", min=0, max=100)],
    since: Annotated[str, typer.Option(help="First day, such as 2026-10-01; today when not given.")] = "",
    why: Annotated[str, typer.Option(help="What was agreed.")] = "",
    who: Annotated[str, typer.Option(help="Who decided.")] = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Record the share that is in force from a day on; quarters are held against it."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json

    said = {"share": share / 100, "since": since or None, "why": why, "author": who}
    with connect(data, config) as client:
        recorded = client.post("/plan/budgets", said)
    if as_json:
        print_json(recorded)
    else:
        console.print(
            f"{_percent(recorded['share'])} of the hours are in force from {recorded['since']}.", markup=False
        )


def history(to: To = "", data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """Hold each past quarter against its budget: what was meant, what was spent, what came of it."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    with connect(data, config) as client:
        quarters = client.get("/plan/history", params={"to": to})
        budgets = client.get("/plan/budgets")
    if as_json:
        print_json({"quarters": quarters, "budgets": budgets})
        return
    if not quarters:
        console.print("No quarter has any record.")
    for quarter in quarters:
        console.print(quarter["said"], markup=False)
    if budgets:
        print_table(
            ("from", "share", "why", "who"),
            [(b["since"] or "always", _percent(b["share"]), b["why"], b["author"]) for b in budgets],
            "Budgets",
        )


def _terms(*given: float | None) -> dict[str, float]:
    names = ("share", "labour_hour", "downtime_hour", "waiting_week", "interruption_minutes", "people", "demand",
             "work", "prevention", "upkeep", "old_work", "weeks", "seed")  # fmt: skip
    return {name: value for name, value in zip(names, given, strict=True) if value is not None}


def _filters(
    to: str, service: list[str] | None, repository: list[str] | None, team: list[str] | None
) -> dict[str, Any]:
    return {"from": "all", "to": to, "service": service, "repository": repository, "team": team}


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.0f}%"


def _changes(terms: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in terms.items())


def _row(planned: Any) -> tuple[str, ...]:
    best = planned["optimum"]
    if best is None:
        return ("", "", "", "", "")
    first = planned["options"][0]
    return (
        _percent(best["share"]) or "none",
        f"{_percent(best['low'])} to {_percent(best['high'])}",
        _percent(best["keeps_up_from"]) or "none",
        f"{best['cost']:,.0f} {planned['prices']['currency']}".rstrip(),
        f"{first['feature_weeks']['mean']:.1f} w",
    )


def _print(answer: Any) -> None:
    from ktlo.cli.output import console, print_table

    console.print(f"{answer['said']}.", markup=False)
    console.print()
    for sentence in answer["sentences"]:
        console.print(f"- {sentence}", markup=False)
    if answer["options"]:
        console.print()
        print_table(
            ("option", "share", "cost", "against best", "too small", "wait", "down", "features", "is best"),
            [
                (
                    ", ".join(option["why"]).replace("_", " "),
                    _percent(option["share"]),
                    f"{option['cost']['mean']:,.0f}",
                    f"{option['extra_cost']:+,.0f}",
                    _percent(option["piles_up"]),
                    f"{option['wait_days']:.1f} d",
                    f"{option['downtime_hours']['mean']:.1f} h",
                    f"{option['feature_weeks']['mean']:.1f} w",
                    _percent(option["is_best"]),
                )
                for option in answer["options"]
            ],
            f"Over {counted(answer['weeks'], 'weeks')} from {answer['start']}, costs in"
            f" {answer['prices']['currency'] or 'the currency of the prices'}, features in person-weeks",
        )  # fmt: skip
    for doubt in answer["doubts"]:
        console.print(f"Note: {doubt}", markup=False)
