"""Where in an expression something stands, so that an error can mark it.

The parser library tells what is wrong but not where. This reads the tokens of the text itself and finds the place:
the first token that cannot stand where it stands, the bracket that is not closed, the function that is not known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ktlo.errors import UsageError

_TOKEN = re.compile(
    r"(?P<space>\s+|#[^\n]*)"
    r"|(?P<string>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`)"
    r"|(?P<number>0[xX][0-9a-fA-F]+|(?:\d+(?:ms|[smhdwy]))+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<word>[A-Za-z_:][A-Za-z0-9_:]*)"
    r"|(?P<operator>==|!=|=~|!~|<=|>=|[-+*/%^<>=@,:])"
    r"|(?P<bracket>[(){}\[\]])"
    r"|(?P<other>.)",
    re.DOTALL,
)
_PAIRS = {")": "(", "}": "{", "]": "["}
_BINARY = frozenset(
    ["+", "-", "*", "/", "%", "^", "==", "!=", "<", ">", "<=", ">=", "and", "or", "unless", "atan2"]
)
_QUOTED = re.compile(r"'([^']*)'")
_NUMBER_WORDS = frozenset({"inf", "nan"})


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression.

    Attributes:
        kind: string, number, word, operator, bracket or other.
        text: as written.
        start: position of its first character, from 0.
    """

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Position after its last character."""
        return self.start + len(self.text)


class PromqlError(UsageError):
    """An expression that cannot be read or evaluated.

    Attributes:
        expression: all of it.
        start: first character of what is wrong, from 0.
        end: the character after it.
    """

    def __init__(self, what: str, expression: str, start: int = 0, end: int = 0, *, fix: str = "") -> None:
        line = expression.count("\n", 0, start) + 1
        column = start - (expression.rfind("\n", 0, start) + 1) + 1
        super().__init__(what, where=f"line {line}, column {column}", fix=fix)
        self.expression = expression
        self.start = start
        self.end = max(end, min(start + 1, len(expression)))

    def marked(self) -> str:
        """The line of the expression with a row of carets under the place."""
        begin = self.expression.rfind("\n", 0, self.start) + 1
        stop = self.expression.find("\n", begin)
        line = self.expression[begin : stop if stop >= 0 else None]
        width = max(1, min(self.end, begin + len(line)) - self.start)
        return f"{line}\n{' ' * (self.start - begin)}{'^' * width}"


def tokens(expression: str) -> list[Token]:
    """The tokens of an expression without spaces and comments; never fails."""
    return [
        Token(str(found.lastgroup), found[0], found.start())
        for found in _TOKEN.finditer(expression)
        if found.lastgroup != "space"
    ]


def place_of_call(expression: str, name: str) -> tuple[int, int]:
    """Where a function or aggregation is called first; the whole expression when it is not found."""
    read = tokens(expression)
    for at, token in enumerate(read):
        if token.kind == "word" and token.text == name:
            following = read[at + 1].text if at + 1 < len(read) else ""
            if following in ("(", "by", "without"):
                return token.start, token.end
    return place_of_text(expression, name)


def place_of_text(expression: str, text: str) -> tuple[int, int]:
    """Where a text stands first; the whole expression when it does not."""
    at = expression.find(text) if text else -1
    return (at, at + len(text)) if at >= 0 else (0, len(expression))


def place_of_problem(expression: str, message: str) -> tuple[int, int]:
    """The place that a message of the parser is about."""
    read = tokens(expression)
    unclosed = _bracket(read)
    if unclosed is not None and (
        "unclosed" in message or "unexpected" in message or "invalid promql" in message
    ):
        return unclosed.start, unclosed.end
    for name in _QUOTED.findall(message):
        if any(token.text == name for token in read):
            return place_of_call(expression, name)
        if name and name in expression:
            return place_of_text(expression, name)
    regex = message.removeprefix("illegal regex for ")
    if regex != message and regex in expression:
        return place_of_text(expression, regex)
    for word in re.findall(r"[\w$.]+$", message):
        if word in expression:
            return place_of_text(expression, word)
    wrong = _out_of_place(read)
    if wrong is not None:
        return wrong.start, wrong.end
    end = len(expression.rstrip())
    return (max(end - 1, 0), end) if "invalid promql" in message else (0, end)


def _bracket(read: list[Token]) -> Token | None:
    """A bracket without its partner."""
    waiting: list[Token] = []
    for token in read:
        if token.kind != "bracket":
            continue
        if token.text in "([{":
            waiting.append(token)
        elif not waiting or waiting.pop().text != _PAIRS[token.text]:
            return token
    return waiting[-1] if waiting else None


def _out_of_place(read: list[Token]) -> Token | None:
    """The first token that follows one it cannot follow: two operands side by side, or two operators."""
    depth = 0
    before: Token | None = None
    for token in read:
        if token.text == "{":
            depth += 1
        elif token.text == "}":
            depth -= 1
        if depth == 0 and token.text != "}":
            if token.kind == "other":
                return token
            if before is not None:
                if _ends(before) and token.kind in ("string", "number") and before.text != "offset":
                    return token
                if before.text in _BINARY and (token.text in _BINARY - {"+", "-"} or token.text in "),]"):
                    return token
            elif token.text in _BINARY - {"+", "-"}:
                return token
        before = token
    return before if before is not None and before.text in _BINARY | {",", "@"} else None


def _ends(token: Token) -> bool:
    """Whether an operand is complete after it."""
    return token.kind in ("string", "number") or token.text in (")", "}", "]")
