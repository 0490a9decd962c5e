"""``ktlo sync``: read the sources now, with progress."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:  ktlo sync  ·  ktlo sync git:acme/shop  ·  ktlo sync --json",
    )(sync)


def sync(
    source: Annotated[
        list[str] | None, typer.Argument(help="Only these sources; all when none is given.")
    ] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Read what changed in the sources since the last time, and work out effort anew."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import print_json

    with connect(data, config) as client:
        client.post("/collections", params={"source": source or []})
        run = follow(client, quiet=as_json)
    if as_json:
        print_json(run)
    if any(step["status"] in ("failed", "partial") for step in run["steps"]):
        raise typer.Exit(1)


def follow(client: Any, *, quiet: bool = False) -> Any:
    """Show the progress of the running collection until it ends; returns it."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from ktlo.cli.output import notes

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=notes, disable=quiet) as progress:
        tasks: dict[str, Any] = {}
        while True:
            run = client.get("/collections/latest", params={"wait": 0.3})
            for step in run["steps"]:
                if step["status"] == "waiting":
                    continue
                if step["name"] not in tasks:
                    tasks[step["name"]] = progress.add_task(step["name"], total=None, unit="")
                ended = step["status"] != "running"
                total = step["total"] or (max(step["done"], 1) if ended else None)
                progress.update(
                    tasks[step["name"]],
                    completed=total if ended and step["status"] == "complete" else step["done"],
                    total=total,
                    unit=step["unit"],
                )
            if not run["is_running"]:
                break
    for step in run["steps"]:
        if step["message"]:
            notes.print(f"{step['name']}: {step['status']}: {step['message']}", markup=False)
    return run
