"""``ktlo telemetry``: where telemetry is received, what came, what was turned away and why, where it is sent on."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.wording import counted


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Examples:  ktlo telemetry  ·  ktlo telemetry --senders  ·  ktlo telemetry --json")(
        telemetry
    )


def telemetry(
    senders: Annotated[bool, typer.Option("--senders", help="Also by service: items a minute.")] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """The receivers of the ktlo that runs: doors, signals, rates, and what was rejected and why."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, notes, print_json, print_table
    from ktlo.errors import printable

    with connect(data, config) as client:
        state = client.get("/telemetry")
        forwards = client.get("/telemetry/forwards")
    if as_json:
        print_json({**state, "forwards": forwards})
        return
    if not state["receiving"]:
        notes.print(
            "nothing is received: start `ktlo up`, or see telemetry.receive in ktlo.yaml", markup=False
        )
    if state["doors"]:
        print_table(
            ("door", "address", "requests", "refused"),
            [
                (
                    one["protocol"],
                    one["address"] or f"closed: {one['problem']}",
                    one["requests"],
                    sum(one["refused"].values()),
                )
                for one in state["doors"]
            ],
        )  # fmt: skip
    print_table(
        ("signal", "stored", "newest (UTC)", "came", "a minute", "rejected", "told to wait", "waiting, bytes"),
        [
            (
                one["signal"], one["stored"], _moment(one["newest"]), one["items"], _rate(one),
                sum(one["rejected"].values()), one["shed"], one["waiting_bytes"],
            )
            for one in state["signals"]
        ],
    )  # fmt: skip
    for said in _turned_away(state):
        console.print(printable(said), markup=False)
    if senders:
        print_table(
            ("signal", "service", "items in an hour", "last minute", "rejected"),
            [
                (
                    one["signal"],
                    sender["service"],
                    sender["items"],
                    _last(sender["by_minute"]),
                    sender["rejected"],
                )
                for one in state["signals"]
                for sender in one["senders"]
            ],
        )
    if forwards:
        print_table(
            ("sent on to", "signal", "sent", "waiting, bytes", "refused", "dropped", "problem"),
            [
                (
                    one["target"], one["signal"], one["sent"], one["waiting_bytes"],
                    sum(one["refused"].values()), one["dropped"], one["problem"],
                )
                for one in forwards
            ],
        )  # fmt: skip


def _last(by_minute: list[int]) -> int:
    """The last whole minute."""
    return by_minute[-2] if len(by_minute) > 1 else sum(by_minute)


def _rate(signal: dict[str, Any]) -> int:
    return sum(_last(sender["by_minute"]) for sender in signal["senders"])


def _turned_away(state: dict[str, Any]) -> list[str]:
    lines = [
        f"{one['protocol']}: {counted(number, 'requests')} refused: {reason}"
        for one in state["doors"]
        for reason, number in one["refused"].items()
    ]
    for one in state["signals"]:
        for said, numbers in (
            ("rejected", one["rejected"]),
            ("kept without something", one["warned"]),
            ("requests not read", one["malformed"]),
        ):
            lines += [f"{one['signal']}: {number} {said}: {reason}" for reason, number in numbers.items()]
        if one["no_room"]:
            lines.append(f"{one['signal']}: requests are told to come again: {one['no_room']}")
        if one["last_error"]:
            lines.append(f"{one['signal']}: the store does not take what was received: {one['last_error']}")
    return lines


def _moment(text: str | None) -> str:
    return (text or "").replace("T", " ")[:19]
