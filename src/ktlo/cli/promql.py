"""``ktlo promql``: PromQL over the metrics that services reported."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:  ktlo promql 'sum by (job) (rate(http_server_request_duration_seconds_count[5m]))'"
        "  ·  ktlo promql up --from 6h --step 5m --json  ·  ktlo promql --at 2026-05-01T12:00:00Z up",
    )(promql)


def promql(
    expression: Annotated[str, typer.Argument(help="PromQL; - reads it from standard input.")],
    at: Annotated[
        str, typer.Option(help="One moment: an instant or an age; now when no range is asked.")
    ] = "",
    from_: Annotated[
        str, typer.Option("--from", help="Start of a range: 15min, 1h, 7d, a date, an instant.")
    ] = "",
    to: Annotated[str, typer.Option(help="End of the range; now when not given.")] = "",
    step: Annotated[str, typer.Option(help="Between the steps of the range: 15s, 1m, 1h.")] = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Ask the metrics of services in PromQL, at one moment or over a range."""
    import sys

    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table
    from ktlo.errors import UsageError

    if at and (from_ or to or step):
        raise UsageError(
            "--at asks for one moment, --from, --to and --step for a range", fix="Give one of the two"
        )
    text = sys.stdin.read() if expression == "-" else expression
    is_range = bool(from_ or to or step)
    asked = {
        "q": text,
        "since": from_,
        "until": to or at,
        "step": step,
        "instant": "" if is_range else "true",
    }
    with connect(data, config) as client:
        answer = client.get("/promql", asked)
    if as_json:
        print_json(answer)
        return
    if answer["text"]:
        console.print(answer["text"], markup=False)
        return
    if not answer["series"]:
        for each in answer["unknown"]:
            near = f" Near: {', '.join(each['near'])}." if each["near"] else ""
            console.print(f"There is no metric {each['name']}.{near}", markup=False)
        if not answer["unknown"]:
            console.print("Nothing has this value in this stretch.")
        return
    rows = [row for series in answer["series"] for row in _rows(series, answer["times"], is_range=is_range)]
    print_table(("series", "at", "value") if is_range else ("series", "value"), rows)


def _rows(series: Any, times: list[str], *, is_range: bool) -> list[tuple[Any, ...]]:
    from ktlo.telemetry.promql.labels import labels_of, written

    name = written(labels_of(series["labels"]))
    if not is_range:
        return [(name, "not finite" if series["values"][-1] is None else series["values"][-1])]
    return [(name, at, value) for at, value in zip(times, series["values"], strict=True) if value is not None]
