"""``ktlo debt``: what is owed, what it costs by the month, what to pay in which week, and what paid off."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data

To = Annotated[str, typer.Option(help="What the register is about; the newest record when not given.")]
Service = Annotated[list[str] | None, typer.Option(help="Keep only this service; repeat for several.")]
Repository = Annotated[list[str] | None, typer.Option(help="Keep only this repository.")]
Team = Annotated[list[str] | None, typer.Option(help="Keep only this team.")]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        help="Keep only hotspot, dependency, vulnerability, flaky, marker, complexity, unused or hand.",
    ),
]
Statuses = Annotated[
    list[str] | None,
    typer.Option("--status", help="open, scheduled, accepted or paid; what is owed when not given."),
]
Key = Annotated[str, typer.Argument(help="Key of the entry, as `ktlo debt list` shows it.")]
By = Annotated[str, typer.Option(help="Who says so; the register shows the name.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(
        help="The debt register: principal, interest, what to pay first, and what paid off.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for command, epilog in (
        (list_, "Examples:  ktlo debt list  ·  ktlo debt list --kind hotspot --repository acme/shop --json"),
        (show, "Examples:  ktlo debt show hotspot-1f0c9a2b7d  ·  ktlo debt show hotspot-1f0c9a2b7d --rows"),
        (
            add,
            "Example:  ktlo debt add --title 'Split the parser' --hours 40 --interest 4 --by Ada",
        ),
        (pay, "Example:  ktlo debt pay hotspot-1f0c9a2b7d --by Ada"),
        (
            accept,
            "Example:  ktlo debt accept hotspot-1f0c9a2b7d --until 2027-03-31 --reason 'replaced in spring' --by Ada",
        ),
        (reopen, "Example:  ktlo debt reopen hotspot-1f0c9a2b7d --by Ada"),
        (withdraw, "Example:  ktlo debt withdraw hand-1f0c9a2b7d --by Ada"),
        (
            schedule,
            "Examples:  ktlo debt schedule --hours 8  ·  ktlo debt schedule --kind hotspot --format md -o debt.md",
        ),
        (paid, "Example:  ktlo debt paid"),
    ):
        name = command.__name__.rstrip("_")
        group.command(name, epilog=epilog)(command)
    app.add_typer(group, name="debt")


def list_(
    kind: Kinds = None,
    status: Statuses = None,
    to: To = "",
    service: Service = None,
    repository: Repository = None,
    team: Team = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List what is owed, in the order in which to pay."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    asked = {
        "kind": kind, "status": status, "to": to, "service": service, "repository": repository, "team": team,
    }  # fmt: skip
    with connect(data, config) as client:
        answer = client.get("/debt", params=asked)
    if as_json:
        print_json(answer)
        return
    console.print(f"{answer['answer']}.", markup=False)
    print_table(
        (
            "key",
            "entry",
            "repository",
            "interest, h a month",
            "principal, h",
            "return",
            "pays back",
            "status",
        ),
        [
            (
                entry["key"],
                entry["title"],
                entry["repository"],
                _amount(entry["interest"]) if entry["interest"]["value"] is not None else "not estimable",
                _amount(entry["principal"]),
                _number(entry["return_in_a_year"]["value"]) if entry["interest"]["is_shown"] else "",
                _share(entry["pays_back_in_a_year"]) if entry["interest"]["is_shown"] else "",
                entry["standing"]["status"],
            )
            for entry in answer["entries"]
        ],
    )
    for note in answer["notes"]:
        console.print(f"Note: {note}", markup=False)


def show(
    key: Key,
    rows: Annotated[bool, typer.Option("--rows", help="Print the rows that it was made from.")] = False,
    limit: Annotated[int, typer.Option(help="Most rows to print.", min=1, max=100_000)] = 50,
    to: To = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show one entry: evidence, who knows the code, what was decided; or the rows behind it."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    with connect(data, config) as client:
        if rows:
            table = client.get(f"/debt/entries/{_path(key)}/rows", params={"limit": limit, "to": to})
            if as_json:
                print_json(table)
            elif table:
                print_table(list(table[0]), [list(row.values()) for row in table])
            else:
                console.print("No record stands behind it: it was said by a person.")
            return
        entry = client.get(f"/debt/entries/{_path(key)}", params={"to": to})
    if as_json:
        print_json(entry)
        return
    standing = entry["standing"]
    lines = [
        ("entry", entry["title"]),
        ("kind", entry["kind"]),
        ("repository", entry["repository"]),
        ("path", entry["path"]),
        ("interest, h a month", f"{_amount(entry['interest'])}. {entry['interest']['basis']}"),
        ("principal, h", f"{_amount(entry['principal'])}. {entry['principal']['basis']}"),
        ("return in a year", _number(entry["return_in_a_year"]["value"])),
        ("pays back in a year", _share(entry["pays_back_in_a_year"])),
        *((fact["label"], _fact(fact)) for fact in entry["evidence"]),
        ("who knows the code", ", ".join(f"{k['name']} ({k['commits']})" for k in entry["knowers"])),
        (
            "status",
            ", ".join(
                str(part) for part in (standing["status"], standing["reason"], standing["expires"]) if part
            ),
        ),
    ]
    print_table(("", ""), [(label, value) for label, value in lines if value not in ("", None)])


def add(
    title: Annotated[str, typer.Option(help="What it is, in a line.")],
    hours: Annotated[float, typer.Option(help="Hours to pay it back.")],
    interest: Annotated[float, typer.Option(help="Hours a month that it costs.")],
    by: By,
    hours_low: Annotated[
        float | None, typer.Option(help="At least; half when not given.", show_default=False)
    ] = None,
    hours_high: Annotated[
        float | None, typer.Option(help="At most; twice when not given.", show_default=False)
    ] = None,
    interest_low: Annotated[
        float | None, typer.Option(help="At least; half when not given.", show_default=False)
    ] = None,
    interest_high: Annotated[
        float | None, typer.Option(help="At most; twice when not given.", show_default=False)
    ] = None,
    repository: Annotated[str, typer.Option(help="Repository it is in.")] = "",
    path: Annotated[str, typer.Option(help="File or folder of the repository.")] = "",
    service: Annotated[str, typer.Option(help="Service.")] = "",
    team: Annotated[str, typer.Option(help="Team.")] = "",
    note: Annotated[str, typer.Option(help="Why you think so.")] = "",
    after: Annotated[
        list[str] | None, typer.Option(help="Key of an entry that must be paid first; repeat for several.")
    ] = None,
    key: Annotated[str, typer.Option(help="Change this entry instead of adding one.")] = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Write an entry down by hand, or change one with --key."""
    body = {
        "title": title, "principal": hours, "principal_low": hours_low, "principal_high": hours_high,
        "interest": interest, "interest_low": interest_low, "interest_high": interest_high, "repository": repository,
        "path": path, "service": service, "team": team, "note": note, "after": after or [], "author": by,
    }  # fmt: skip
    _post(f"/debt/entries/{_path(key)}" if key else "/debt/entries", body, data, config, as_json)


def pay(key: Key, by: By, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """Say that an entry is paid: from now on what it brought is measured."""
    _decide(key, {"status": "paid", "author": by}, data, config, as_json)


def accept(
    key: Key,
    by: By,
    reason: Annotated[str, typer.Option(help="Why it is lived with.")],
    until: Annotated[
        str, typer.Option(help="Last day, such as 2027-03-31; after it the entry is open again.")
    ],
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Live with an entry for a while, with a reason and a last day."""
    from ktlo.errors import UsageError

    try:
        dt.date.fromisoformat(until)
    except ValueError as error:
        raise UsageError(
            f"{until[:40]!r} is no date", where="--until", fix="Write it as 2027-03-31"
        ) from error
    _decide(
        key, {"status": "accepted", "reason": reason, "expires": until, "author": by}, data, config, as_json
    )


def reopen(key: Key, by: By, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """Open a paid, accepted or scheduled entry again."""
    _decide(key, {"status": "open", "author": by}, data, config, as_json)


def withdraw(key: Key, by: By, data: Data = None, config: Config = None) -> None:
    """Take an entry by hand back; the journal keeps what was said."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console

    with connect(data, config) as client:
        client.delete(f"/debt/entries/{_path(key)}", params={"author": by})
    console.print(f"{key} is taken back.", markup=False)


def schedule(
    hours: Annotated[
        float | None,
        typer.Option(help="Hours a week for paying back; found out when not given.", show_default=False),
    ] = None,
    weeks: Annotated[
        int | None, typer.Option(help="Weeks ahead; planning.weeks when not given.", show_default=False)
    ] = None,
    least: Annotated[float, typer.Option(help="Least return in a year that is worth it.")] = 1.0,
    form: Annotated[
        str, typer.Option("--format", help="table, csv or md (ready to paste as issues).")
    ] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write to.", show_default=False)
    ] = None,
    kind: Kinds = None,
    status: Statuses = None,
    to: To = "",
    service: Service = None,
    repository: Repository = None,
    team: Team = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell which entry to pay in which week within the hours there are."""
    from ktlo.cli.client import API, connect
    from ktlo.cli.output import console, print_json, print_table
    from ktlo.errors import UsageError

    if form not in ("table", "csv", "md"):
        raise UsageError(f"there is no format {form[:20]!r}", where="--format", fix="Choose table, csv or md")
    asked = {
        "hours": hours, "weeks": weeks, "least": least, "kind": kind, "status": status, "to": to, "service": service,
        "repository": repository, "team": team,
    }  # fmt: skip
    with connect(data, config) as client:
        if form != "table":
            text = client.text(f"{API}/debt/schedule", params={**asked, "format": form})
            if output is not None:
                output.write_bytes(text)
                console.print(f"Written to {output}", markup=False)
            else:
                print(text.decode("utf-8"))
            return
        plan = client.get("/debt/schedule", params=asked)
    if as_json:
        print_json(plan)
        return
    console.print(plan["answer"], markup=False)
    if plan["slots"]:
        print_table(
            ("week of", "entry", "repository", "hours", ""),
            [
                (
                    slot["week"],
                    slot["title"],
                    slot["repository"],
                    slot["hours"],
                    "done" if slot["is_done"] else "goes on",
                )
                for slot in plan["slots"]
            ],
        )


def paid(
    to: To = "",
    service: Service = None,
    repository: Repository = None,
    team: Team = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell what was paid and what it brought: bug fixes before and after, against files left alone."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    with connect(data, config) as client:
        answer = client.get(
            "/debt/paid", params={"to": to, "service": service, "repository": repository, "team": team}
        )
    if as_json:
        print_json(answer)
        return
    console.print(f"{answer['basis']}.", markup=False)
    print_table(
        ("entry", "repository", "paid", "how we know", "what it brought"),
        [
            (one["title"], one["repository"], one["paid_at"][:10], one["how"], one["sentence"])
            for one in answer["paid"]
        ],
    )


def _decide(key: str, body: dict[str, Any], data: Path | None, config: Path | None, as_json: bool) -> None:
    _post(f"/debt/entries/{_path(key)}/standing", body, data, config, as_json)


def _post(path: str, body: dict[str, Any], data: Path | None, config: Path | None, as_json: bool) -> None:
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json

    with connect(data, config) as client:
        entry = client.post(path, body)
    if as_json:
        print_json(entry)
    else:
        console.print(f"{entry['key']}: {entry['title']} is {entry['standing']['status']}.", markup=False)


def _path(key: str) -> str:
    """A key as one part of a URL."""
    from urllib.parse import quote

    return quote(key, safe="")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}" if value < 10 else f"{value:,.0f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _amount(told: Any) -> str:
    if told["value"] is None:
        return str(told["reason"])
    if not told["is_shown"]:
        return "no extra cost shown"
    return f"{_number(told['value'])} ({_number(told['low'])} to {_number(told['high'])})"


def _fact(fact: Any) -> str:
    value = fact["value"]
    if isinstance(value, float | int):
        if fact["unit"] == "s":
            return f"{value / 86400:,.0f} days"
        return f"{_number(float(value)) if fact['unit'] else f'{value:,.4g}'} {fact['unit']}".strip()
    return "" if value is None else str(value)
