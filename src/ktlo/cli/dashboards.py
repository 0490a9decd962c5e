"""``ktlo dashboards``: the files of dashboards, listed, checked, and imported from Grafana."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.wording import counted

dashboards = typer.Typer(
    help="Dashboards that people compose, kept as YAML files (docs/dashboards.md).", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(dashboards, name="dashboards")


@dashboards.command("list", epilog="Example:  ktlo dashboards list --json")
def list_(data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """List every dashboard with where it comes from."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import print_json, print_table

    with connect(data, config) as client:
        found = client.get("/dashboards")
    if as_json:
        print_json(found)
        return
    print_table(
        ("name", "title", "panels", "from", "problems"),
        [
            (
                each["name"],
                each["title"],
                each["panels"],
                "ktlo" if each["is_shipped"] else "file",
                len(each["remarks"]),
            )
            for each in found
        ],
    )


@dashboards.command(epilog="Examples:  ktlo dashboards check  ·  ktlo dashboards check team.yaml other.yaml")
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Files; all of the folder when none is given.", show_default=False),
    ] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Read dashboards and tell by line what is wrong; exit code 2 when anything is."""
    from ktlo.cli.output import console, print_json

    found = _of_files(files) if files else _of_folder(data, config)
    if as_json:
        print_json(found)
    elif not found:
        console.print("Nothing is wrong.")
    else:
        for each in found:
            console.print(
                f"{each['file']}:{each['line']}: {each['what']}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
    if found:
        raise typer.Exit(2)


def _of_files(files: list[Path]) -> list[dict[str, Any]]:
    from ktlo.cli.client import require_server_extra
    from ktlo.errors import UserError

    require_server_extra()
    from ktlo.telemetry.dashboards.files import read

    for file in files:
        if not file.is_file():
            raise UserError("there is no such file", where=str(file))
    return [
        {"file": str(file), "line": remark.line, "what": remark.what}
        for file in files
        for remark in read(file, is_shipped=False).remarks
    ]


def _of_folder(data: Path | None, config: Path | None) -> list[dict[str, Any]]:
    from ktlo.cli.client import connect

    with connect(data, config) as client:
        return [
            {"file": f"{each['name']}.yaml", **remark}
            for each in client.get("/dashboards")
            for remark in each["remarks"]
        ]


@dashboards.command(
    "import",
    epilog="Examples:  ktlo dashboards import node.json --name node  ·  ktlo dashboards import node.json --print",
)
def import_(
    file: Annotated[Path, typer.Argument(help="Grafana's dashboard as JSON.")],
    name: Annotated[str, typer.Option(help="Name of ours; the file's when not given.")] = "",
    only_print: Annotated[bool, typer.Option("--print", help="Print the YAML, write nothing.")] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Turn Grafana's dashboard JSON into a dashboard of ours, and tell what does not map."""
    import re

    from ktlo.cli.client import connect
    from ktlo.cli.output import console, notes, print_json
    from ktlo.errors import UserError

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the file cannot be read: {error}", where=str(file)) from error
    saved: dict[str, Any] = {}
    with connect(data, config) as client:
        found = client.post("/dashboards/import", {"text": text})
        chosen = name or re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-") or "imported"
        if not only_print:
            saved = client.post(f"/dashboards/{chosen}", {"text": found["text"], "digest": ""})
    if only_print:
        print(found["text"], end="")
    elif as_json:
        print_json({**saved, "left_out": found["left_out"]})
    else:
        console.print(
            f"Imported as {saved['name']}: {counted(saved['panels'], 'panels')}, at /dashboards/{saved['name']}",
            markup=False,
        )
    for each in found["left_out"] if not as_json else ():
        notes.print(f"Left out: {each}", markup=False)


@dashboards.command(epilog="Example:  ktlo dashboards schema > dashboard.schema.json")
def schema() -> None:
    """Print the JSON Schema of a dashboard's file, for editors."""
    from ktlo.cli.client import require_server_extra
    from ktlo.cli.output import print_json

    require_server_extra()
    from ktlo.telemetry.dashboards.model import json_schema

    print_json(json_schema())
