"""``ktlo sources hook``, ``deliveries`` and ``replay``: webhooks of a source, and how its sender is set."""

from __future__ import annotations

from typing import Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.cli.sources import Limit, SourceId
from ktlo.wording import counted


def register(commands: typer.Typer) -> None:
    """Add the commands."""
    for command in (hook, deliveries, replay):
        commands.command(epilog=f"Example:  ktlo sources {command.__name__} alertmanager:prod")(command)


def hook(
    source: SourceId,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show where a source's webhooks go, how the sender is set, and how many came."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import print_json

    with connect(data, config) as client:
        found = client.get("/sources/hook", params={"source": source})
    if as_json:
        print_json(found)
    else:
        print_hook(found)


def print_hook(found: dict[str, Any]) -> None:
    """Print where a source's webhooks go and how the sender is set."""
    from ktlo.cli.output import console

    proof = found["proof"]
    if not found["has_secret"]:
        proof = f"none yet: only this machine may send. Set webhook_secret=env:NAME; then {proof}"
    for name, value in (
        ("address", found["url"]),
        ("where", found["where"]),
        ("events", ", ".join(found["events"])),
        ("proof", proof),
        ("taken", f"{found['taken']:,}, ignored {found['ignored']:,}, refused {found['refused']:,}"),
        ("last", (found["last_at"] or "never")[:16].replace("T", " ")),
    ):
        console.print(f"{name:8} {value}", markup=False, highlight=False, soft_wrap=True)
    if found["only_here"]:
        console.print(f"\n{found['only_here']}", markup=False, highlight=False, soft_wrap=True)
    if found["paste"]:
        paste = f"\nPaste into the sender:\n\n{found['paste']}"
        console.print(paste, markup=False, highlight=False, soft_wrap=True)


def deliveries(
    source: SourceId,
    limit: Limit = 50,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List webhooks that came, newest first: taken, ignored or refused, and why."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import print_listing

    with connect(data, config) as client:
        rows = client.get("/sources/deliveries", params={"source": source, "limit": limit})
    print_listing(
        rows,
        ("came", "event", "outcome", "times", "rows", "why"),
        lambda row: (
            row["received_at"][:19].replace("T", " "),
            *(row["event"], row["status"], row["times"], row["rows"], row["reason"]),
        ),
        f"No webhook of {source} came yet. `ktlo sources hook` says how.",
        as_json=as_json,
    )


def replay(
    source: SourceId,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Read every kept webhook of a source again, by its options as they are now."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json

    with connect(data, config) as client:
        outcome = client.post("/sources/replay", params={"source": source})
    if as_json:
        print_json(outcome)
    else:
        console.print(
            f"{counted(outcome['deliveries'], 'webhooks')} read again, {counted(outcome['rows'], 'rows')} written."
        )
