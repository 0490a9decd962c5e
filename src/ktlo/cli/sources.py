"""``ktlo sources``: what is connected and how it is doing; add, check and remove."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data

commands = typer.Typer(
    help="What ktlo reads: list, add, check, remove; and what was turned away.",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Examples:  ktlo sources  ·  ktlo sources add git ../shop  ·  ktlo sources add github acme/shop"
    "  ·  ktlo sources add csv incidents.csv",
)

_MAIN = {
    "git": "path",
    "github": "repository",
    "csv": "file",
    "gitlab": "project",
    "jira": "url",
    "redmine": "url",
    "sentry": "organization",
    "servicenow": "url",
    "statuspage": "url",
    "alertmanager": "url",
    "grafana": "url",
}
"""The option that a bare argument of `sources add` stands for."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(commands, name="sources")


@commands.callback()
def list_sources(
    context: typer.Context, data: Data = None, config: Config = None, as_json: AsJson = False
) -> None:
    """List the sources with their freshness."""
    if context.invoked_subcommand is not None:
        return
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
            ("source", "status", "last complete", "rows", "turned away", "message"),
            [
                (
                    state["source_id"],
                    state["status"],
                    (state["complete_at"] or "never")[:16].replace("T", " "),
                    sum(state["rows"].values()),
                    state["rejected"],
                    state["message"],
                )
                for state in states
            ],
        )


@commands.command(
    epilog="Examples:  ktlo sources add git .  ·  ktlo sources add github acme/shop token=env:GITHUB_TOKEN"
    "  ·  ktlo sources add csv export.csv  ·  ktlo sources add csv export.csv --yes noun=incidents"
)
def add(
    kind: Annotated[str, typer.Argument(help="git, github, csv, or an installed kind.")],
    target: Annotated[str, typer.Argument(help="Path, URL, owner/name or file.")] = "",
    options: Annotated[list[str] | None, typer.Argument(help="Further options as NAME=VALUE.")] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Add it even if it cannot be reached now.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take what is proposed without asking.")] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Add a source. It is checked first; the running server reads it at once, else `ktlo sync` does."""
    from ktlo.cli.client import connect, require_server_extra
    from ktlo.cli.output import console, print_json

    require_server_extra()
    given = read_options(kind, target, options or [])
    if kind == "csv":
        from ktlo.cli.csv_mapping import confirm_mapping

        given = confirm_mapping(given, ask=sys.stdin.isatty() and not yes, quiet=as_json)
    with connect(data, config) as client:
        unreachable = "add" if anyway else "refuse"
        health = client.post("/sources", {"kind": kind, "options": given, "unreachable": unreachable})
    if as_json:
        print_json(health)
        return
    console.print(health["summary"], markup=False)
    for missing in health["missing"]:
        console.print(f"  missing: {missing['what']}. {missing['cost']} {missing['fix']}", markup=False)
    then = "It is being read now." if health["is_being_read"] else "`ktlo sync` reads it now."
    console.print(f"Added. {then}", markup=False)


def read_options(kind: str, target: str, options: list[str]) -> dict[str, Any]:
    """Turn the arguments of ``sources add`` into the source's options.

    Raises:
        UsageError: an argument is not NAME=VALUE, or the main one is missing.
    """
    import json

    from ktlo.errors import UsageError

    given: dict[str, Any] = {}
    if target and "=" in target and kind not in _MAIN:
        options, target = [target, *options], ""
    if target:
        name = _MAIN.get(kind)
        if name is None:
            raise UsageError(f"say which option {target!r} is", fix="Write NAME=VALUE")
        local = kind == "csv" or (
            kind == "git" and "://" not in target and Path(target).expanduser().exists()
        )
        given[name] = str(Path(target).expanduser().absolute()) if local else target
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            raise UsageError(f"{option!r} is not NAME=VALUE", fix="For example token=env:GITHUB_TOKEN")
        structured = value[:1] in "[{" or value in ("true", "false")
        given[name] = json.loads(value) if structured else value
    if not given:
        raise UsageError(f"say what to read: ktlo sources add {kind} {_MAIN.get(kind, 'NAME=VALUE').upper()}")
    return given


@commands.command(epilog="Example:  ktlo sources check github:acme/shop")
def check(
    source: Annotated[str, typer.Argument(help="Identifier from `ktlo sources`.")],
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
            console.print(f"  missing: {missing['what']}. {missing['cost']} {missing['fix']}", markup=False)
    if health["status"] == "unreachable":
        raise typer.Exit(1)


@commands.command(epilog="Example:  ktlo sources rejected csv:incidents")
def rejected(
    source: Annotated[str, typer.Argument(help="Identifier from `ktlo sources`.")],
    limit: Annotated[int, typer.Option(help="Most rows to print.", min=1, max=10_000)] = 50,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List input that was turned away (or is in with something missing), with reasons."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    with connect(data, config) as client:
        rows = client.get("/sources/rejections", params={"source": source, "limit": limit})
    if as_json:
        print_json(rows)
    elif rows:
        print_table(
            ("where", "kept", "reason", "input"),
            [
                (row["place"], "yes" if row["is_kept"] else "no", row["reason"], row["excerpt"])
                for row in rows
            ],
        )
    else:
        console.print("Nothing was turned away.")


@commands.command(epilog="Example:  ktlo sources hook alertmanager:prod")
def hook(
    source: Annotated[str, typer.Argument(help="Identifier from `ktlo sources`.")],
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show where a source's webhooks go, how the sender is set, and how many came."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json

    with connect(data, config) as client:
        found = client.get("/sources/hook", params={"source": source})
    if as_json:
        print_json(found)
        return
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
        console.print(f"{name:8} {value}", markup=False, soft_wrap=True)
    if found["paste"]:
        console.print(f"\nPaste into the sender:\n\n{found['paste']}", markup=False, soft_wrap=True)


@commands.command(epilog="Example:  ktlo sources deliveries alertmanager:prod")
def deliveries(
    source: Annotated[str, typer.Argument(help="Identifier from `ktlo sources`.")],
    limit: Annotated[int, typer.Option(help="Most rows to print.", min=1, max=10_000)] = 50,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List webhooks that came, newest first: taken, ignored or refused, and why."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    with connect(data, config) as client:
        rows = client.get("/sources/deliveries", params={"source": source, "limit": limit})
    if as_json:
        print_json(rows)
    elif rows:
        print_table(
            ("came", "event", "outcome", "times", "rows", "why"),
            [
                (
                    row["received_at"][:19].replace("T", " "),
                    row["event"],
                    row["status"],
                    row["times"],
                    row["rows"],
                    row["reason"],
                )
                for row in rows
            ],
        )
    else:
        console.print(f"No webhook of {source} came yet. `ktlo sources hook` says how.", markup=False)


@commands.command(epilog="Example:  ktlo sources replay alertmanager:prod")
def replay(
    source: Annotated[str, typer.Argument(help="Identifier from `ktlo sources`.")],
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
        console.print(f"{outcome['deliveries']:,} webhooks read again, {outcome['rows']:,} rows written.")


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
    from ktlo.cli.output import console, print_json, print_table
    from ktlo.errors import UsageError

    with connect(data, config) as client:
        for pair in meanings or []:
            status, equals, meaning = pair.rpartition("=")
            if not equals or not status:
                raise UsageError(f"{pair!r} is not STATUS=MEANING", fix="For example Verification=mitigated")
            client.post("/sources/statuses", {"source": source, "status": status, "meaning": meaning})
        rows = client.get("/sources/statuses", params={"source": source})
    if as_json:
        print_json(rows)
    elif rows:
        print_table(
            ("source", "status", "items", "steps", "means", "by"),
            [
                (
                    row["source"],
                    row["status"],
                    row["items"],
                    row["steps"],
                    row["meaning"] or "not known",
                    row["rule"],
                )
                for row in rows
            ],
        )
    else:
        console.print("No step with a status was told yet.")


@commands.command(epilog="Example:  ktlo sources remove git:acme/shop")
def remove(
    source: Annotated[str, typer.Argument(help="Identifier from `ktlo sources`.")],
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
    end = "are gone; `ktlo sync` works out the numbers without them" if forget else "stay"
    console.print(f"{source} is no longer read; its records {end}.", markup=False)
