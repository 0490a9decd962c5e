"""A number and its noun agree: every sentence with a count says one thing or several through ``ktlo.wording``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ktlo.wording import counted, named

HOUSE = Path(__file__).parents[2] / "src" / "ktlo"
PLURAL = re.compile(r" (?:(?!of |in |to |at |with )[a-z-]+ ){0,2}?([a-z-]{3,}s)\b")
NO_NOUN = {
    *(
        "has",
        "is",
        "was",
        "says",
        "does",
        "this",
        "its",
        "as",
        "less",
        "across",
        "perhaps",
        "allows",
        "answers",
    ),
    *("gives", "takes", "costs", "needs", "holds", "counts", "others", "names", "means"),
    *("bytes", "series", "times"),
}
"""Words after a number that are no plural of something that there may be one of."""
BOUND = re.compile(r"\b[A-Z][A-Z_]{2,}\b|^_[A-Z_]+$|limits?\.|\bmost|_nodes$")
"""Numbers that are bounds of ktlo's own: never 1."""
OURS = {"ValueError", "TypeError", "KeyError", "RuntimeError"}
"""What is raised with these is a bug of ktlo's and no sentence for a person."""


def bare(text: str) -> Iterator[tuple[int, str]]:
    """Places in a module where a count stands before a plural as it is: line, and the expression."""
    tree = ast.parse(text)
    bugs = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise)
        and node.exc is not None
        and ast.unparse(node.exc).split("(")[0] in OURS
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr) or id(node) in bugs:
            continue
        for one, then in zip(node.values, node.values[1:], strict=False):
            if not isinstance(one, ast.FormattedValue) or not isinstance(then, ast.Constant):
                continue
            written, form = ast.unparse(one.value), ast.unparse(one.format_spec) if one.format_spec else ""
            is_count = form == "f','" or re.match(r"(len|sum)\(", written) is not None
            noun = PLURAL.match(str(then.value))
            if is_count and noun and noun[1] not in NO_NOUN and not BOUND.search(written):
                yield one.lineno, f"{{{written}}}{noun[0]}"


def test_no_sentence_of_a_module_puts_a_count_before_a_plural_as_it_is() -> None:
    found = [
        f"{path.relative_to(HOUSE)}:{line}: {what}"
        for path in sorted(HOUSE.rglob("*.py"))
        for line, what in bare(path.read_text(encoding="utf-8"))
    ]
    assert not found, "write counted(n, 'things'):\n" + "\n".join(found)


def test_no_sentence_of_a_page_does() -> None:
    written = re.compile(r'\{\{ (?:"\{:,\}"\.format\([^{}]+\)|[^{}|]+ \| length) \}\} ([a-z-]+s)\b')
    capped = re.compile(r"(?:The first|The newest|The|More than|of) $")
    found = [
        f"{path.name}: {match[0]}"
        for path in sorted((HOUSE / "server" / "web" / "templates").glob("*.html"))
        for text in [path.read_text(encoding="utf-8")]
        for match in written.finditer(text)
        if match[1] not in NO_NOUN and not capped.search(text[: match.start()])
    ]
    assert not found, 'write {{ n | counted("things") }}:\n' + "\n".join(found)


def test_the_scan_sees_what_it_is_for() -> None:
    assert list(bare('f"{len(rows)} rows came"')) == [(1, "{len(rows)} rows")]
    assert list(bare('f"{n:,} kept webhooks"')) == [(1, "{n} kept webhooks")]
    assert not list(bare('raise ValueError(f"{len(rows)} rows and {n:,} cells")'))
    assert not list(bare('f"at most {MOST_ROWS:,} rows"'))
    assert not list(bare("f\"{counted(n, 'rows')} came\""))


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("webhooks", "webhook"),
        ("observations", "observation"),
        ("processes", "process"),
        ("series", "series"),
        ("people", "person"),
        ("branches", "branch"),
        ("caches", "cache"),
        ("fixes", "fix"),
        ("statuses", "status"),
        ("causes", "cause"),
        ("dependencies", "dependency"),
        ("time off", "time off"),
        ("more spans", "more span"),
        ("attributes, events or links", "attribute, event or link"),
    ],
)
def test_one_of_everything_is_singular(plural: str, one: str) -> None:
    assert counted(1, plural) == f"1 {one}"
    assert counted(2, plural) == f"2 {plural}"
    assert named(1.0, plural) == one
    assert named(1.5, plural) == plural


def test_none_is_a_word_and_may_be_another() -> None:
    assert counted(0, "rows") == "no rows"
    assert counted(0, "rows", zero="No") == "No rows"
    assert counted(1_200, "rows") == "1,200 rows"
