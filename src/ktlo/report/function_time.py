"""Where the time of functions goes as a flame graph, and what never ran, as something to read."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ktlo.report.charts import (
    COUNT,
    SHARE,
    Box,
    Flame,
    Head,
    Heading,
    Row,
    Table,
    written,
)
from ktlo.report.functions import View
from ktlo.report.pieces import Answer, Known
from ktlo.report.service_page import Listing
from ktlo.report.services import Href, seconds_words, stretch_text
from ktlo.telemetry.coverage import NeverRan, Unrun, Watched
from ktlo.telemetry.function_graph import Frame
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.unused import ASKED_FOR
from ktlo.wording import counted


def flame_view(root: Frame, at: Frame, of: Interval, service: str, route: str, href: Href) -> View:
    """The flame graph, opened at a frame."""

    def box(frame: Frame) -> Box:
        leads = href(
            "/functions/flame", {"service": service, "route": route, "at": json.dumps(list(frame.path))}
        )
        return Box(
            frame.path, frame.total_ns / 1e9, frame.self_ns / 1e9, tuple(map(box, frame.children)), leads
        )

    what = f"{service}, {route}" if route else service
    said = "No self time was reported"
    if root.total_ns:
        widest = max(at.children, key=lambda one: one.total_ns, default=None)
        said = f"{seconds_words(at.total_ns)} of self time in {at.name or what}"
        if widest is not None:
            said += (
                f", {written(widest.total_ns / at.total_ns, SHARE)} of it in {widest.name} and what it calls"
            )
    chart = Flame(
        Head(
            "flame",
            f"Self time of {what}",
            "Boxes are as wide as the time in them and below; callers are above.",
        ),
        box(at),
        what or "everything",
    )
    known = Known(
        definition="Self time of every counted function, divided among its callers by their calls: whole stacks are"
        " not recorded, so every call is taken to cost the function's mean (gprof: Graham, Kessler and McKusick, 1982)."
        " A recursive call stays where it was first entered.",
        sample=f"{seconds_words(root.total_ns)} of self time, {stretch_text(of)}",
        freshness="reported every ten seconds",
        missing=("Functions told by spans: their self time is not measured.",),
        source="Gregg, The Flame Graph, CACM 2016, 59:6",
    )
    return View(
        Answer(f"Where does the time of {what or 'the services'} go?", said, change=stretch_text(of)),
        (chart,) if root.total_ns else (),
        (),
        known,
        is_empty=not root.total_ns,
    )


def never_view(
    versions: Sequence[Watched],
    asked: Watched | None,
    never: Sequence[NeverRan],
    lines: Sequence[Unrun],
    href: Href,
) -> View:
    """What never ran in a version."""
    said, change = "No service tells which functions ran", "turn coverage on in ktlo-instrument"
    if asked is not None:
        share = asked.never / asked.functions if asked.functions else None
        said = (
            f"{written(asked.never, COUNT)} of {counted(asked.functions, 'functions')} of {asked.service}"
            f" {asked.version[:12]} never ran ({written(share, SHARE)})"
        )
        change = _watched_when(asked)
        if not asked.is_enough:
            change += f"; not for long enough to call anything unused: {_watch(asked)}"
    listings = []
    if asked is not None:
        rows = tuple(Row((one.function, one.path, one.line)) for one in never)
        listings.append(
            Listing(
                "never", "Functions that never ran",
                Table((Heading("Function"), Heading("File"), Heading("Line", COUNT)), rows), "Every function ran.",
            )
        )  # fmt: skip
        of_lines = tuple(Row((one.path, one.lines, _ranges(one.ranges), one.processes)) for one in lines)
        if of_lines:
            headings = (
                Heading("File"),
                Heading("Lines", COUNT),
                Heading("Which"),
                Heading("Processes", COUNT),
            )
            listings.append(Listing("lines", "Lines that never ran", Table(headings, of_lines), ""))
        told = tuple(
            Row(
                (
                    one.service, one.version[:12], one.environment, one.functions, one.never,
                    one.since if one.since <= one.last_at else _CLOCK, one.last_at,
                    "yes" if one.is_enough else "no",
                ),
                href(
                    "/functions/never",
                    {"service": one.service, "version": one.version, "environment": one.environment},
                ),
            )
            for one in versions
        )  # fmt: skip
        of_version = (
            Heading("Service"), Heading("Version"), Heading("Environment"), Heading("Functions", COUNT),
            Heading("Never ran", COUNT), Heading("Watched from"), Heading("to"),
            Heading("Long enough"),
        )  # fmt: skip
        listings.append(Listing("versions", "Versions that were watched", Table(of_version, told), ""))
    known = Known(
        definition="A function never ran when no process of the version that tells of coverage has run it since it"
        " began to look. A line likewise, in processes that tell of lines.",
        sample=f"{counted(len(versions), 'versions')} watched",
        freshness="to the processes' last report of coverage or of calls",
        missing=(
            "Packages of which no process loaded a module, and files above 128 KiB that none loaded.",
            "What runs once a month has not run in a day: see the time watched.",
        ),
        source="ktlo.function.coverage, docs/functions.md",
    )
    return View(
        Answer("What never runs?", said, change=change), (), tuple(listings), known, is_empty=asked is None
    )


_CLOCK = "not known: a clock was wrong"


def _watched_when(one: Watched) -> str:
    """From when to when, by the clocks of its processes; where these contradict each other, that they do."""
    until = f"{one.last_at:%d %b %Y %H:%M} UTC"
    if one.since <= one.last_at:
        return f"watched from {one.since:%d %b %Y %H:%M} to {until}"
    return f"watched until {until}; since when is {_CLOCK} (it said {one.since:%d %b %Y %H:%M} UTC)"


def _watch(one: Watched) -> str:
    """How a version was watched, and what debt asks for."""
    return (
        f"{counted(one.days, 'days')} with calls, {counted(one.processes, 'processes')} and"
        f" {counted(one.calls, 'calls')}; {ASKED_FOR}"
    )


def _ranges(ranges: Sequence[tuple[int, int]], most: int = 12) -> str:
    said = ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in ranges[:most])
    return f"{said} and {len(ranges) - most} more" if len(ranges) > most else said
