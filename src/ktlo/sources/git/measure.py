"""Measures one file's content: lines, complexity by indentation, and its markers. Pure and quick.

Indentation depth as a proxy of complexity: Hindle, Godfrey and Holt, *Reading Beside the Lines*, 2008. One
tab is one level; spaces count by the file's own unit, the width by which its indentation most often grows.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from ktlo.sources.git.text import text

MARKER_TEXT = 200
"""Characters of a marker's line that are kept."""
_INDENT = re.compile(rb"^[ \t]*(?=[^\s])", re.MULTILINE)
_WORD = re.compile(rb"\b(TODO|FIXME|HACK|XXX)\b")

_SLASHES = (b"//", b"/*")
# fmt: off
_LIKE_C = (
    "C", "C#", "C++", "CUDA", "D", "Dart", "F#", "GLSL", "Go", "Groovy", "Java", "JavaScript", "Kotlin", "Less",
    "Objective-C", "Rust", "SCSS", "Scala", "Solidity", "Swift", "TypeScript", "V", "Zig",
)
# fmt: on
_OPENERS: dict[str, tuple[bytes, ...]] = {
    **dict.fromkeys(_LIKE_C, _SLASHES),
    "Protocol Buffers": _SLASHES,
    "CSS": (b"/*",),
    "PHP": (*_SLASHES, b"#"),
    "HCL": (*_SLASHES, b"#"),
    "Assembly": (*_SLASHES, b"#", b";"),
    "SQL": (b"--", b"/*"),
    **dict.fromkeys(("Ada", "Elm", "Lua", "VHDL"), (b"--",)),
    "Haskell": (b"--", b"{-"),
    **dict.fromkeys(("Clojure", "Lisp"), (b";",)),
    "INI": (b"#", b";"),
    **dict.fromkeys(("Erlang", "TeX"), (b"%",)),
    **dict.fromkeys(("HTML", "XML", "SVG", "Markdown"), (b"<!--", b"{#")),
    **dict.fromkeys(("Vue", "Svelte"), (*_SLASHES, b"<!--")),
    "OCaml": (b"(*",),
    "Pascal": (b"//", b"{", b"(*"),
    "Fortran": (b"!",),
    "Visual Basic": (b"'",),
    "Batchfile": (b"REM ", b"rem ", b"::"),
    "reStructuredText": (b"..",),
}
_HASH = (b"#",)
_WITHOUT_COMMENTS = {"JSON", "CSV", "Text", "Diff", "gettext"}


@dataclass(frozen=True, slots=True)
class Measured:
    """Size and complexity of a file.

    Attributes:
        lines: lines that are not blank.
        complexity: sum of their indentation depths, levels.
        longest_indent: deepest of them, levels.
    """

    lines: int
    complexity: float
    longest_indent: int


@dataclass(frozen=True, slots=True)
class Marked:
    """A comment that admits debt: line number from 1, the word, the line's text."""

    line: int
    word: str
    text: str


def is_binary(content: bytes) -> bool:
    """Git's own test: a NUL among the first 8,000 bytes."""
    return b"\0" in content[:8000]


def indent_unit(indents: list[bytes]) -> int:
    """Spaces that make one level: the most frequent growth from a line to the next, between 2 and 8.

    Args:
        indents: leading whitespace of each line that is not blank.
    """
    widths = [len(indent) if b"\t" not in indent else 0 for indent in indents]
    growth = Counter(b - a for a, b in pairwise(widths) if b > a)
    likely = [(count, -width) for width, count in growth.items() if 2 <= width <= 8]
    return -max(likely)[1] if likely else 4


def measure(content: bytes) -> Measured:
    """Lines and indentation of a text file."""
    indents = _INDENT.findall(content)
    shapes = Counter(indents)
    unit = indent_unit(indents) if any(b" " in shape for shape in shapes) else 4
    complexity = deepest = 0
    for shape, count in shapes.items():
        tabs = shape.count(b"\t")
        depth = tabs + (len(shape) - tabs) // unit
        complexity += depth * count
        deepest = max(deepest, depth)
    return Measured(len(indents), float(complexity), deepest)


def markers(content: bytes, language: str) -> list[Marked]:
    """TODO, FIXME, HACK and XXX in comments, one a line, in the order of lines.

    Args:
        content: the file.
        language: decides what begins a comment; ``#`` where nothing is known.
    """
    if language in _WITHOUT_COMMENTS:
        return []
    openers = _OPENERS.get(language, _HASH)
    found = []
    line, counted, ended = 1, 0, 0
    for match in _WORD.finditer(content):
        if match.start() < ended:
            continue  # a second word on the same line
        start = content.rfind(b"\n", 0, match.start()) + 1
        end = content.find(b"\n", match.end())
        end = len(content) if end < 0 else end
        ended = end
        if not _in_comment(content[start : match.start()], openers):
            continue
        line += content.count(b"\n", counted, start)
        counted = start
        shown = text(content[start:end].strip()[: MARKER_TEXT * 4])[:MARKER_TEXT]
        found.append(Marked(line, match[1].decode("ascii"), shown))
    return found


def _in_comment(before: bytes, openers: tuple[bytes, ...]) -> bool:
    if b"/*" in openers and before.lstrip().startswith(b"*"):
        return True  # inside a block comment, as they are usually written
    for opener in openers:
        at = before.rfind(opener)
        while at > 0 and opener == b"//" and before[at - 1 : at] == b":":
            at = before.rfind(opener, 0, at)  # the slashes of an address
        if at >= 0:
            return True
    return False
