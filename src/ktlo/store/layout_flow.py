"""Streamed tables of an earlier layout: which skipping indexes they lack, and which flows have to be made anew.

An index is known by its name: one whose expression changes gets another name, and the old one leaves. Rows that are
there already get a new index when they are next merged; until then they are read without it. Flows and the tables that
they begin at hold no rows, so all of them are made anew when the layout changed: nothing is lost, for telemetry is
loaded only after the layout stands.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ktlo.store import ddl, streams

MATERIALIZED = "MaterializedView"


def index_changes(noun: str, there: Collection[str], place: ddl.Place) -> list[str]:
    """Statements that give a streamed table its indexes.

    Args:
        noun: whose table.
        there: names of the indexes that it has.
        place: the database.
    """
    made = streams.PHYSICAL[noun]
    table = f"{place.database}.`{ddl.local_name(made.name, place)}`{place.on_cluster}"
    wanted = {index.split(" ", 1)[0]: index for index in made.indexes}
    gone = [name for name in sorted(there) if name not in wanted]
    return [
        *(f"ALTER TABLE {table} DROP INDEX IF EXISTS {name}" for name in gone),
        *(
            f"ALTER TABLE {table} ADD INDEX IF NOT EXISTS {index}"
            for name, index in wanted.items()
            if name not in there
        ),
    ]


def flow_removals(engines: Mapping[str, str], place: ddl.Place) -> list[str]:
    """Statements that remove ktlo's flows, of whatever version, and the tables that keep nothing.

    A flow is called by what it begins at and what it fills, ``spans_to_call_ends``; a view of a person's own stays.

    Args:
        engines: of the tables and views that are there, by name.
        place: the database.
    """
    passing = {way.table for signal in streams.SIGNALS for way in signal.incoming}
    passing |= {between.table for signal in streams.SIGNALS for between in signal.passing}
    # First the ways in: what still loads is refused and comes again, instead of passing by the flows.
    named = [name for name, engine in engines.items() if engine == "Null" and name in passing]
    begins = passing | set(streams.PHYSICAL) | {made.name for made in streams.PHYSICAL.values()}
    named += [
        name
        for name, engine in engines.items()
        if engine == MATERIALIZED and "_to_" in name and name.partition("_to_")[0] in begins
    ]
    return [f"DROP TABLE IF EXISTS {place.database}.`{name}`{place.on_cluster} SYNC" for name in named]
