"""Stopping ktlo in the middle of a collection: quick, and said so."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from ktlo.server.collecting import Collecting
from ktlo.sources.git.mirror import mirror_folder


def test_a_collection_under_way_is_cut_off_and_the_rest_is_left_to_the_next_run(runtime, monkeypatch):
    begun = threading.Event()

    async def endless(*_: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("ktlo.server.collecting.collect", endless)
    collecting = Collecting(runtime)
    collecting.start()
    assert begun.wait(60)
    collecting.close(timeout=30)
    assert collecting.run is not None
    assert not collecting.run.is_running
    assert {step.status for step in collecting.run.steps} <= {"partial", "waiting"}


def test_mirrors_are_kept_in_the_data_folder_that_was_chosen(runtime):
    assert mirror_folder("https://example.org/acme/shop").is_relative_to(runtime.folder)
