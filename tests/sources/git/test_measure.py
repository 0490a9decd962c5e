"""Complexity by indentation, and what counts as a marker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.sources.git.measure import indent_unit, markers, measure


@pytest.mark.parametrize(
    ("content", "lines", "complexity", "deepest"),
    [
        (b"", 0, 0, 0),
        (b"\n  \n\t\n", 0, 0, 0),
        (b"a\n\tb\n\t\tc\n", 3, 3, 2),
        (b"a\n  b\n    c\n", 3, 3, 2),
        (b"a\n    b\n        c\n        d\n", 4, 5, 2),
        (b"class A:\n    def f():\n        x\n        y\n        z\n", 5, 7, 2),
        (b"/*\n * licence\n */\nint f() {\n    x;\n    y;\n}\n", 7, 2, 1),
        (b"a\r\n\tb\r\n", 2, 1, 1),
        (b"a\n\t  b\n", 2, 1, 1),
        (b"last without newline\n    x", 2, 1, 1),
    ],
)
def test_indentation_becomes_levels(content, lines, complexity, deepest):
    measured = measure(content)
    assert (measured.lines, measured.complexity, measured.longest_indent) == (lines, complexity, deepest)


@given(st.integers(2, 8), st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_the_width_of_a_level_does_not_change_the_complexity(width, depths):
    steps = [0, 1, 0, 1, 0, 1, 0, 1, *[d for pair in depths for d in (*range(pair + 1), 0)]]
    spaces = b"".join(b" " * (width * depth) + b"x\n" for depth in steps)
    tabs = b"".join(b"\t" * depth + b"x\n" for depth in steps)
    assert measure(spaces) == measure(tabs)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_measured(content):
    measured = measure(content)
    assert measured.complexity >= 0
    assert measured.lines <= content.count(b"\n") + 1
    markers(content, "Python")


def test_a_file_without_growth_counts_four_spaces_a_level():
    assert indent_unit([b"", b""]) == 4


@pytest.mark.parametrize(
    ("language", "line", "found"),
    [
        ("Python", b"x = 1  # TODO: later", True),
        ("Python", b"TODO = 1", False),
        ("Python", b"# todo later", False),
        ("Python", b"# TODOS", False),
        ("Go", b"\t// FIXME(ada)", True),
        ("Go", b'u := "http://x/TODO"', False),
        ("C", b" * XXX: see below", True),
        ("C", b"int a = b * HACK;", False),
        ("SQL", b"SELECT 1 -- HACK", True),
        ("HTML", b"<p>TODO</p>", False),
        ("HTML", b"<!-- TODO -->", True),
        ("JSON", b'{"#": "TODO"}', False),
        ("Lisp", b"; TODO", True),
    ],
)
def test_markers_stand_in_comments(language, line, found):
    assert bool(markers(b"first\n" + line + b"\nlast", language)) == found


def test_markers_have_the_line_they_stand_on_and_one_a_line():
    found = markers(b"\n# TODO a FIXME\n\n\n  # HACK \xff\n", "Python")
    assert [(one.line, one.word, one.text) for one in found] == [
        (2, "TODO", "# TODO a FIXME"),
        (5, "HACK", "# HACK \\xff"),
    ]
