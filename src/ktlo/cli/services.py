"""``ktlo services``: how services do, what their last deployment changed, and one service in full."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.wording import counted

Since = Annotated[str, typer.Option(help="15min, 1h, 7d before the end, a date or an instant.")]
Until = Annotated[str, typer.Option(help="End; now when empty.", show_default=False)]
Environment = Annotated[str, typer.Option(help="Only this environment.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:  ktlo services  ·  ktlo services checkout --since 6h"
        "  ·  ktlo services --environment production --json",
    )(services)


def services(
    name: Annotated[str, typer.Argument(help="One service in full; empty lists them.")] = "",
    since: Since = "1h",
    until: Until = "",
    environment: Environment = "",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show services by rate, errors, duration and Apdex, or one with its operations, neighbours and instances."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table

    asked = {"since": since, "until": until, "environment": environment}
    with connect(data, config) as client:
        found = (
            client.get("/services/service", {**asked, "name": name})
            if name
            else client.get("/services", asked)
        )
    if as_json:
        print_json(found)
    elif name:
        _print_one(found)
    elif found:
        print_table(
            ("service", "calls", "a minute", "errors", "p95", "Apdex", "version", "since the last deployment"),
            [
                (
                    one["service"], one["red"]["calls"], often(one["red"]), failed(one["red"]),
                    lasts(one["red"]["p95_ns"]),
                    _apdex(one["apdex"]), ", ".join(one["versions"]), _since(one["since"]),
                )
                for one in found
            ],
        )  # fmt: skip
    else:
        console.print(
            "No service reported anything in this stretch; --since 7d looks further back.", markup=False
        )


def per_minute(red: dict[str, Any]) -> str:
    """Calls a minute, in words."""
    from ktlo.report.charts import Unit, written

    return written(red["per_minute"], Unit())


def often(red: dict[str, Any]) -> str:
    """Calls a minute, and over what where that is not the whole stretch."""
    from ktlo.report.charts import SECONDS, written

    said = per_minute(red)
    if red["observed_since"] == "stretch":
        return said
    whose = "its first record" if red["observed_since"] == "first_record" else "the store's first record"
    return f"{said} ({written(red['observed_seconds'], SECONDS)}, since {whose})"


def failed(red: dict[str, Any]) -> str:
    """Share of failed calls, in words."""
    from ktlo.report.charts import SHARE, written

    return written(red["errors"] / red["calls"], SHARE) if red["calls"] else ""


def lasts(nanoseconds: float | None) -> str:
    """A duration, in words."""
    from ktlo.report.charts import SECONDS, written

    return "" if nanoseconds is None else written(nanoseconds / 1e9, SECONDS)


def _apdex(said: dict[str, Any] | None) -> str:
    return f"{said['value']:.2f} ({said['low']:.2f} to {said['high']:.2f})" if said else ""


def _since(said: dict[str, Any] | None) -> str:
    if said is None:
        return ""
    if said["changes"] is None:
        return f"{said['deployment']['version']}: too fresh to tell"
    worse = [f"{one['measure']} of {one['name']}" for one in said["changes"] if one["is_worse"]]
    told = (
        f"worse: {', '.join(worse[:3])}"
        if worse
        else f"{counted(len(said['changes']), 'changes')}, none worse"
    )
    return f"{said['deployment']['version']}: {told}"


def _print_one(one: dict[str, Any]) -> None:
    from ktlo.cli.output import console, print_table

    deployed = _since(one["since"]) or "no deployment of late"
    console.print(
        f"{one['service']}: {counted(one['red']['calls'], 'calls')}, {often(one['red'])} a minute,"
        f" {failed(one['red'])} failed, p95 {lasts(one['red']['p95_ns'])}, Apdex {_apdex(one['apdex'])}, {deployed}",
        markup=False,
    )
    print_table(
        ("operation", "kind", "calls", "a minute", "errors", "p95"),
        [
            (
                each["name"],
                each["kind"],
                each["red"]["calls"],
                per_minute(each["red"]),
                failed(each["red"]),
                lasts(each["red"]["p95_ns"]),
            )
            for each in one["operations"]
        ],
    )
    edges = [("calls", e["server"], e) for e in one["calls"]] + [
        ("called by", e["client"], e) for e in one["callers"]
    ]
    if edges:
        print_table(
            ("", "what", "kind", "calls", "a minute", "errors", "p95"),
            [
                (
                    way,
                    other["name"],
                    other["kind"],
                    e["red"]["calls"],
                    per_minute(e["red"]),
                    failed(e["red"]),
                    lasts(e["red"]["p95_ns"]),
                )
                for way, other, e in edges
            ],
        )
    if one["instances"]:
        print_table(
            ("instance", "version", "calls", "errors", "last seen"),
            [
                (
                    each["instance"],
                    each["version"],
                    each["red"]["calls"],
                    failed(each["red"]),
                    each["last_minute"],
                )
                for each in one["instances"]
            ],
        )
