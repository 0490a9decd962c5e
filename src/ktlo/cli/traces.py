"""``ktlo traces``: traces found as on the page, and one trace as a waterfall in the terminal."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.wording import counted

FOLLOW_SECONDS = 2.0
_REMEMBERED = 5_000

traces_app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    epilog="Examples:  ktlo traces --service cart --errors  ·  ktlo traces --tags 'user.id=7' --shortest 500ms"
    "  ·  ktlo traces --follow  ·  ktlo traces show 4bf92f3577b34da6a3ce929d0e0e4736",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(traces_app, name="traces")


@traces_app.callback()
def traces(
    context: typer.Context,
    service: Annotated[str, typer.Option(help="service.name of a span.")] = "",
    operation: Annotated[str, typer.Option(help="Name of a span.")] = "",
    shortest: Annotated[str, typer.Option(help="Least duration of a span: 250ms, 1.5s.")] = "",
    longest: Annotated[str, typer.Option(help="Greatest duration of a span.")] = "",
    errors: Annotated[bool, typer.Option("--errors", help="Only spans with status error.")] = False,
    environment: Annotated[str, typer.Option(help="Environment in which a span was reported.")] = "",
    tags: Annotated[str, typer.Option(help='Tags anywhere on a span: key=value key="two words" key.')] = "",
    since: Annotated[
        str, typer.Option(help="Start: 15min, 1h, 7d before the end, a date or an instant.")
    ] = "1h",
    until: Annotated[str, typer.Option(help="End; now when not given.")] = "",
    limit: Annotated[int, typer.Option(help="Most traces.", min=1, max=200)] = 50,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on showing new ones until Ctrl-C.")
    ] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Find traces: all conditions hold for one of their spans. Newest first."""
    if context.invoked_subcommand:
        return
    from ktlo.cli.client import connect
    from ktlo.cli.output import print_json
    from ktlo.errors import UsageError

    if follow and until:
        raise UsageError("--follow goes on from now", fix="Leave --until out")
    asked = {
        "service": service, "operation": operation, "shortest": shortest, "longest": longest,
        "errors": "true" if errors else "", "tags": tags, "environment": environment,
        "since": since, "until": until, "limit": limit,
    }  # fmt: skip
    with connect(data, config) as client:
        found = client.get("/traces", asked)
        if not follow:
            if as_json:
                print_json(found)
            else:
                _show(found)
            return
        seen: dict[str, None] = {}
        while True:
            fresh = [one for one in reversed(found) if one["trace_id"] not in seen]
            seen.update(dict.fromkeys(one["trace_id"] for one in fresh))
            for old in list(seen)[: max(0, len(seen) - _REMEMBERED)]:
                del seen[old]
            for one in fresh:
                _print_line(one, as_json=as_json)
            time.sleep(FOLLOW_SECONDS)
            found = client.get("/traces", {**asked, "since": "2min", "limit": 200})


@traces_app.command(epilog="Example:  ktlo traces show 4bf92f3577b34da6a3ce929d0e0e4736")
def show(
    trace: Annotated[str, typer.Argument(help="The trace's 32 hexadecimal digits.")],
    most: Annotated[int, typer.Option(help="Most spans to print.", min=1, max=20_000)] = 500,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """One trace as a waterfall: errors red, the critical path in bold."""
    from urllib.parse import quote

    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json
    from ktlo.cli.waterfall import waterfall

    with connect(data, config) as client:
        found = client.get(f"/traces/{quote(trace.strip(), safe='')}")
    if as_json:
        print_json(found)
        return
    for line in waterfall(found, console.width, most):
        console.print(line, no_wrap=True, overflow="ellipsis", crop=True)


def _show(found: list[dict[str, Any]]) -> None:
    from ktlo.cli.output import notes, print_table
    from ktlo.cli.waterfall import duration

    if not found:
        notes.print("no trace is like that in this stretch; leave a condition out, or give a longer --since")
        return
    print_table(
        ("began (UTC)", "took", "service", "operation", "spans", "errors", "trace"),
        [
            (
                _moment(one), duration(one["duration_ns"]), one["root_service"] or "(root not here)",
                one["root_name"], one["spans"], one["errors"], one["trace_id"],
            )
            for one in found
        ],
    )  # fmt: skip


def _print_line(one: dict[str, Any], *, as_json: bool) -> None:
    import json

    from ktlo.cli.waterfall import duration
    from ktlo.errors import printable

    if as_json:
        print(json.dumps(one, ensure_ascii=False), flush=True)
        return
    failed = f"  {counted(one['errors'], 'errors')}" if one["errors"] else ""
    said = f"{one['root_service']} {one['root_name']}".strip()
    spans = f"{counted(one['spans'], 'spans')}{failed}"
    line = f"{_moment(one)}  {duration(one['duration_ns']):>9}  {said}  {spans}  {one['trace_id']}"
    print(printable(line), flush=True)


def _moment(one: dict[str, Any]) -> str:
    return str(one["started_at"]).replace("T", " ")[:23].rstrip("Z")
