"""``ktlo report``: the state of keeping the lights on as a document."""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import Annotated

import typer

from ktlo.cli.main import Config, Data


class Format(enum.StrEnum):
    """Forms of a report."""

    MD = "md"
    HTML = "html"
    PDF = "pdf"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:  ktlo report  ·  ktlo report --format pdf -o ktlo.pdf --from 13w"
        "  ·  ktlo report --format html -o report.html --service checkout",
    )(report)


def report(
    form: Annotated[
        Format, typer.Option("--format", help="Markdown, one self-contained HTML file, or PDF.")
    ] = Format.MD,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write; standard output when not given.")
    ] = None,
    from_: Annotated[
        str, typer.Option("--from", help="Start: 2026-05-01, an age (90d, 13w, 2y), or all.")
    ] = "90d",
    to: Annotated[str, typer.Option(help="End, a bare date included; now when not given.")] = "",
    service: Annotated[
        list[str] | None, typer.Option(help="Keep only this service; repeat for several.")
    ] = None,
    repository: Annotated[list[str] | None, typer.Option(help="Keep only this repository.")] = None,
    team: Annotated[list[str] | None, typer.Option(help="Keep only this team.")] = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Write the report: effort, reliability, bugs, hotspots and what it rests on."""
    from ktlo.cli.client import connect
    from ktlo.errors import UserError

    if form is Format.PDF and output is None and sys.stdout.isatty():
        raise UserError(
            "a PDF is not for the terminal", fix="Say where: ktlo report --format pdf -o ktlo.pdf"
        )
    question = {"from": from_, "to": to, "service": service, "repository": repository, "team": team}
    with connect(data, config) as client:
        body = client.text(f"/report.{form.value}", params=question)
    if output is None:
        sys.stdout.buffer.write(body)
        return
    try:
        output.write_bytes(body)
    except OSError as error:
        raise UserError(f"the report cannot be written: {error.strerror}", where=str(output)) from error
    print(f"{output}: {len(body):,} bytes", file=sys.stderr)
