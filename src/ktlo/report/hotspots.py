"""Where maintenance effort gathers: files, coupling, knowledge, and indicators of debt."""

from __future__ import annotations

from typing import Any

from ktlo.metrics.ask import fetch
from ktlo.metrics.coupled import coupled_files
from ktlo.metrics.question import Question
from ktlo.metrics.registry import definition
from ktlo.planning.hot_files import HotFiles, joined
from ktlo.report.charts import (
    COUNT,
    SHARE,
    Dot,
    Head,
    Heading,
    Measure,
    Row,
    Scatter,
    Table,
    Tile,
    Treemap,
    unit_named,
    written,
)
from ktlo.report.hot_production import in_production, said_of
from ktlo.report.pieces import Answer, Nothing
from ktlo.report.sections import Asking, Figure, Links, Listing, Section, sample_text
from ktlo.store.protocol import Queryable
from ktlo.telemetry.production import LONGEST, production
from ktlo.wording import counted

_DRAWN = 150
_LISTED = 40
_REPOSITORIES = 3
_LINES = unit_named("lines")
_LEVELS = unit_named("levels")


def hotspots(store: Queryable, question: Question, links: Links) -> Section:
    """Answer where maintenance effort gathers."""
    asking = Asking(store, question, links)
    defined = definition("hotspots")
    found = asking.answer("hotspots").figures[0].statistics
    files = found["files"]
    every = fetch(asking.store, defined, asking.narrowed("hotspots")).table.to_pylist()
    rows = every[:_DRAWN]
    told = joined(every, production(store, question.now - LONGEST, question.now))
    nothing = None
    if not rows:
        nothing = Nothing(
            "No source file changed in this period",
            "Hotspots need a repository's history.",
            command="ktlo sources add git PATH",
            button="Show the whole period",
            href=links.page("hotspots", {"from": "all", "to": ""}),
        )
    said = (
        f"{written(files.value, COUNT)} of {counted(files.n, 'changed source files')}"
        f" {'carries' if files.value == 1 else 'carry'} half of the maintenance risk"
        if files.value is not None
        else f"Hotspots are not estimable: {files.reason}"
    )
    return Section(
        key="hotspots",
        title="Hotspots",
        answer=Answer("Where does maintenance effort gather?", said),
        cards=(
            asking.card("hotspots", "Files with half of the risk"),
            asking.card("single_author_files"),
            asking.card("complexity_trend"),
            asking.card("marker_age", "Age of to-dos, median"),
            asking.card("dependency_age", "Age of dependency lines, median"),
        ),
        figures=() if nothing else (_scatter(asking, rows), _treemap(asking, rows)),
        listings=()
        if nothing
        else (_files(asking, rows, told), *in_production(told, links), *_coupling(asking, rows)),
        known=asking.known(
            "hotspots",
            sample_text(files, "source files changed in the period"),
            (
                "Changes made under a file's earlier name; generated, vendored, test and documentation files.",
                "Complexity is that of the newest collected commit, measured by indentation.",
            ),
        ),
        nothing=nothing,
    )


def _scatter(asking: Asking, rows: list[dict[str, Any]]) -> Figure:
    largest = max(row["score"] for row in rows) or 1.0
    dots = tuple(
        Dot(
            row["path"],
            float(row["revisions"]),
            max(float(row["complexity"]), 1.0),
            float(row["lines"]) or 1.0,
            float(row["score"]) / largest,
            _file_link(asking, row),
        )
        for row in rows
    )
    return Figure(
        Scatter(
            Head(
                "hotspots",
                "Files by change frequency and complexity",
                "Upper right: complicated and often changed. Area is lines; heat is the product.",
            ),
            dots,
            Measure("Commits in the period"),
            Measure("Complexity", _LEVELS),
            Measure("Lines", _LINES),
            Measure("Score relative to the highest", SHARE),
        ),
        definition("hotspots").definition,
        asking.links.data("hotspots", {}, "csv"),
        asking.links.data("hotspots", {}, "json"),
    )


def _treemap(asking: Asking, rows: list[dict[str, Any]]) -> Figure:
    several = len({row["repository"] for row in rows}) > 1
    tiles = tuple(
        Tile(
            f"{row['repository']}/{row['path']}" if several else row["path"],
            max(float(row["complexity"]), 1.0),
            float(row["revisions"]),
            _file_link(asking, row),
        )
        for row in rows
    )
    return Figure(
        Treemap(
            Head(
                "hotspot-map",
                "The hottest files in their folders",
                "Area is complexity, heat is commits in the period.",
            ),
            tiles,
            Measure("Complexity", _LEVELS),
            Measure("Commits in the period"),
        ),
        f"Area is complexity, heat is commits in the period; the {_DRAWN} files with the highest score.",
        asking.links.data("hotspots", {}, "csv"),
        asking.links.data("hotspots", {}, "json"),
    )


def _file_link(asking: Asking, row: dict[str, Any]) -> str:
    return asking.links.rows("hotspots", {"repository": str(row["repository"])})


def _files(asking: Asking, rows: list[dict[str, Any]], told: HotFiles) -> Listing:
    said = said_of(told) if told.production.first is not None else {}
    table = Table(
        (
            Heading("File"),
            Heading("Repository"),
            Heading("Commits", COUNT),
            Heading("Bug fixes", COUNT),
            Heading("Complexity", _LEVELS),
            Heading("Lines", _LINES),
            Heading("Authors", COUNT),
            Heading("Main author's share", SHARE),
            Heading("In production"),
        ),
        tuple(
            Row(
                (
                    row["path"],
                    row["repository"],
                    row["revisions"],
                    row["bug_fixes"],
                    float(row["complexity"]),
                    row["lines"],
                    row["authors"],
                    float(row["main_author_share"]),
                    said.get((row["repository"], row["path"]), ""),
                )
            )
            for row in rows[:_LISTED]
        ),
    )
    return Listing(
        "files",
        "Hottest files",
        table if said else table.without("In production"),
        "Score is commits times complexity; a mending hour saves most at the top.",
        asking.links.data("hotspots", {}, "csv"),
    )


def _coupling(asking: Asking, rows: list[dict[str, Any]]) -> list[Listing]:
    listings: list[Listing] = []
    for repository in list(dict.fromkeys(row["repository"] for row in rows))[:_REPOSITORIES]:
        found = coupled_files(asking.store, asking.question, repository, 20)
        if not found.pairs:
            continue
        ignored = f"; {found.ignored:,} that touched more than 50 files are left out" if found.ignored else ""
        listings.append(
            Listing(
                f"coupling-{len(listings) + 1}",
                f"Files of {repository} that change together",
                Table(
                    (
                        Heading("File"),
                        Heading("Changes with"),
                        Heading("Commits with both", COUNT),
                        Heading("Of their commits", SHARE),
                    ),
                    tuple(Row((pair.first, pair.second, pair.shared, pair.degree)) for pair in found.pairs),
                ),
                f"{counted(found.found, 'pairs')} in {counted(found.commits, 'commits')}{ignored}. Far apart"
                " and coupled means a hidden"
                " dependency.",
            )
        )
    return listings
