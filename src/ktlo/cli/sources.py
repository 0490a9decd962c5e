"""``ktlo sources``: what is connected and how it is doing; add, check and remove."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ktlo.cli.main import AsJson, Config, Data

commands = typer.Typer(
    help="What ktlo reads: list, add, check, remove; and what was turned away.",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Examples:  ktlo sources  ·  ktlo sources add git ../shop  ·  ktlo sources add github acme/shop"
    "  ·  ktlo sources add csv incidents.csv",
)

SourceId = Annotated[str, typer.Argument(help="Identifier from `ktlo sources`.")]
Limit = Annotated[int, typer.Option(help="Most rows to print.", min=1, max=10_000)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    from ktlo.cli import source_adding, source_completeness, source_webhooks

    source_adding.register(commands)
    source_completeness.register(commands)
    source_webhooks.register(commands)
    app.add_typer(commands, name="sources")


@commands.callback()
def list_sources(
    context: typer.Context, data: Data = None, config: Config = None, as_json: AsJson = False
) -> None:
    """List the sources with their freshness."""
    if context.invoked_subcommand is None:
        _list(data, config, as_json)


def _list(data: Path | None, config: Path | None, as_json: bool) -> None:
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    with connect(data, config) as client:
        states = client.get("/sources")
    if as_json:
        print_json(states)
    elif not states:
        console.print("No source yet. Add one: ktlo sources add git PATH", markup=False)
    else:
        print_table(
            ("source", "status", "complete or told", "rows", "turned away", "message"),
            [
                (
                    state["source_id"],
                    state["status"],
                    (
                        (state["came"]["last_at"] if state["only_listens"] else state["complete_at"])
                        or "never"
                    )[:16].replace("T", " "),
                    sum(state["rows"].values()),
                    state["rejected"] + state["came"]["refused"],
                    state["message"],
                )
                for state in states
            ],
        )


@commands.command("list", epilog="Examples:  ktlo sources list  ·  ktlo sources list --json")
def list_all(data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """List the sources with their freshness, as `ktlo sources` alone does."""
    _list(data, config, as_json)


@commands.command(epilog="Example:  ktlo sources check github:acme/shop")
def check(
    source: SourceId,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Can the source be reached, and what is missing from the numbers?"""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json

    with connect(data, config) as client:
        health = client.get("/sources/check", params={"source": source})
    if as_json:
        print_json(health)
    else:
        console.print(f"{health['status']}: {health['summary']}", markup=False)
        for missing in health["missing"]:
            console.print(f"  missing: {missing['what']}. {missing['cost']}. {missing['fix']}", markup=False)
    if health["status"] == "unreachable":
        raise typer.Exit(1)


@commands.command(epilog="Example:  ktlo sources rejected csv:incidents")
def rejected(
    source: SourceId,
    limit: Limit = 50,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List input that was turned away (or is in with something missing), with reasons."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import print_listing

    with connect(data, config) as client:
        rows = client.get("/sources/rejections", params={"source": source, "limit": limit})
    print_listing(
        rows,
        ("where", "kept", "reason", "input"),
        lambda row: (row["place"], "yes" if row["is_kept"] else "no", row["reason"], row["excerpt"]),
        "Nothing was turned away.",
        as_json=as_json,
    )


@commands.command(
    epilog="Examples:  ktlo sources statuses  ·  ktlo sources statuses jira:acme Verification=mitigated"
    "  ·  ktlo sources statuses jira:acme Verification= (takes it back)"
)
def statuses(
    source: Annotated[str, typer.Argument(help="Identifier from `ktlo sources`; all when empty.")] = "",
    meanings: Annotated[
        list[str] | None,
        typer.Argument(
            help="STATUS=MEANING: new, active, waiting, mitigated, resolved, closed, cancelled, ignored."
        ),
    ] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List what the statuses of a source mean, or say it; the past follows at once, nothing is read again."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import print_listing
    from ktlo.errors import UsageError

    with connect(data, config) as client:
        for pair in meanings or []:
            status, equals, meaning = pair.rpartition("=")
            if not equals or not status:
                raise UsageError(f"{pair!r} is not STATUS=MEANING", fix="For example Verification=mitigated")
            client.post("/sources/statuses", {"source": source, "status": status, "meaning": meaning})
        rows = client.get("/sources/statuses", params={"source": source})
    print_listing(
        rows,
        ("source", "status", "items", "steps", "means", "by"),
        lambda row: (
            *(row["source"], row["status"], row["items"], row["steps"]),
            *(row["meaning"] or "not known", row["rule"]),
        ),
        "No step with a status was told yet.",
        as_json=as_json,
    )


@commands.command(epilog="Example:  ktlo sources remove git:acme/shop")
def remove(
    source: SourceId,
    forget: Annotated[bool, typer.Option("--forget", help="Also remove its records from the store.")] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Stop reading a source. What it delivered stays in the store until --forget is given, now or later."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json

    with connect(data, config) as client:
        client.delete("/sources", params={"source": source, "records": "forget" if forget else "keep"})
    if as_json:
        print_json({"source": source, "records": "forget" if forget else "keep"})
        return
    end = (
        "are gone; `ktlo sync` works out the numbers without them."
        if forget
        else f"stay in all figures. `ktlo sources remove {source} --forget` takes them out."
    )
    console.print(f"{source} is no longer read; its records {end}", markup=False)
