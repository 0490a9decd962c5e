"""A place that cannot be read is refused when it is added, in a sentence; wanting it anyway is possible."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def ktlo(monkeypatch: pytest.MonkeyPatch, command: Callable[..., Any]) -> Callable[..., Any]:
    """Runs a command on a data folder."""

    def run(data: Path, *words: str) -> Any:
        monkeypatch.setenv("KTLO_DATA", str(data))
        return command(*words)

    return run


def test_a_folder_that_is_no_repository_is_refused_unless_wanted_anyway(ktlo: Any, tmp_path: Path) -> None:
    folder, data = tmp_path / "photos", tmp_path / "data"
    folder.mkdir()
    refused = ktlo(data, "sources", "add", "git", str(folder))
    assert refused.code == 2
    assert str(folder) in refused.err
    assert "--anyway" in refused.err
    assert "Traceback" not in refused.err
    assert ktlo(data, "sources", "--json").json() == []

    assert ktlo(data, "sources", "add", "git", str(folder), "--anyway").code == 0
    assert len(ktlo(data, "sources", "--json").json()) == 1


def test_a_source_that_is_there_is_not_added_twice_and_what_changed_is_said(
    ktlo: Any, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    add = ("sources", "add", "argocd", "name=prod")
    assert "Added argocd:prod." in ktlo(data, *add).out
    again = ktlo(data, *add)
    assert (again.code, "Added" in again.out) == (0, False)
    assert "argocd:prod is there already, with the same options: nothing is changed." in again.out
    other = ktlo(data, *add, "environment=live")
    assert "argocd:prod is there already; changed: environment." in other.out


JIRA = ("sources", "add", "jira", "https://jira.invalid", "--anyway")


@pytest.mark.parametrize(
    ("words", "sentences"),
    [
        (
            (*JIRA, "tokn=env:X"),
            ("tokn: there is no such option; did you mean token?", "lists the options: url, token, email"),
        ),
        ((*JIRA, "colour=red"), ("colour: there is no such option", "projects, jql")),
        ((*JIRA, "projects=[SH]"), ("projects is not JSON", "projects=one,two")),
        (
            (*JIRA, "projects=true"),
            ("projects: it takes a list", 'projects=one,two or projects=\'["one", "two"]\''),
        ),
        (
            ("sources", "add", "sentry", "acme", "--anyway", "services=web"),
            ("services: it takes names with values", 'services=\'{"name": "value"}\''),
        ),
        (
            ("sources", "add", "foo", "bar"),
            ("there is no kind of source called 'foo'", "alertmanager, argocd"),
        ),
        (("sources", "add", "jirra"), ("called 'jirra'; did you mean jira?",)),
        (("sources", "add", "argocd", "prod"), ("say which option 'prod' is", "lists the options: name,")),
        (
            ("sources", "rejected", "nonsense:x"),
            ("there is no source 'nonsense:x'", "`ktlo sources` lists them"),
        ),
        (("sources", "deliveries", "nonsense:x"), ("there is no source 'nonsense:x'",)),
    ],
)
def test_what_is_not_understood_is_said_with_what_is_there(
    ktlo: Any, tmp_path: Path, words: tuple[str, ...], sentences: tuple[str, ...]
) -> None:
    said = ktlo(tmp_path, *words)
    assert said.code == 2
    for sentence in sentences:
        assert sentence in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("said", "kept"),
    [("SH", ["SH"]), ("SH, OPS", ["SH", "OPS"]), ('["SH"]', ["SH"]), ("", [])],
)
def test_a_list_is_said_as_words_too(ktlo: Any, tmp_path: Path, said: str, kept: list[str]) -> None:
    added = ktlo(tmp_path, *JIRA, f"projects={said}", "jql=[1]")
    assert added.code == 0, added.err
    (one,) = ktlo(tmp_path, "sources", "--json").json()
    assert (one["options"]["projects"], one["options"]["jql"]) == (kept, "[1]")


def test_the_help_of_a_kind_lists_its_options(ktlo: Any, tmp_path: Path) -> None:
    plain = ktlo(tmp_path, "sources", "add", "--help")
    assert "Options of" not in plain.out
    told = ktlo(tmp_path, "sources", "add", "jira", "--help")
    assert told.code == 0
    assert "Options of jira" in told.out
    assert "Its address: https://example.atlassian.net" in told.out
    assert "needed" in told.out
    assert "incident_types" in told.out
    of_csv = " ".join(ktlo(tmp_path, "sources", "add", "csv", "-h").out.split())
    assert "[proposed from the file]" in of_csv
    assert "excel_days. [default: unambiguous]" in of_csv


def test_what_a_removed_source_left_can_still_be_listed(ktlo: Any, tmp_path: Path) -> None:
    file = tmp_path / "incidents.csv"
    file.write_text("number,opened_at,resolved_at\nA-1,2025-03-04 09:00,2025-03-04 11:00\n", encoding="utf-8")
    assert ktlo(tmp_path, "sources", "add", "csv", str(file), "noun=incidents", "--yes").code == 0
    assert ktlo(tmp_path, "sync").code == 0
    assert ktlo(tmp_path, "sources", "remove", "csv:incidents").code == 0
    for command in ("rejected", "deliveries"):
        assert ktlo(tmp_path, "sources", command, "csv:incidents").code == 0
