"""Names that are too long to be kept whole: two of them stay two, in files, events and deliveries."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ktlo.sources.cdevents import CDEventsSource
from ktlo.sources.collector import collect
from ktlo.sources.csv import CsvConfig, CsvSource
from ktlo.sources.delivering import Refusals, deliver
from ktlo.sources.hooked import Incoming
from ktlo.sources.lengths import TITLE, named
from ktlo.sources.listening import ListeningConfig
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
LONG = "x" * 2_000


@given(st.sampled_from(["", "x" * 29, "x" * 40]), st.text(max_size=9), st.text(max_size=9))
def test_two_names_stay_two_and_short_ones_as_they_are(beginning: str, end: str, another: str) -> None:
    one, other = beginning + end, beginning + another
    assert (named(one, 30) == named(other, 30)) == (one == other)
    assert len(named(one, 30)) <= 30
    assert len(one) > 30 or named(one, 30) == one


def test_keys_people_and_services_of_a_file_stay_apart_and_titles_are_cut(
    furnished: tuple[EmbeddedStore, State], tmp_path: Path
) -> None:
    store, state = furnished
    rows = [
        {
            "id": f"{LONG}{n}",
            "opened": "2026-01-01",
            "service": f"{LONG}{n}",
            "who": [f"{LONG}1", f"{LONG}2"],
            "title": f"{LONG}{n}",
        }
        for n in range(2)
    ]
    (tmp_path / "i.jsonl").write_text("\n".join(map(json.dumps, rows)))
    mapping = {"external_id": "id", "detected_at": "opened", "service": "service", "responders": "who"}
    options = {
        "file": str(tmp_path / "i.jsonl"),
        "noun": "incidents",
        "mapping": mapping | {"title": "title"},
    }
    asyncio.run(collect(CsvSource(CsvConfig.model_validate(options)), store, state))
    [found] = store.query(
        "SELECT uniq(external_id) AS keys, uniq(service) AS services, min(length(responders)) AS people,"
        " uniq(title) AS titles, max(length(title)) AS longest FROM ktlo.incidents"
    ).to_pylist()
    assert found == {"keys": 2, "services": 2, "people": 2, "titles": 1, "longest": TITLE}


def test_deliveries_whose_names_begin_alike_are_two(furnished: tuple[EmbeddedStore, State]) -> None:
    store, _ = furnished
    source, refusals = CDEventsSource(ListeningConfig()), Refusals()
    for number in range(2):
        context = {
            "id": str(number),
            "type": "dev.cdevents.ticket.created.0.3.0",
            "timestamp": "2026-09-01T10:00:00Z",
        }
        body = {"context": context, "subject": {"id": f"T-{number}", "content": {"summary": "Broken"}}}
        headers = {
            "content-type": "application/json",
            "ce-type": "t",
            "ce-id": str(number),
            "ce-source": LONG,
        }
        for _ in range(2):
            deliver(
                source,
                Incoming(headers, json.dumps(body).encode(), NOON),
                store,
                refusals,
                needs_secret=False,
            )
    assert store.query("SELECT count() AS n FROM ktlo.issues").to_pylist() == [{"n": 2}]
    assert store.query("SELECT count() AS n FROM ktlo.deliveries").to_pylist() == [{"n": 2}]
