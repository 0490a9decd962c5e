"""What production says of the hotspots, as listings of their page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ktlo.planning.hot_files import DEFINITION, HotFile, HotFiles
from ktlo.report.charts import COUNT, SECONDS, SHARE, Heading, Row, Table, unit_named, written
from ktlo.report.charts.calendar_ticks import minute_label
from ktlo.report.sections import Links, Listing
from ktlo.wording import counted, named

_LISTED = 40
_SAID = 3
_LEVELS = unit_named("levels")


def in_production(told: HotFiles, links: Links) -> list[Listing]:
    """Files that were observed by their product, and what was matched to no file; none where nothing ran."""
    if told.production.first is None:
        return []
    found = [_files(told, links)]
    if told.production.not_matched:
        found.append(_not_matched(told))
    return found


def said_of(told: HotFiles) -> Mapping[tuple[str, str], str]:
    """What production says of each file, in a few words, by repository and path."""
    return {(one.repository, one.path): _words(one) for one in told.files}


def _words(one: HotFile) -> str:
    if one.ran is None:
        return "not observed"
    raised = f"{written(one.ran.errors, COUNT)} raised" if one.ran.errors else "none raised"
    calls = f"{written(one.ran.calls, COUNT)} {named(one.ran.calls, 'calls')}"
    return f"{calls}, {raised}, {written(one.ran.seconds, SECONDS)}"


def _files(told: HotFiles, links: Links) -> Listing:
    rows = []
    for one in told.observed[:_LISTED]:
        if one.ran is None:
            continue
        hottest = one.ran.functions[0]
        href = links.page(
            "functions/function", {"service": hottest.service, "name": hottest.name, "since": "7d"}
        )
        rows.append(
            Row(
                (
                    one.path, one.repository, one.share, one.commits, one.complexity, one.ran.calls, one.ran.errors,
                    one.ran.seconds, hottest.name, "every call" if one.ran.is_measured else "sampled spans",
                ),
                href,
            )
        )  # fmt: skip
    headings = (
        Heading("File"), Heading("Repository"), Heading("Of all products", SHARE), Heading("Commits", COUNT),
        Heading("Complexity", _LEVELS), Heading("Calls", COUNT), Heading("Errors", COUNT),
        Heading("Time", SECONDS), Heading("Most time in"), Heading("Counted"),
    )  # fmt: skip
    note = f"{DEFINITION} {_observed_words(told)}"
    table = Table(headings, tuple(rows))
    if len({one.repository for one in told.files}) == 1:
        table = table.without("Repository")
    return Listing("in-production", "Hot in production too", table, note)


def _observed_words(told: HotFiles) -> str:
    """``Observed: 3 of 12 changed files, 19 Nov 2026 10:00 to …; not observed: 9 (no function …)``."""
    ran = told.production
    said = f"Observed: {len(told.observed):,} of {counted(len(told.files), 'changed files')}"
    if ran.first is not None and ran.last is not None:
        said += f", {minute_label(ran.first)} to {minute_label(ran.last)}"
    reasons = Counter(one.reason for one in told.files if one.ran is None)
    if reasons:
        said += "; not observed: " + "; ".join(f"{n:,} ({reason})" for reason, n in reasons.most_common(4))
    for service, repository in ran.inferred[:_SAID]:
        said += (
            f". That {service} is {repository} is inferred: it alone has the commits that ran, and the catalogue names"
            " none"
        )
    return f"{said}."


def _not_matched(told: HotFiles) -> Listing:
    rows = tuple(
        Row((one.service, one.reason, one.functions, one.calls, one.seconds, ", ".join(one.examples)))
        for one in told.production.not_matched[:_LISTED]
    )
    headings = (
        Heading("Service"), Heading("Why"), Heading("Functions", COUNT), Heading("Calls", COUNT),
        Heading("Time", SECONDS), Heading("Files as the service names them"),
    )  # fmt: skip
    note = "What ran and is in no row above. The catalogue says which service is which repository."
    return Listing("not-matched", "Matched to no file", Table(headings, rows), note)
