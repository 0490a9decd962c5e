"""Parameter values in the text form that the engine parses; that they arrive is in tests/conformance."""

from __future__ import annotations

import datetime as dt

import pytest

from ktlo.store.parameters import parameter_text, parameter_values

NEW_YORK = dt.timezone(dt.timedelta(hours=-5))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\\N"),
        (True, "true"),
        (7, "7"),
        ("tab\tnewline\nback\\slash", "tab\\tnewline\\nback\\\\slash"),
        ("it's", "it's"),
        (["it's", "a\\b", None], "['it\\'s','a\\\\b',NULL]"),
        ((1, 2), "[1,2]"),
        (dt.date(2026, 3, 2), "2026-03-02"),
        (dt.datetime(2026, 3, 2, 9, tzinfo=NEW_YORK), "2026-03-02 14:00:00.000000"),
        ([dt.datetime(2026, 3, 2, 9, tzinfo=NEW_YORK)], "['2026-03-02 14:00:00.000000']"),
    ],
)
def test_a_value_is_written_as_the_engine_reads_it(value, text):
    assert parameter_text(value) == text


def test_a_moment_without_a_zone_has_no_meaning():
    for encode in (parameter_text, lambda value: parameter_values({"t": [value]})):
        with pytest.raises(ValueError, match="naive"):
            encode(dt.datetime(2026, 3, 2))  # noqa: DTZ001


def test_the_client_library_gets_moments_as_text_in_utc():
    given = {"t": dt.datetime(2026, 3, 2, 9, tzinfo=NEW_YORK), "flags": (True, False), "n": 1}
    assert parameter_values(given) == {"t": "2026-03-02 14:00:00.000000", "flags": [1, 0], "n": 1}
