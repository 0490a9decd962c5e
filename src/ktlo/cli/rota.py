"""``ktlo rota``: who is on call, plan, look ahead, what is fair; what people say is in ``rota_saying``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.wording import counted

commands = typer.Typer(
    help="Who is on call and when: plan, show, who, gaps, swap, off, export, import, check.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Examples:  ktlo rota who  ·  ktlo rota plan checkout --weeks 13 --publish"
    "  ·  ktlo rota off ada 2027-02-01 2027-02-05  ·  ktlo rota gaps",
)

Rota = Annotated[str, typer.Argument(help="The rota; may be left out where there is one.")]
First = Annotated[str, typer.Option("--from", help="Day or moment; now when left out.")]
Last = Annotated[str, typer.Option("--to", help="Last day; 13 weeks on when left out.")]
As = Annotated[str, typer.Option("--as", help="Who says so: your key, name or mail in the rota.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    from ktlo.cli import rota_saying

    rota_saying.register(commands)
    app.add_typer(commands, name="rota")


@commands.command(
    epilog="Examples:  ktlo rota plan  ·  ktlo rota plan checkout --from 2027-01-04 --weeks 26"
    "  ·  ktlo rota plan checkout --publish --as ada"
)
def plan(
    rota: Rota = "",
    first: Annotated[
        str,
        typer.Option(
            "--from",
            help="Plan from this day on, published shifts included (few of them change);"
            " where the last plan ends when left out.",
        ),
    ] = "",
    weeks: Annotated[int, typer.Option(help="How many weeks.", min=1, max=53)] = 13,
    effort: Annotated[
        float, typer.Option(help="Work of the search, about as many seconds.", min=0.1, max=60)
    ] = 4,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the search; planning.seed when left out.", min=0)
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Put it in force; else it is kept as the draft.")
    ] = False,
    author: As = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Plan a rota, or say why it cannot be planned and what to give up. Exit code 1 when there is no plan."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    body = {"rota": rota, "first": first, "weeks": weeks, "effort": effort, "seed": seed, "publish": publish}
    with connect(data, config) as client:
        answer = client.post("/rota/plan", _said(body, author))
    if as_json:
        print_json(answer)
    elif answer["why_not"]:
        console.print(answer["why_not"]["words"], markup=False)
    else:
        _print_duties(answer["duties"], f"{answer['rota']}, {_day(answer['start'])} to {_day(answer['end'])}")
        print_table(
            ("person", "shifts", "hours", "due", "nights", "due", "weekends", "due", "holidays", "due"),
            [_fair_row(one) for one in answer["fairness"]],
            "The last year and this plan together, hours; pages count as well",
        )
        for note in answer["notes"]:
            console.print(note, markup=False)
        if answer["wishes_missed"]:
            console.print(f"Wishes that could not be kept: {len(answer['wishes_missed'])}", markup=False)
        if answer["changed"]:
            console.print(f"Published shifts that change: {answer['changed']}", markup=False)
        then = "In force." if publish else f"A draft. In force with: ktlo rota publish {answer['rota']}"
        console.print(then, markup=False)
    if answer["why_not"]:
        raise typer.Exit(1)


@commands.command(epilog="Example:  ktlo rota publish checkout --as ada")
def publish(
    rota: Rota = "", author: As = "", data: Data = None, config: Config = None, as_json: AsJson = False
) -> None:
    """Put the draft of a rota in force."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json

    with connect(data, config) as client:
        answer = client.post("/rota/publish", _said({"rota": rota}, author))
    if as_json:
        print_json(answer)
    else:
        console.print(
            f"{answer['rota']} is planned from {_day(answer['start'])} to {_day(answer['end'])}.",
            markup=False,
        )


@commands.command(
    epilog="Examples:  ktlo rota show checkout  ·  ktlo rota show checkout --from 2027-01-01 --to 2027-03-31"
)
def show(
    rota: Rota = "",
    first: First = "",
    last: Last = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the duties in force."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json

    with connect(data, config) as client:
        duties = client.get("/rota/schedule", params={"rota": rota, "from": first, "to": last})
    if as_json:
        print_json(duties)
    elif duties:
        _print_duties(duties)
    else:
        console.print("Nobody is planned in this time. Plan: ktlo rota plan --publish", markup=False)


@commands.command(epilog="Examples:  ktlo rota who  ·  ktlo rota who checkout --at 2026-12-24T18:00")
def who(
    rota: Rota = "",
    at: Annotated[str, typer.Option(help="Day or moment; now when left out.")] = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Who is on duty now, or at another moment. Exit code 1 when a role has nobody."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import print_json, print_table

    with connect(data, config) as client:
        answers = client.get("/rota/who", params={"rota": rota, "at": at})
    if as_json:
        print_json(answers)
    else:
        rows = [
            (one["rota"], duty["role"], duty["name"], _minute(duty["end"]))
            for one in answers
            for duty in one["duties"]
        ]
        rows += [(one["rota"], role, "nobody", "") for one in answers for role in one["uncovered"]]
        print_table(("rota", "role", "who", "until (UTC)"), rows)
    if any(one["uncovered"] for one in answers):
        raise typer.Exit(1)


@commands.command(epilog="Examples:  ktlo rota gaps  ·  ktlo rota gaps checkout --days 30")
def gaps(
    rota: Rota = "",
    days: Annotated[int, typer.Option(help="How far to look.", min=1, max=400)] = 90,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Moments ahead in which a role has nobody who can be there. Exit code 1 when there are any."""
    _look("gaps", rota, days, data, config, as_json)


@commands.command(epilog="Examples:  ktlo rota check  ·  ktlo rota check checkout --days 30")
def check(
    rota: Rota = "",
    days: Annotated[int, typer.Option(help="How far to look.", min=1, max=400)] = 90,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Hold the schedule in force against every rule: gaps, rest, share, skills. Exit code 1 when one is broken."""
    _look("check", rota, days, data, config, as_json)


def _look(what: str, rota: str, days: int, data: Path | None, config: Path | None, as_json: bool) -> None:
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    with connect(data, config) as client:
        found = client.get("/rota/gaps", params={"rota": rota, "days": days})
    if what == "gaps":
        found = [one for one in found if one["kind"] in ("cover", "time off", "joining day")]
    if as_json:
        print_json(found)
    elif found:
        print_table(
            ("rota", "rule", "what", "what to do"),
            [(one["rota"], one["kind"], one["words"], one["fix"]) for one in found],
        )
    else:
        console.print(f"Nothing is wrong in the coming {counted(days, 'days')}.", markup=False)
    if found:
        raise typer.Exit(1)


@commands.command(
    epilog="Examples:  ktlo rota load checkout  ·  ktlo rota load --from 2026-10-01 --to 2026-12-31"
)
def load(
    rota: Rota = "",
    first: First = "",
    last: Last = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """What being on call asked of everybody, and what is their due. It is about a fair load, not about performance."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table
    from ktlo.metrics.estimate import Estimate
    from ktlo.report.words import estimate_text

    with connect(data, config) as client:
        answer = client.get("/rota/load", params={"rota": rota, "from": first, "to": last})
        fair = client.get("/rota/fairness", params={"rota": rota})
    if as_json:
        print_json({"load": answer, "fairness": fair})
        return
    print_table(
        (
            "person",
            "hours on call",
            "shifts",
            "pages",
            "at night",
            "off hours",
            "hours interrupted",
            "pages a week on call",
        ),
        [
            (
                one["name"],
                one["duty_hours"],
                one["shifts"],
                one["pages"],
                one["at_night"],
                one["off_hours"],
                one["interrupted_hours"],
                estimate_text(Estimate(**one["pages_per_week"]), "per week", "per_week"),
            )
            for one in answer["people"]
        ],
        f"{answer['rota']}, {_day(answer['start'])} to {_day(answer['end'])}",
    )
    print_table(
        ("person", "shifts", "hours", "due", "nights", "due", "weekends", "due", "holidays", "due"),
        [_fair_row(one) for one in fair],
        "The last year and what is planned, hours; pages count as well",
    )
    if answer["schedules"]:
        console.print(f"Who was on call is told by {', '.join(answer['schedules'])}.", markup=False)
    for name in answer["unread_schedules"]:
        console.print(
            f"Nothing was read of a schedule {name}: its role counts as planned. Check the name, and `ktlo sources`.",
            markup=False,
        )
    if answer["strangers"]:
        console.print(
            f"{', '.join(answer['strangers'][:10])} had {answer['stranger_hours']:g} hours and"
            f" {'is' if len(answer['strangers']) == 1 else 'are'} not in the rota: they count for nobody.",
            markup=False,
        )
    if answer["unassigned"]:
        console.print(f"Pages while nobody was on duty: {answer['unassigned']}", markup=False)
    console.print("It is about a fair load, not about how well anybody works.", style="dim", markup=False)


@commands.command(
    epilog="Examples:  ktlo rota export checkout --format pagerduty -o checkout.json"
    "  ·  ktlo rota export checkout --format opsgenie  ·  ktlo rota export checkout --format ics --person ada"
)
def export(
    rota: Rota = "",
    form: Annotated[str, typer.Option("--format", help="pagerduty, opsgenie or ics.")] = "pagerduty",
    person: Annotated[str, typer.Option(help="Only this person's duties (ics).")] = "",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write; standard output when left out.")
    ] = None,
    first: First = "",
    last: Last = "",
    data: Data = None,
    config: Config = None,
) -> None:
    """Write a rota as the bodies of PagerDuty's or Opsgenie's requests, or as a calendar. Nothing is sent anywhere."""
    import json

    from ktlo.cli.client import API, connect
    from ktlo.errors import UserError

    params = {"rota": rota, "format": form, "person": person, "from": first, "to": last}
    with connect(data, config) as client:
        body = client.text(f"{API}/rota/export", params=params)
    if form != "ics":
        body = json.dumps(json.loads(body), indent=2, ensure_ascii=False).encode() + b"\n"
    if output is None:
        sys.stdout.buffer.write(body)
        return
    try:
        output.write_bytes(body)
    except OSError as error:
        raise UserError(f"the file cannot be written: {error.strerror}", where=str(output)) from error
    print(f"{output}: {len(body):,} bytes", file=sys.stderr)


def _said(body: dict[str, Any], author: str) -> dict[str, Any]:
    return {**body, **({"author": author} if author else {})}


def _print_duties(duties: list[dict[str, Any]], title: str = "") -> None:
    from ktlo.cli.output import print_table

    print_table(
        ("from (UTC)", "until (UTC)", "role", "who", ""),
        [
            (
                _minute(duty["start"]),
                _minute(duty["end"]),
                duty["role"],
                duty["name"],
                "" if duty["because"] == "plan" else duty["because"],
            )
            for duty in duties
        ],
        title,
    )


def _fair_row(one: dict[str, Any]) -> tuple[Any, ...]:
    hours, due = one["counted"], one["due"]
    numbers = [
        round(part[kind]) for kind in ("hours", "night", "weekend", "holiday") for part in (hours, due)
    ]
    return one["name"], one["shifts"], *numbers


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _day(moment: str) -> str:
    return moment[:10]
