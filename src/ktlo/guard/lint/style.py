"""What style the code keeps already, measured: length of lines, indentation, quotes.

Each measure has its number of observations; one that the code does not agree on is left open. Used by ``adopt``.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

LIMITS = (79, 80, 88, 90, 95, 99, 100, 105, 110, 115, 119, 120, 127, 130, 140, 150, 160)
"""Limits that people choose."""
_KEPT = 0.999
_AGREED = 0.95
_LEAST = 20
_STRING = re.compile(r"^[A-Za-z]*(\"\"\"|'''|\"|')")


@dataclass(frozen=True, slots=True)
class Style:
    """The style of some code.

    Attributes:
        lines: number of lines that are not empty.
        length: smallest usual limit that 99.9% of the lines keep; 0 when there is none.
        longest: length of the longest line, in characters.
        over: lines longer than ``length``.
        indent: ``space`` or ``tab``; empty when the code does not agree.
        width: columns of one level, for spaces; 0 when not known.
        indented: lines that ``indent`` was seen in.
        quotes: ``double`` or ``single``; empty when the code does not agree.
        quoted: strings that could have been written either way.
        quote_share: share of the more frequent quotes among them.
    """

    lines: int = 0
    length: int = 0
    longest: int = 0
    over: int = 0
    indent: str = ""
    width: int = 0
    indented: int = 0
    quotes: str = ""
    quoted: int = 0
    quote_share: float = 0.0


def measure(texts: Iterable[str]) -> Style:
    """Measure Python source.

    Args:
        texts: files; one that cannot be tokenised counts for lines only.
    """
    lengths: Counter[int] = Counter()
    indents: Counter[str] = Counter()
    widths: Counter[int] = Counter()
    quotes: Counter[str] = Counter()
    for text in texts:
        lengths.update(len(line) for line in text.splitlines() if line.strip())
        _tokens(text, indents, widths, quotes)
    lines = sum(lengths.values())
    length = next((limit for limit in LIMITS if lines and _within(lengths, limit) >= _KEPT * lines), 0)
    indent, indented = _agreed(indents)
    quote, quoted = _agreed(quotes)
    return Style(
        lines=lines,
        length=length,
        longest=max(lengths, default=0),
        over=lines - _within(lengths, length) if length else 0,
        indent=indent,
        width=widths.most_common(1)[0][0] if indent == "space" and widths else 0,
        indented=indented,
        quotes=quote,
        quoted=quoted,
        quote_share=max(quotes.values(), default=0) / quoted if quoted else 0.0,
    )


def _within(lengths: Counter[int], limit: int) -> int:
    return sum(number for length, number in lengths.items() if length <= limit)


def _agreed(counts: Counter[str]) -> tuple[str, int]:
    total = sum(counts.values())
    if total < _LEAST:
        return "", total
    word, number = counts.most_common(1)[0]
    return (word if number >= _AGREED * total else ""), total


def _tokens(text: str, indents: Counter[str], widths: Counter[int], quotes: Counter[str]) -> None:
    stack = [0]
    is_first = True
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.INDENT:
                indents["tab" if "\t" in token.string else "space"] += 1
                if "\t" not in token.string:
                    widths[len(token.string) - stack[-1]] += 1
                stack.append(len(token.string))
            elif token.type == tokenize.DEDENT:
                stack.pop()
            elif token.type == tokenize.STRING and not is_first:
                _quote(token.string, quotes)
            if token.type not in (tokenize.NL, tokenize.COMMENT, tokenize.ENCODING):
                is_first = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        return


def _quote(literal: str, quotes: Counter[str]) -> None:
    found = _STRING.match(literal)
    if found is None or len(found[1]) == 3:
        return
    inner = literal[found.end() : -1]
    if '"' not in inner and "'" not in inner:  # else the quotes were chosen for what is inside
        quotes["double" if found[1] == '"' else "single"] += 1
