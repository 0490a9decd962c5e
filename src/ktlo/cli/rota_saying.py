"""``ktlo rota``, what people say: time off, wishes, swaps, somebody standing in, schedules of other products."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.wording import counted

As = Annotated[str, typer.Option("--as", help="Who says so: your key, name or mail in the rota.")]

swap_commands = typer.Typer(
    help="Swaps: list, ask, accept, approve, refuse, withdraw.",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Examples:  ktlo rota swap  ·  ktlo rota swap ask bob --shift 2027-01-04 --in-return 2027-01-11",
)


def register(commands: typer.Typer) -> None:
    """Add the commands to those of ``ktlo rota``."""
    commands.add_typer(swap_commands, name="swap")
    for command, epilog in (
        (
            off,
            (
                "Examples:  ktlo rota off  ·  ktlo rota off ada 2027-02-01 2027-02-05 --reason holidays"
                "  ·  ktlo rota off ada --calendar holidays.ics  ·  ktlo rota off --take-back 3f2a9c1b4d"
            ),
        ),
        (
            wish,
            "Examples:  ktlo rota wish ada 2027-02-14  ·  ktlo rota wish bob 2027-03-01 2027-03-07 --gladly",
        ),
        (
            stand_in,
            "Example:  ktlo rota stand-in dan --from 2027-01-05T18:00 --to 2027-01-06T06:00 --reason dentist",
        ),
    ):
        commands.command(epilog=epilog)(command)
    commands.command(
        "import",
        epilog="Examples:  ktlo rota import schedule.json"
        "  ·  ktlo rota import schedule.json --rota checkout --role primary --to 2027-03-31",
    )(import_schedule)


def off(
    person: Annotated[str, typer.Argument(help="Who is away; all time off to come is listed without.")] = "",
    first: Annotated[str, typer.Argument(help="First day, or moment.")] = "",
    last: Annotated[str, typer.Argument(help="Last day, included; the first when left out.")] = "",
    reason: Annotated[str, typer.Option(help="Holidays, illness…")] = "",
    calendar: Annotated[
        Path | None, typer.Option(help="iCalendar file (.ics): each event to come is a time away.")
    ] = None,
    take_back: Annotated[
        str, typer.Option(help="Number of time off, a wish or an override to take back.")
    ] = "",
    author: As = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List time off, enter it (from a calendar, too), or take it back. Duties that fall into it are told."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table
    from ktlo.errors import UserError

    who = {"author": author} if author else {}
    if calendar is not None and not calendar.is_file():
        raise UserError("there is no such file", where=str(calendar))
    with connect(data, config) as client:
        if take_back:
            client.delete("/rota/said", params={"number": take_back, **who})
            console.print("Taken back.", markup=False)
            return
        if not person or (not first and calendar is None):
            listed = client.get("/rota/off", params={"person": person})
            if as_json:
                print_json(listed)
            elif listed:
                rows = [(one["name"], one["words"], one["reason"], one["number"]) for one in listed]
                print_table(("person", "when", "reason", "number"), rows)
            else:
                console.print(
                    "No time off to come. Enter some: ktlo rota off PERSON FIRST LAST", markup=False
                )
            return
        if calendar is not None:
            text = calendar.read_bytes().decode("utf-8", "replace")
            said = client.post("/rota/off/calendar", {"person": person, "calendar": text, **who})
        else:
            body = {"person": person, "first": first, "last": last, "reason": reason, **who}
            said = client.post("/rota/off", body)
    if as_json:
        print_json(said)
        return
    for one in said["entered"]:
        console.print(f"{one['name']} is away {one['words']} ({one['number']}).", markup=False)
    for left in said["left_out"]:
        console.print(f"Left out: {left}.", markup=False)
    for trouble in said["troubles"]:
        console.print(f"Mind: {trouble['words']}. {trouble['fix']}.", markup=False)


def wish(
    person: Annotated[str, typer.Argument(help="Whose wish; all wishes to come are listed without.")] = "",
    first: Annotated[str, typer.Argument(help="First day, or moment.")] = "",
    last: Annotated[str, typer.Argument(help="Last day, included; the first when left out.")] = "",
    gladly: Annotated[bool, typer.Option("--gladly", help="Would like to; else would rather not.")] = False,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    author: As = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Say when somebody would rather not be on call (or gladly). The next plan follows it where nobody else pays."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    with connect(data, config) as client:
        if not person or not first:
            listed = client.get("/rota/wishes")
            if as_json:
                print_json(listed)
            elif listed:
                rows = [
                    (one["name"], one["mood"].replace("_", " "), one["words"], one["number"])
                    for one in listed
                ]
                print_table(("person", "wish", "when", "number"), rows)
            else:
                console.print("No wishes to come.", markup=False)
            return
        body = {
            "person": person, "first": first, "last": last, "reason": reason,
            "mood": "gladly" if gladly else "rather_not", **({"author": author} if author else {}),
        }  # fmt: skip
        said = client.post("/rota/wishes", body)
    if as_json:
        print_json(said)
    else:
        mood = said["mood"].replace("_", " ")
        console.print(f"{said['name']}: {mood} {said['words']} ({said['number']}).", markup=False)


def stand_in(
    person: Annotated[str, typer.Argument(help="Who stands in.")],
    first: Annotated[str, typer.Option("--from", help="Moment, on the rota's clock without an offset.")],
    last: Annotated[str, typer.Option("--to", help="Until then.")],
    rota: Annotated[str, typer.Option(help="The rota; may be left out where there is one.")] = "",
    role: Annotated[str, typer.Option(help="Its role; the first of the rota when left out.")] = "",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    author: As = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Let somebody stand in for a while, whoever would have been on duty."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json

    body = {"person": person, "start": first, "end": last, "rota": rota, "role": role, "reason": reason}
    with connect(data, config) as client:
        said = client.post("/rota/overrides", {**body, **({"author": author} if author else {})})
    if as_json:
        print_json(said)
    else:
        console.print(f"{said['what']} ({said['number']}).", markup=False)


def import_schedule(
    file: Annotated[Path, typer.Argument(help="JSON that PagerDuty or Opsgenie answered.")],
    rota: Annotated[
        str, typer.Option(help="Into this rota; without it, what to write into ktlo.yaml is printed.")
    ] = "",
    role: Annotated[str, typer.Option(help="The role that it fills.")] = "",
    first: Annotated[str, typer.Option("--from", help="Day or moment; now when left out.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day; 13 weeks on when left out.")] = "",
    author: As = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Read a schedule of PagerDuty or Opsgenie from a file: its duties into a rota, or its people as settings."""
    import json

    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json
    from ktlo.errors import UserError

    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"the file cannot be read: {error.strerror}", where=str(file)) from error
    except ValueError as error:
        raise UserError(f"this is not JSON: {error}", where=str(file)) from error
    if not isinstance(document, dict):
        raise UserError('expected an object, such as {"schedule": …}', where=str(file))
    body: dict[str, Any] = {"document": document, "rota": rota, "role": role, "first": first, "last": last}
    with connect(data, config) as client:
        read = client.post("/rota/import", {**body, **({"author": author} if author else {})})
    if as_json:
        print_json(read)
        return
    if read["settings"]:
        print(read["settings"], end="")
    else:
        console.print(
            f"{counted(len(read['duties']), 'duties')} from {read['vendor']} are in force.", markup=False
        )
    for note in read["notes"]:
        console.print(note, markup=False)


@swap_commands.callback()
def list_swaps(
    context: typer.Context,
    rota: Annotated[str, typer.Option(help="The rota; all when left out.")] = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List swaps with where they stand."""
    if context.invoked_subcommand is not None:
        return
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    with connect(data, config) as client:
        listed = client.get("/rota/swaps", params={"rota": rota})
    if as_json:
        print_json(listed)
    elif listed:
        print_table(
            ("number", "rota", "role", "shift (UTC)", "from", "to", "in return", "step", "said by"),
            [
                (
                    one["number"],
                    one["rota"],
                    one["role"],
                    one["start"][:16].replace("T", " "),
                    one["giver"],
                    one["taker"],
                    (one["return_start"] or "")[:10],
                    one["step"],
                    one["said_by"],
                )
                for one in listed
            ],
        )
    else:
        console.print("No swaps. Ask for one: ktlo rota swap ask NAME --shift DAY", markup=False)


@swap_commands.command(epilog="Example:  ktlo rota swap ask bob --shift 2027-01-04 --in-return 2027-01-11")
def ask(
    to: Annotated[str, typer.Argument(help="Who is asked to take the shift.")],
    shift: Annotated[str, typer.Option(help="A day or moment of the shift to hand over.")],
    in_return: Annotated[str, typer.Option(help="A day or moment of a shift of theirs to take.")] = "",
    rota: Annotated[str, typer.Option(help="The rota; may be left out where there is one.")] = "",
    role: Annotated[str, typer.Option(help="Role of the shift; the first of the rota when left out.")] = "",
    return_role: Annotated[
        str, typer.Option(help="Role of the shift in return; the same when left out.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    author: As = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Ask somebody to take a shift."""
    body = {
        "to": to, "shift": shift, "in_return": in_return, "rota": rota, "role": role,
        "return_role": return_role, "reason": reason, "author": author,
    }  # fmt: skip
    _swap("/rota/swaps", body, data, config, as_json)


Number = Annotated[str, typer.Argument(help="Number of the swap, from `ktlo rota swap`.")]
Who = Annotated[str, typer.Option("--as", help="Who says so: your key, name or mail in the rota.")]
OfRota = Annotated[str, typer.Option("--rota", help="The rota; found by the number when left out.")]


@swap_commands.command(epilog="Example:  ktlo rota swap accept 3f2a9c1b4d --as bob")
def accept(
    number: Number,
    author: Who,
    rota: OfRota = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Accept a swap that you were asked for."""
    _step(number, "accepted", author, rota, data, config, as_json)


@swap_commands.command(epilog="Example:  ktlo rota swap approve 3f2a9c1b4d --as cyd")
def approve(
    number: Number,
    author: Who,
    rota: OfRota = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Approve a swap that was accepted; from then on it is in force."""
    _step(number, "approved", author, rota, data, config, as_json)


@swap_commands.command(epilog="Example:  ktlo rota swap refuse 3f2a9c1b4d --as bob")
def refuse(
    number: Number,
    author: Who,
    rota: OfRota = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a swap."""
    _step(number, "refused", author, rota, data, config, as_json)


@swap_commands.command(epilog="Example:  ktlo rota swap withdraw 3f2a9c1b4d --as ada")
def withdraw(
    number: Number,
    author: Who,
    rota: OfRota = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw a swap that you asked for."""
    _step(number, "withdrawn", author, rota, data, config, as_json)


def _step(
    number: str, step: str, author: str, rota: str, data: Path | None, config: Path | None, as_json: bool
) -> None:
    body = {"number": number, "step": step, "author": author, "rota": rota}
    _swap("/rota/swaps/step", body, data, config, as_json)


def _swap(path: str, body: dict[str, str], data: Path | None, config: Path | None, as_json: bool) -> None:
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json

    with connect(data, config) as client:
        swap = client.post(path, body)
    if as_json:
        print_json(swap)
        return
    shift = swap["start"][:16].replace("T", " ")
    then = {
        "asked": f"{swap['taker']} is asked: ktlo rota swap accept {swap['number']} --as {swap['taker']}",
        "accepted": f"Accepted. An approver: ktlo rota swap approve {swap['number']} --as NAME",
        "approved": f"In force: {swap['taker']} is {swap['role']} from {shift} UTC.",
        "overtaken": "Approved too late: the shift went to somebody else meanwhile. Nothing changed.",
    }.get(swap["step"], f"The swap is {swap['step']}.")
    console.print(then, markup=False)
