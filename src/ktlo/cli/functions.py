"""``ktlo functions``: which functions ran, how often and how long; one in full; what never ran."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.wording import counted


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:  ktlo functions  ·  ktlo functions --service shop --route '/cart' --sort p95"
        "  ·  ktlo functions shop.pricing.price --service shop --since 1d"
        "  ·  ktlo functions --never --service shop --json",
    )(functions)


def functions(
    name: Annotated[str, typer.Argument(help="One function in full; empty lists them.")] = "",
    since: Annotated[str, typer.Option(help="15min, 1h, 7d before the end, a date or an instant.")] = "1h",
    until: Annotated[str, typer.Option(help="End; now when empty.", show_default=False)] = "",
    service: Annotated[str, typer.Option(help="Keep only this service.", show_default=False)] = "",
    version: Annotated[str, typer.Option(help="Keep only this version.", show_default=False)] = "",
    environment: Annotated[str, typer.Option(help="Keep only this environment.", show_default=False)] = "",
    route: Annotated[str, typer.Option(help="Keep only this route.", show_default=False)] = "",
    text: Annotated[str, typer.Option(help="Keep what has this in name or file.", show_default=False)] = "",
    failing: Annotated[bool, typer.Option("--failing", help="Keep only those that raised.")] = False,
    sort: Annotated[str, typer.Option(help="First: self, total, calls, errors, p95 or name.")] = "self",
    never: Annotated[bool, typer.Option("--never", help="What never ran since the deployment.")] = False,
    limit: Annotated[int, typer.Option(help="Most functions to print.", min=1, max=5000)] = 30,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show functions of services: calls, errors, durations, self time, and what the last deployment changed."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json
    from ktlo.errors import UsageError

    if never and name:
        raise UsageError("--never lists what did not run; a name shows what did", fix="Give one of them")
    kept = {"service": service, "version": version, "environment": environment}
    asked: dict[str, Any] = {**kept, "since": since, "until": until, "route": route}
    with connect(data, config) as client:
        if never:
            answer = client.get("/functions/never", {**kept, "q": text})
        elif name:
            answer = client.get("/functions/function", {**asked, "name": name})
        else:
            answer = client.get(
                "/functions", {**asked, "q": text, "failing": failing, "sort": sort, "limit": limit}
            )
    if as_json:
        print_json(answer)
    elif never:
        _print_never(answer, limit)
    elif name:
        _print_one(answer)
    elif answer:
        _print_list(answer)
    else:
        console.print(f"No function was reported in this stretch ({since}).", markup=False)


def lasts(nanoseconds: float | None) -> str:
    """``12 µs``; empty for what is not measured."""
    from ktlo.report.charts import SECONDS, written

    return "" if nanoseconds is None else written(nanoseconds / 1e9, SECONDS)


def _quantile(of: dict[str, Any] | None) -> str:
    return lasts(of["value"]) if of else ""


def _changed(one: dict[str, Any]) -> str:
    if one["changed"] is None:
        return ""
    return (
        ", ".join(each["measure"] + (" worse" if each["is_worse"] else "") for each in one["changed"])
        or "nothing"
    )


def _print_list(rows: list[dict[str, Any]]) -> None:
    from ktlo.cli.output import print_table
    from ktlo.report.charts import SHARE, written

    print_table(
        ("function", "service", "calls", "errors", "p50", "p95", "p99", "self", "share", "deployment changed"),
        [
            (
                one["name"], one["service"], one["calls"],
                " ".join(f"{kind} {count}" for kind, count in one["failed"].items()), _quantile(one["p50"]),
                _quantile(one["p95"]), _quantile(one["p99"]), lasts(one["self_ns"]),
                "" if one["self_share"] is None else written(one["self_share"], SHARE), _changed(one),
            )
            for one in rows
        ],
    )  # fmt: skip


def _print_one(answer: dict[str, Any]) -> None:
    from ktlo.cli.output import console, print_table

    one, source = answer["function"], answer["source"]
    lines = [f"{one['name']} of {one['service']}"]
    if source:
        at = f" at {source['commit'][:12]}" if source["commit"] else ""
        lines.append(f"{source['repository']}/{source['path']}:{source['line']}{at} {source['url']}".rstrip())
    elif one["path"]:
        lines.append(f"{one['path']}:{one['line']}")
    lines.append(
        f"{one['calls']} calls, {one['errors']} raised; p50 {_quantile(one['p50'])}, p95 {_quantile(one['p95'])},"
        f" p99 {_quantile(one['p99'])}"
    )
    for line in lines:
        console.print(line, markup=False, highlight=False)
    edges = [("called by", each["caller"], each["calls"]) for each in answer["callers"]]
    edges += [("calls", each["function"], each["calls"]) for each in answer["callees"]]
    if edges:
        print_table(("", "function", "calls"), [(way, of or "(not counted)", n) for way, of, n in edges])
    told = [*answer["failed_calls"], *answer["slowest"]]
    if told:
        print_table(
            ("when", "took", "arguments", "result", "trace"),
            [
                (
                    each["at"][:19].replace("T", " "), lasts(each["duration_ns"]), each["arguments"][:120],
                    (f"{each['error']}: {each['message']}" if each["error"] else each["result"])[:120],
                    each["trace_id"],
                )
                for each in told
            ],
        )  # fmt: skip
    if answer["changes"]:
        print_table(
            ("changed", "by", "commit", "what"),
            [
                (each["at"][:10], each["author"], each["sha"][:12], each["subject"])
                for each in answer["changes"]
            ],
        )


def _print_never(answer: dict[str, Any], limit: int) -> None:
    from ktlo.cli.output import console, print_table

    asked = answer["asked"]
    if asked is None:
        console.print("No service tells which functions ran.", markup=False)
        return
    console.print(
        f"{asked['never']} of {counted(asked['functions'], 'functions')} of {asked['service']}"
        f" {asked['version'][:12]} never ran"
        f" since {asked['since'][:16].replace('T', ' ')}",
        markup=False, highlight=False,
    )  # fmt: skip
    print_table(
        ("function", "file", "line"),
        [(one["function"], one["path"], one["line"]) for one in answer["functions"][:limit]],
    )
