"""Writes the generated part of the documentation: ``python -m ktlo.cli.reference docs/reference``.

It stands on the highest floor because the command line is part of it; the other pages are in
:mod:`ktlo.server.reference`. A test checks that the committed pages are up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from ktlo.cli.main import commands

Command = Any
"""Typer's own click or click's, depending on Typer's version; both say the same of a command."""


def _walk(command: Command, name: str) -> Iterator[tuple[str, Command]]:
    yield name, command
    for inner, found in getattr(command, "commands", {}).items():
        yield from _walk(found, f"{name} {inner}")


def cli_page() -> str:
    """Every command with its arguments, options and examples."""
    from ktlo.server.reference import page, table

    parts = []
    for name, command in _walk(typer.main.get_command(commands()), "ktlo"):
        context = typer.Context(command, info_name=name)
        usage = " ".join(command.collect_usage_pieces(context))
        parts += [f"## {name}", (command.help or "").replace("\b\n", "").strip(), f"```\n{name} {usage}\n```"]
        rows = []
        for parameter in command.get_params(context):
            record = parameter.get_help_record(context)
            if parameter.param_type_name == "argument":
                rows.append((f"`{str(parameter.name).upper()}`", str(getattr(parameter, "help", "") or "")))
            elif record is not None and "--help" not in parameter.opts:
                rows.append((f"`{', '.join(parameter.opts)}`", record[1]))
        if rows:
            parts.append(table(("Argument", "Meaning"), rows))
        examples = (command.epilog or "").partition(":")[2]
        if examples:
            lines = [one.strip() for one in examples.split("  ·  ")]
            parts.append("```\n" + "\n".join(lines) + "\n```")
    lead = (
        "Every command asks the running `ktlo up` when there is one, else opens the store itself. Exit codes: 0 done, 1"
        " something failed outside or in the store, 2 wrong use."
    )
    return page("Command line", lead, parts)


def pages() -> dict[str, str]:
    """Every generated page by its file name."""
    from ktlo.server.app import describe_api
    from ktlo.server.reference import api_page, configuration_page, metrics_page, records_page

    return {
        "metrics.md": metrics_page(),
        "records.md": records_page(),
        "api.md": api_page(describe_api()),
        "cli.md": cli_page(),
        "configuration.md": configuration_page(),
    }


def write(folder: Path) -> None:
    """Write every page into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference"))
