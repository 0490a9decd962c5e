"""What ktlo measures of itself: receivers, forwarding, the engine, the process. Read when the SDK asks, every 30 s.

Names: OpenTelemetry semantic conventions for ``process.*``; ``ktlo.*`` where there are none. Figures of receivers are
counters since the process began, those of the Telemetry page; items with the outcome ``own`` are ktlo's own telemetry.
"""

from __future__ import annotations

import datetime as dt
import os
import resource
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from ktlo.errors import StoreError
from ktlo.server.receiving import Receiving
from ktlo.store.protocol import Store
from ktlo.telemetry.engine_size import engine_size
from ktlo.telemetry.sprawl import names_within

Told = Mapping[str, str]
Read = Callable[[], Iterable[tuple[float, Told]]]


def observe(meter: Meter, receiving: Receiving, store: Store, folder: Path) -> None:
    """Make every instrument.

    Args:
        meter: of the SDK.
        receiving: whose intakes and collectors are read.
        store: asked for its size; one that is not watched.
        folder: of the data, whose disk is measured.
    """
    _observe_receivers(meter, receiving)
    _observe_forwarding(meter, receiving)
    _observe_engine(meter, store)
    _observe_names(meter, store)
    _observe_process(meter, folder)


def _callback(read: Read) -> Callable[[CallbackOptions], Iterable[Observation]]:
    """A callback of the SDK; what cannot be read now is left out of this round."""

    def observed(_: CallbackOptions) -> Iterable[Observation]:
        try:
            return [Observation(value, dict(told)) for value, told in read()]
        except (StoreError, OSError):
            return []

    return observed


def _observe_receivers(meter: Meter, receiving: Receiving) -> None:
    def items() -> Iterable[tuple[float, Told]]:
        for intake in receiving.intakes:
            tally = intake.tally
            for outcome, number in (
                ("kept", tally.items - tally.own),
                ("own", tally.own),
                ("rejected", sum(tally.rejected.values())),
            ):
                yield number, {"signal": intake.name, "outcome": outcome}

    def requests() -> Iterable[tuple[float, Told]]:
        for intake in receiving.intakes:
            tally = intake.tally
            for outcome, number in (
                ("acknowledged", tally.requests),
                ("resent", tally.resent),
                ("shed", tally.shed),
                ("malformed", sum(tally.malformed.values())),
            ):
                yield number, {"signal": intake.name, "outcome": outcome}

    meter.create_observable_counter(
        "ktlo.receiver.items", [_callback(items)], "{item}", "Spans, log records and data points received."
    )
    meter.create_observable_counter(
        "ktlo.receiver.requests", [_callback(requests)], "{request}", "Requests to the receivers."
    )
    for name, unit, words, value in (
        ("fsync.time", "s", "Seconds spent in making requests durable.", lambda one: one.synced.seconds),
        ("fsyncs", "{fsync}", "Times that requests were made durable.", lambda one: one.synced.times),
        (
            "load.time",
            "s",
            "Seconds in which the store took what was received.",
            lambda one: one.tally.load_seconds,
        ),
        ("loads", "{load}", "Segments that the store has taken.", lambda one: one.tally.stored),
    ):
        meter.create_observable_counter(
            f"ktlo.receiver.{name}",
            [
                _callback(
                    lambda value=value: [(value(one), {"signal": one.name}) for one in receiving.intakes]  # type: ignore[misc]
                )
            ],
            unit,
            words,
        )
    meter.create_observable_up_down_counter(
        "ktlo.receiver.spool.size",
        [_callback(lambda: [(one.waiting, {"signal": one.name}) for one in receiving.intakes])],
        "By",
        "Bytes on disk that the store does not have yet.",
    )


def _observe_forwarding(meter: Meter, receiving: Receiving) -> None:
    if not receiving.forwarding.states():
        return
    meter.create_observable_counter(
        "ktlo.forward.requests",
        [
            _callback(
                lambda: [
                    (number, {"target": one.target, "signal": one.signal, "outcome": outcome})
                    for one in receiving.forwarding.states()
                    for outcome, number in (
                        ("sent", one.sent),
                        ("refused", sum(one.refused.values())),
                        ("dropped", one.dropped),
                    )
                ]
            )
        ],
        "{request}",
        "Requests sent on to other collectors.",
    )
    meter.create_observable_up_down_counter(
        "ktlo.forward.waiting.size",
        [
            _callback(
                lambda: [
                    (one.waiting_bytes, {"target": one.target, "signal": one.signal})
                    for one in receiving.forwarding.states()
                ]
            )
        ],
        "By",
        "Bytes that wait to be sent on.",
    )


def _observe_engine(meter: Meter, store: Store) -> None:
    for name, unit, words, value in (
        ("rows", "{row}", "Rows of the store.", lambda one: one.rows),
        ("parts", "{part}", "Parts that the engine keeps them in.", lambda one: one.parts),
        ("size", "By", "Bytes of the store on disk.", lambda one: one.bytes),
    ):
        meter.create_observable_gauge(
            f"ktlo.store.{name}",
            [
                _callback(
                    lambda value=value: [(value(one), {"table": one.table}) for one in engine_size(store)]  # type: ignore[misc]
                )
            ],
            unit,
            words,
        )


def _observe_names(meter: Meter, store: Store) -> None:
    meter.create_observable_gauge(
        "ktlo.receiver.services",
        [_callback(lambda: [(names_within(store, dt.datetime.now(dt.UTC)), {})])],
        "{service}",
        "Different names of services that reported within a day.",
    )


def _observe_process(meter: Meter, folder: Path) -> None:
    def times() -> Iterable[tuple[float, Told]]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return ((used.ru_utime, {"cpu.mode": "user"}), (used.ru_stime, {"cpu.mode": "system"}))

    meter.create_observable_counter(
        "process.cpu.time", [_callback(times)], "s", "CPU seconds of the process by mode."
    )
    gauges: tuple[tuple[str, str, str, Callable[[], float]], ...] = (
        ("process.memory.usage", "By", "Physical memory in use.", _resident),
        (
            "process.thread.count",
            "{thread}",
            "Threads of the process.",
            _threads,
        ),
        ("process.unix.file_descriptor.count", "{file_descriptor}", "Descriptors in use.", _descriptors),
        ("ktlo.disk.free", "By", "Free bytes of the disk that holds the data folder.", lambda: _free(folder)),
    )
    for name, unit, words, read in gauges:
        meter.create_observable_up_down_counter(
            name,
            [_callback(lambda read=read: [(read(), {})])],  # type: ignore[misc]
            unit,
            words,
        )


def _resident() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        # No /proc (macOS): the most it ever was, which macOS gives in bytes.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * os.sysconf("SC_PAGE_SIZE")


def _threads() -> float:
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return threading.active_count()


def _descriptors() -> float:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def _free(folder: Path) -> float:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
