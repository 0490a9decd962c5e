"""``ktlo sources completeness`` and ``mend``: what sources lack, what the numbers lose by it, and mending it."""

from __future__ import annotations

from typing import Annotated

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.cli.sources import SourceId
from ktlo.wording import counted


def register(commands: typer.Typer) -> None:
    """Add the commands."""
    commands.command(
        epilog="Examples:  ktlo sources completeness  ·  ktlo sources completeness github:acme/shop --check"
    )(completeness)
    commands.command(epilog="Example:  ktlo sources mend github:acme/shop read-again")(mend)


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
