"""The statements that make a store are ones that the engine's parser takes, on one machine and on a cluster."""

from __future__ import annotations

import pytest

from ktlo.records import TABLES
from ktlo.records.schema import Life
from ktlo.store import ddl, layout

PLACES = {"single": ddl.Place(), "cluster": ddl.Place("ktlo", "lights")}


def every_statement(place: ddl.Place) -> list[str]:
    made = layout.statements(place)
    for table in TABLES.values():
        made += ddl.add_column(table, place, "extra", "Nullable(String)")
        if table.life is Life.DERIVED:
            staging = f"{table.name}_next"
            made += ddl.create_table(table, place, name=staging)
            made += ddl.exchange(table.name, staging, place) + ddl.drop_table(staging, place)
    return made


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_the_engine_parses_every_statement(store, place):
    for statement in every_statement(place):
        printed = store.query("SELECT formatQuery({q:String}) AS q", {"q": statement})["q"][0].as_py()
        assert ("ON CLUSTER lights" in printed) == bool(place.cluster), statement


def test_on_a_cluster_rows_are_replicated_and_spread_by_their_key():
    log, front = ddl.create_table(TABLES["tags"], PLACES["cluster"])
    assert (
        "ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}/tags_log_local', '{replica}'" in log
    )
    assert (
        "Distributed('lights', 'ktlo', 'tags_log_local', cityHash64(`source`, `repository`, `name`))" in front
    )


def test_on_a_cluster_the_local_tables_are_exchanged_once_every_replica_has_the_rows():
    sync, swap = ddl.exchange("verdicts", "verdicts_next", PLACES["cluster"])
    assert sync == "SYSTEM SYNC REPLICA ON CLUSTER `lights` ktlo.`verdicts_next_local`"
    assert swap == (
        "EXCHANGE TABLES ktlo.`verdicts_next_local` AND ktlo.`verdicts_local` ON CLUSTER `lights`"
    )


def test_on_a_cluster_a_new_column_is_added_to_the_rows_before_the_front():
    local, front = ddl.add_column(TABLES["tags"], PLACES["cluster"], "extra", "String")
    assert "`tags_log_local`" in local
    assert "`tags_log`" in front
