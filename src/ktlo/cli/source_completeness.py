"""``ktlo sources completeness`` and ``mend``: what sources lack, what the numbers lose by it, and mending it."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.cli.sources import Limit, SourceId
from ktlo.wording import counted


def register(commands: typer.Typer) -> None:
    """Add the commands."""
    commands.command(
        epilog="Examples:  ktlo sources completeness  ·  ktlo sources completeness github:acme/shop --check"
    )(completeness)
    commands.command(epilog="Example:  ktlo sources mend github:acme/shop read-again")(mend)
    commands.command(epilog="Example:  ktlo sources missing jira:acme.atlassian.net")(missing)
    commands.command(epilog="Example:  ktlo sources deleted jira:acme.atlassian.net SHOP")(deleted)


def completeness(
    source: Annotated[str, typer.Argument(help="Only this one; all when empty.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Ask each source now what it lacks.")] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Say what each source lacks: days, permissions, rows turned away; what rests on it and what mends it."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json

    with connect(data, config) as client:
        found = client.get(
            "/sources/completeness", params={"source": source, "check": "true" if check else ""}
        )
    if as_json:
        print_json(found)
        return
    if not found:
        console.print("No source yet. Add one: ktlo sources add git PATH", markup=False)
    for one in found:
        told = one["delivered_at"] and f", last delivery {one['delivered_at'][:16].replace('T', ' ')}"
        console.print(f"{one['source_id']}: {one['status']}{told or ''}", markup=False, highlight=False)
        lines = [one["message"]] if one["message"] else []
        if one["status"] == "waiting":
            lines.append(
                f"no delivery taken yet: `ktlo sources hook {one['source_id']}` says how its sender is set"
            )
        if one["secret"] and not one["checked"]:
            lines.append(f"missing: {one['secret']['what']}. {one['secret']['cost']}. {one['secret']['fix']}")
        lines += [
            f"no rows from {gap['first']} to {gap['last']} ({counted(gap['days'], 'days')}): numbers of that"
            " time may be too small"
            for gap in one["gaps"]
        ]
        for each in one["hidden"]:
            lines += [
                (
                    f"{each['words']} not shown any more since {each['since'][:10]}: a right may be lost, they count as"
                    f" they were last seen (`ktlo sources missing {one['source_id']}` lists them)"
                ),
                "if they were deleted: "
                + shlex.join(("ktlo", "sources", "deleted", one["source_id"], each["project"])),
            ]
        lines += [
            f"{number:,} {words}"
            for number, words in (
                (one["rejected"], "turned away (`ktlo sources rejected` says why)"),
                (one["incomplete"], "in with something missing"),
                (
                    one["not_understood"],
                    "of its webhooks not understood (`ktlo sources deliveries` says why)",
                ),
                (
                    one["refused"] - one["not_understood"],
                    "of its webhooks refused (`ktlo sources deliveries` says why)",
                ),
            )
            if number > 0
        ]
        lines += [f"{each['words']} {each['fix']}" for each in one["twice"]]
        checked = one["checked"]
        lines += [
            f"missing: {m['what']}. {m['cost']}. {m['fix']}" for m in (checked["missing"] if checked else [])
        ]
        lines += [] if lines else ["nothing is missing that ktlo knows of"]
        if one["metrics"]:
            rest = "rests" if len(one["metrics"]) == 1 else "rest"
            lines.append(
                f"{counted(len(one['metrics']), 'metrics')} {rest} on it: {', '.join(one['metrics'])}"
            )
        lines += [f"mend it: ktlo sources mend {one['source_id']} {remedy}" for remedy in one["remedies"]]
        for line in lines:
            console.print(f"  {line}", markup=False, highlight=False)


def mend(
    source: SourceId,
    remedy: Annotated[
        str,
        typer.Argument(help="read (what changed), read-again (the whole past), or replay (kept webhooks)."),
    ],
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Read a source again in one of three ways, and derive every number anew."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import print_json
    from ktlo.cli.sync import follow

    with connect(data, config) as client:
        client.post("/sources/mend", params={"source": source, "remedy": remedy})
        run = follow(client, quiet=as_json)
    if as_json:
        print_json(run)
    if any(step["status"] in ("failed", "partial") for step in run["steps"]):
        raise typer.Exit(1)


def missing(
    source: SourceId,
    limit: Limit = 50,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List items that a source no longer shows: hidden ones count as last seen, the others are out of every figure."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import print_listing

    with connect(data, config) as client:
        rows = client.get("/sources/missing", params={"source": source, "limit": limit})
    print_listing(
        rows,
        ("item", "of", "not shown since", "in the numbers", "title"),
        lambda row: (
            *(row["external_id"], row["project"], row["since"][:16].replace("T", " ")),
            *("no" if row["is_gone"] else "as last seen", row["title"]),
        ),
        "Everything that was asked for is there.",
        as_json=as_json,
    )


def deleted(
    source: SourceId,
    projects: Annotated[
        list[str] | None,
        typer.Argument(help="Only of these projects; all with hidden items when none is given."),
    ] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Say that items that a source no longer shows were deleted: they leave every figure, until one is read again."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json

    with connect(data, config) as client:
        done = client.post("/sources/deleted", params={"source": source, "project": projects or []})
    if as_json:
        print_json(done)
    else:
        console.print(
            f"{counted(done['items'], 'items')} taken for deleted. Numbers follow at the next sync."
        )
