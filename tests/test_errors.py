"""Sentences for people are safe to print wherever they are read."""

from __future__ import annotations

from ktlo.errors import SourceError, printable


def test_what_came_from_outside_cannot_steer_a_terminal():
    error = SourceError("it says \x1b]0;owned\x07", where="a\x9bm", fix="b\u202e")
    assert str(error) == r"a\x9bm: it says \x1b]0;owned\x07. b\u202e."


def test_words_of_any_language_stay_as_they_are():
    assert printable("Größe 大きさ\n\t…") == "Größe 大きさ\n\t…"
