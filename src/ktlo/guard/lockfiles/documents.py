"""JSON, TOML and YAML from strangers, parsed in bounded time and memory, with no key given twice.

Two parsers may disagree on a file with a key given twice, so that a gate reads one version and the build
installs another: such a file is refused. YAML is read without aliases, tags and merges, which lock files do not use.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import NoReturn

from ktlo.guard.lockfiles.protocol import Limits, LockFile, UnreadableError
from ktlo.guard.lockfiles.shapes import Table, as_table
from ktlo.guard.lockfiles.wording import printable

_LIMITS = Limits()
_AGAIN = "Make it again with its tool."


def _bound(text: str, marks: str, limits: Limits) -> None:
    """Refuses text that would become too many values, before any is made: each costs many times its characters."""
    if sum(map(text.count, marks)) > limits.values:
        raise UnreadableError(
            f"It holds more than {limits.values:,} values", fix="Raise the limit if it is meant."
        )


def _table_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise UnreadableError(f"The key {printable(key)} is given twice", fix=_AGAIN)
            seen.add(key)
    return table


def _refuse_number(text: str) -> NoReturn:
    raise UnreadableError(f"{text} is not JSON", fix=_AGAIN)


def parse_json(text: str, limits: Limits = _LIMITS) -> Table:
    """A JSON object.

    Raises:
        UnreadableError: not JSON, not an object, a key given twice, nested too deep.
    """
    _bound(text, "{[,", limits)
    try:
        value = json.loads(text, object_pairs_hook=_table_of, parse_constant=_refuse_number)
    except RecursionError:
        raise UnreadableError("It is nested too deep", fix=_AGAIN) from None
    except json.JSONDecodeError as error:
        raise UnreadableError(f"It is not JSON: {error.msg} in line {error.lineno}", fix=_AGAIN) from None
    except ValueError:  # a number of thousands of digits
        raise UnreadableError("It holds a number that is too long", fix=_AGAIN) from None
    return as_table(value, "the file")


def read_json(file: LockFile) -> Table:
    """A JSON lock file; see :func:`parse_json`."""
    return parse_json(file.text(), file.limits)


# tomllib needs time with the square of the parts of a dotted key; lock files have a handful.
_LONG_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){32}""")


def parse_toml(text: str, limits: Limits = _LIMITS) -> Table:
    """A TOML table.

    Raises:
        UnreadableError: not TOML, a key given twice (TOML forbids it), nested too deep, absurd keys.
    """
    _bound(text, "=[,", limits)
    if _LONG_KEY.search(text):
        raise UnreadableError("It holds a key of more than 32 dotted parts", fix=_AGAIN)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise UnreadableError("It is nested too deep", fix=_AGAIN) from None
    except tomllib.TOMLDecodeError as error:
        raise UnreadableError(f"It is not TOML: {printable(error)}", fix=_AGAIN) from None
    except ValueError:  # a number of thousands of digits, a date that does not exist
        raise UnreadableError("It holds a number or date that does not exist", fix=_AGAIN) from None


# The artefacts of a package (one line each) are most of a uv.lock or pdm.lock and say nothing about versions.
_ARTEFACTS = re.compile(r"^(?:wheels|files) = \[\n(?:[ \t]+\{[^\n]*\n)*+\]$", re.MULTILINE)


def read_toml(file: LockFile) -> Table:
    """A TOML lock file as its tool writes it; lists of artefacts may be left out. See :func:`parse_toml`."""
    text = file.text().replace("\r\n", "\n")
    if (
        '"""' not in text and "'''" not in text
    ):  # outside of long strings, a line that looks like a list is one
        text = _ARTEFACTS.sub("", text)
    return parse_toml(text, file.limits)


def header_lines(text: str, header: str) -> list[int]:
    """Line numbers, from 1, of the lines that are exactly ``header``, such as ``[[package]]``."""
    return [number for number, line in enumerate(text.split("\n"), 1) if line.rstrip() == header]


# A key that opens an object, as JSON tools print it: alone at the start of its line.
_JSON_KEY = re.compile(r'^[ \t]*+"((?:[^"\\\n]|\\.)*+)"[ \t]*+:[ \t]*+[{[]', re.MULTILINE)


def json_key_lines(text: str, section: str = "") -> dict[str, int]:
    """First line, from 1, on which each key begins; keys with escapes and one-line files have none.

    Args:
        text: the file.
        section: look only behind the first mention of this key.
    """
    lines: dict[str, int] = {}
    start = max(text.find(f'"{section}"'), 0) if section else 0
    line, position = 1, 0
    for match in _JSON_KEY.finditer(text, start):
        start = match.start(1)
        line += text.count("\n", position, start)
        position = start
        lines.setdefault(match.group(1), line)
    return lines
