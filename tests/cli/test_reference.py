"""The generated reference is up to date, complete, and free of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from ktlo.cli.reference import pages

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
PAGES = pages()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_committed_reference_is_up_to_date(name):
    committed = (FOLDER / name).read_text(encoding="utf-8")
    assert committed == PAGES[name], "run `make docs` and commit docs/reference"


def test_every_command_setting_record_and_metric_is_in_it():
    from ktlo.metrics.registry import definitions
    from ktlo.records import TABLES
    from ktlo.settings import Settings
    from ktlo.sources.registry import kinds

    for command in ("up", "sync", "report", "metrics", "query", "classify", "sources add", "doctor"):
        assert f"## ktlo {command}\n" in PAGES["cli.md"]
    for name in Settings.model_fields:
        assert f"`{name}" in PAGES["configuration.md"]
    for kind in kinds():
        assert f"## Source `{kind}`" in PAGES["configuration.md"]
    for name in TABLES:
        assert f"### {name}\n" in PAGES["records.md"]
    for name in definitions():
        assert f"`ktlo metrics {name}`" in PAGES["metrics.md"]


def test_nothing_of_this_machine_is_in_it():
    text = "".join(PAGES.values())
    assert str(Path.home()) not in text or str(Path.home()) == "/"
    assert str(FOLDER.parents[1]) not in text
