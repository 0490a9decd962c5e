"""What a collection begins with: the settings file as it is then, and what joins a run that goes on."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from ktlo.server.collecting import Collecting
from ktlo.server.runtime import Runtime
from ktlo.settings import load_settings


@pytest.fixture
def fresh(tmp_path: Path, house_copy: Path):
    """A ktlo of its own, without sources, that knows where its settings are from."""
    shutil.copytree(house_copy / "shop", tmp_path / "shop")
    file = tmp_path / "ktlo.yaml"
    file.write_text("{}", encoding="utf-8")
    opened = Runtime(load_settings(file), tmp_path / "data", file)
    yield opened
    opened.close()


def test_an_edited_settings_file_is_in_force_at_the_next_collection(fresh, tmp_path):
    text = f"sources: [{{type: git, path: {tmp_path / 'shop'}, name: acme/yaml}}]"
    fresh.settings_file.write_text(text, encoding="utf-8")
    collecting = Collecting(fresh)
    collecting.start()
    run = collecting.wait(60)
    assert [(step.name, step.status) for step in run.steps] == [
        ("git:acme/yaml", "complete"),
        ("effort", "complete"),
        ("findings", "complete"),
    ]


@pytest.mark.parametrize("broken", ["servces: {}", "sources: [{type: fax}]", "a: [", None])
def test_a_settings_file_that_cannot_be_used_changes_nothing_and_the_run_says_so(fresh, broken):
    before = fresh.settings
    if broken is None:
        fresh.settings_file.unlink()
    else:
        fresh.settings_file.write_text(broken, encoding="utf-8")
    collecting = Collecting(fresh)
    collecting.start()
    step, *others = collecting.wait(60).steps
    assert (step.name, step.status) == ("ktlo.yaml", "failed")
    assert step.message.endswith("the earlier settings stay in force")
    assert [other.status for other in others] == ["complete"]
    assert fresh.settings is before
    fresh.settings_file.write_text("downtime_severities: [high]", encoding="utf-8")
    collecting.start()
    assert [step.name for step in collecting.wait(60).steps] == ["effort"]
    assert fresh.settings.downtime_severities == ["high"]


def test_a_source_asked_for_during_a_run_joins_it(fresh, tmp_path, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def slow(*_: Any, **__: Any) -> None:
        begun.set()
        assert go_on.wait(60)

    monkeypatch.setattr("ktlo.server.collecting.derive", slow)
    collecting = Collecting(fresh)
    collecting.start()
    assert begun.wait(60)
    entry = fresh.add_source("git", {"path": str(tmp_path / "shop"), "name": "acme/late"})
    collecting.start((entry.source_id,))
    collecting.start((entry.source_id,))
    go_on.set()
    run = collecting.wait(60)
    assert [step.name for step in run.steps] == ["effort", "git:acme/late", "effort"]
    assert {step.status for step in run.steps} == {"complete"}
