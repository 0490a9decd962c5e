"""A file's mapping is shown, asked about, changed and confirmed; what the file does not prove is never guessed."""

from __future__ import annotations

import pytest

from ktlo.cli.csv_mapping import confirm_mapping
from ktlo.errors import UserError

CLEAR = "number,opened_at,resolved_at,priority,state\nA-1,2025-03-04 09:00,2025-03-04 11:00,High,Resolved\n"
AMBIGUOUS = "number,opened_at,resolved_at,state\nA-1,03/04/2025 09:00,03/04/2025 11:00,Resolved\n"


@pytest.fixture
def clear(tmp_path):
    file = tmp_path / "incidents.csv"
    file.write_text(CLEAR, encoding="utf-8")
    return str(file)


@pytest.fixture
def ambiguous(tmp_path):
    file = tmp_path / "incidents.csv"
    file.write_text(AMBIGUOUS, encoding="utf-8")
    return str(file)


@pytest.fixture
def typed(monkeypatch):
    """Answers in the order in which they are asked for."""

    def answer(*answers: str) -> list[str]:
        asked: list[str] = []
        left = list(answers)

        def prompt(text: str, **_: object) -> str:
            asked.append(text)
            return left.pop(0)

        monkeypatch.setattr("typer.prompt", prompt)
        return asked

    return answer


def test_what_a_file_proves_is_taken_and_shown(clear, capsys):
    options = confirm_mapping({"file": clear}, ask=False, quiet=False)
    assert options["mapping"]["detected_at"] == "opened_at"
    shown = capsys.readouterr().out
    assert "opened_at" in shown
    assert "The first records" in shown


def test_quiet_prints_nothing(clear, capsys):
    confirm_mapping({"file": clear}, ask=False, quiet=True)
    assert capsys.readouterr().out == ""


def test_dates_that_could_mean_two_things_are_never_guessed(ambiguous):
    with pytest.raises(UserError) as refused:
        confirm_mapping({"file": ambiguous}, ask=False, quiet=True)
    assert "dates=" in refused.value.fix


def test_an_answer_on_the_command_line_settles_it(ambiguous):
    options = confirm_mapping({"file": ambiguous, "dates": "day_first"}, ask=False, quiet=True)
    assert options["dates"] == "day_first"


def test_a_person_is_asked_until_it_is_settled(ambiguous, typed):
    asked = typed("month_first", "yes")
    options = confirm_mapping({"file": ambiguous}, ask=True, quiet=True)
    assert options["dates"] == "month_first"
    assert len(asked) == 2


def test_a_field_can_be_given_another_column_or_none(clear, typed):
    typed("severity", "state", "resolved_at", "-", "nonsense", "yes")
    options = confirm_mapping({"file": clear}, ask=True, quiet=True)
    assert options["mapping"]["severity"] == "state"
    assert "resolved_at" not in options["mapping"]


def test_dotted_options_map_single_fields_and_states(clear):
    options = confirm_mapping({"file": clear, "mapping.title": "number"}, ask=False, quiet=True)
    assert options["mapping"]["title"] == "number"
    assert options["mapping"]["detected_at"] == "opened_at"


def test_a_whole_mapping_is_taken_as_it_is(clear):
    said = {
        "file": clear,
        "noun": "incidents",
        "mapping": {"external_id": "number", "detected_at": "opened_at"},
    }
    assert confirm_mapping(said, ask=False, quiet=True) == said


def test_a_file_that_is_not_there_or_not_said_is_told():
    with pytest.raises(UserError, match="no such file"):
        confirm_mapping({"file": "/no/such.csv"}, ask=False, quiet=True)
    with pytest.raises(UserError, match="which file"):
        confirm_mapping({}, ask=False, quiet=True)


@pytest.fixture
def spoiled(tmp_path):
    file = tmp_path / "incidents.csv"
    file.write_text(
        CLEAR + "A-2,notadate,,High,Resolved\nA-3,2025-03-06 09:00,,High,Open\n", encoding="utf-8"
    )
    return str(file)


def test_a_column_with_a_bad_cell_is_offered_and_enter_takes_it(spoiled, monkeypatch, capsys):
    asked: list[tuple[str, object]] = []

    def prompt(text: str, *, default: str = "", **_: object) -> str:
        asked.append((text, default))
        return default

    monkeypatch.setattr("typer.prompt", prompt)
    options = confirm_mapping({"file": spoiled}, ask=True, quiet=False)
    assert options["mapping"]["detected_at"] == "opened_at"
    text, default = asked[0]
    assert text == (
        "Which column is detected_at? `opened_at` looks like it; 1 of 3 cells is no date (row 3: 'notadate')."
        " [number, opened_at, resolved_at, priority, state]"
    )
    assert default == "opened_at"
    assert "1 row turned away" in capsys.readouterr().out


def test_an_empty_answer_says_what_is_needed(tmp_path, typed, capsys):
    file = tmp_path / "incidents.csv"
    file.write_text("what,opened at\nx,2026-01-01\n", encoding="utf-8")
    typed("", "when", "what", "yes")
    options = confirm_mapping({"file": str(file)}, ask=True, quiet=True)
    assert options["mapping"]["external_id"] == "what"
    assert capsys.readouterr().err.count("One of: what, opened at. Ctrl-C stops, and nothing is added.") == 2
