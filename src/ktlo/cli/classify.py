"""``ktlo classify``: why a work item has its category, and how to correct it."""

from __future__ import annotations

from typing import Annotated

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.wording import counted


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:  ktlo classify 3f2a91c  ·  ktlo classify 3f2a91c --as bug_fix"
        "  ·  ktlo classify --unsure  ·  ktlo classify '#412' --as feature",
    )(classify)


def classify(
    item: Annotated[
        str, typer.Argument(help="Commit (a prefix will do), number of a change or issue, or incident.")
    ] = "",
    category: Annotated[
        str,
        typer.Option(
            "--as",
            help="Correct it: feature, bug_fix, security, performance, dependency, incident, infrastructure,"
            " debt, support or unattributed.",
        ),
    ] = "",
    unsure: Annotated[
        bool, typer.Option("--unsure", help="List what most needs a look: much effort, little confidence.")
    ] = False,
    limit: Annotated[int, typer.Option(help="Most items to list.", min=1, max=10_000)] = 20,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show why an item has its category, list the doubtful ones, or correct one. Corrections are learned from."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table
    from ktlo.errors import UsageError

    if not item and not unsure:
        raise UsageError("name an item, or ask for the doubtful ones", fix="ktlo classify --unsure")
    with connect(data, config) as client:
        if category:
            found = client.get("/effort/items", params={"item": item})
            if len(found) != 1:
                names = ", ".join(f"{one['item_kind']} {one['item_id'][:12]}" for one in found[:5])
                raise UsageError(
                    f"{item!r} names {counted(len(found), 'items')}" + (f": {names}" if names else ""),
                    fix="Give more of its identifier" if found else "`ktlo classify --unsure` lists items",
                )
            one = found[0]
            answer = client.post(
                "/effort/corrections",
                {
                    "item_kind": one["item_kind"],
                    "source": one["source"],
                    "item_id": one["item_id"],
                    "category": category,
                },
            )
            if as_json:
                print_json(answer)
            else:
                console.print(
                    f"{one['title']}: {one['category']} → {category}. In the numbers after `ktlo sync`.",
                    markup=False,
                )
            return
        found = client.get("/effort/items", params={"item": item, "unsure": unsure or None, "limit": limit})
    if as_json:
        print_json(found)
        return
    if not found:
        console.print("No such item. `ktlo sync` reads what is new.", markup=False)
        raise typer.Exit(1)
    print_table(
        ("kind", "item", "category", "sure", "person-days", "why", "title"),
        [
            (
                one["item_kind"],
                one["item_id"][:12],
                one["category"],
                f"{one['confidence']:.0%}",
                round(one["person_days"], 2),
                one["reason"],
                one["title"],
            )
            for one in found
        ],
    )
