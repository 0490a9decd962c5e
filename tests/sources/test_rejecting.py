"""Of what is turned away, 200 characters are shown, also where bytes are cut in the middle of one."""

from __future__ import annotations

import datetime as dt

import pytest

from ktlo.sources.rejecting import EXCERPT, rejection

NOW = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize("text", ["short", "a" * 500, "🔥" * 500, "a" + "🔥" * 500, "aé" * 500])
def test_text_and_its_bytes_show_the_same_beginning(text: str) -> None:
    told = rejection("s", "row 1", "no date", NOW, text)
    assert told == rejection("s", "row 1", "no date", NOW, text.encode())
    assert told.excerpt == text[:EXCERPT]
    assert not told.is_kept


def test_bytes_that_are_no_text_are_shown_as_far_as_they_are() -> None:
    assert rejection("s", "x", "y", NOW, b"\xffa", is_kept=True).excerpt == "\ufffda"
