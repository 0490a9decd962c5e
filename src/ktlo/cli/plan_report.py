"""``ktlo plan report``: a quarter told to the business, as a PDF of one page, HTML, Markdown or JSON."""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import Annotated

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.cli.plan import Repository, Service, Team


class Format(enum.StrEnum):
    """Forms of the report."""

    MD = "md"
    HTML = "html"
    PDF = "pdf"


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command(
        "report",
        epilog="Examples:  ktlo plan report  ·  ktlo plan report --quarter 2026-Q3 --format pdf -o business.pdf"
        "  ·  ktlo plan report --team Storefront --json",
    )(report)


def report(
    quarter: Annotated[
        str, typer.Option(help="Such as 2026-Q3; the newest complete quarter when not given.")
    ] = "",
    form: Annotated[
        Format, typer.Option("--format", help="Markdown, one HTML file, or a PDF of one page.")
    ] = Format.MD,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write; standard output when not given.")
    ] = None,
    service: Service = None,
    repository: Repository = None,
    team: Team = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell a quarter to the business: where effort went, what it bought, what the next one will cost."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import print_json
    from ktlo.errors import UserError

    if form is Format.PDF and output is None and not as_json and sys.stdout.isatty():
        raise UserError(
            "a PDF is not for the terminal", fix="Say where: ktlo plan report --format pdf -o business.pdf"
        )
    asked = {"quarter": quarter, "service": service, "repository": repository, "team": team}
    with connect(data, config) as client:
        if as_json:
            print_json(client.get("/plan/report", params=asked))
            return
        body = client.text(f"/plan/report.{form.value}", params=asked)
    if output is None:
        sys.stdout.buffer.write(body)
        return
    try:
        output.write_bytes(body)
    except OSError as error:
        raise UserError(f"the report cannot be written: {error.strerror}", where=str(output)) from error
    print(f"{output}: {len(body):,} bytes", file=sys.stderr)
