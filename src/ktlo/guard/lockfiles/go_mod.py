"""``go.mod``: Go's modules with the versions minimal version selection chose.

Format: go.dev/ref/mod "go.mod files". Since go 1.17 the file lists every module that the project's packages need, so
it is its own lock file; ``go.sum`` also names versions that were only looked at, so it does not say what is built.
Versions lose their ``v``, as in OSV.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.wording import printable

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|`[^`]*+`?|=>|[^\s"`]+')
_VERSION = re.compile(r"v[0-9]+\.[0-9]+\.[0-9]+(?:[-+.][0-9A-Za-z.+-]+)?")
_GO = re.compile(r"(?P<major>[0-9]{1,3})\.(?P<minor>[0-9]{1,4})(?:[.a-z].*)?")
_ONE_LINE = {"module", "go", "toolchain", "godebug", "exclude", "retract", "tool", "ignore"}


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    verb: str
    words: tuple[str, ...]
    is_indirect: bool


def _lines(text: str) -> Iterator[_Line]:
    block = ""
    for number, raw in enumerate(text.split("\n"), 1):
        code, _, comment = raw.partition("//")
        words = tuple(word.strip('"`') for word in _TOKEN.findall(code))
        if not words:
            continue
        if block:
            if words == (")",):
                block = ""
                continue
            yield _Line(number, block, words, _is_indirect(comment))
        elif words[-1] == "(" and len(words) == 2:
            block = words[0]
        elif words[-1].endswith("(") and len(words) == 1:
            block = words[0].removesuffix("(")
        else:
            yield _Line(number, words[0], words[1:], _is_indirect(comment))
    if block:
        raise UnreadableError(f"The block {printable(block)} is never closed", fix="Run go mod tidy.")


def _is_indirect(comment: str) -> bool:
    return comment.strip().partition(";")[0].strip() == "indirect"


def read(file: LockFile) -> Reading:
    """Reads a go.mod file with its replacements."""
    gathering = Gathering(file, "Go")
    required: dict[str, tuple[str, _Line]] = {}
    replaced: dict[tuple[str, str], tuple[str, ...]] = {}
    version = (1, 16)
    for line in _lines(file.text().replace("\r\n", "\n")):
        if line.verb == "require" and len(line.words) == 2:
            name = line.words[0]
            if name in required and required[name][0] != line.words[1]:
                raise UnreadableError(
                    f"{printable(name)} is required twice, in two versions", fix="Run go mod tidy."
                )
            required[name] = (line.words[1], line)
        elif line.verb == "replace" and "=>" in line.words:
            at = line.words.index("=>")
            old, new = line.words[:at], line.words[at + 1 :]
            if len(old) not in {1, 2} or len(new) not in {1, 2}:
                raise UnreadableError(f"Line {line.number} is not a line of go.mod", fix="Run go mod tidy.")
            replaced[old[0], old[1] if len(old) == 2 else ""] = new
        elif line.verb == "go" and line.words and (match := _GO.fullmatch(line.words[0])):
            version = (int(match["major"]), int(match["minor"]))
        elif line.verb not in _ONE_LINE:
            raise UnreadableError(f"Line {line.number} is not a line of go.mod", fix="Run go mod tidy.")
    for name, (wanted, line) in required.items():
        place = Place(not line.is_indirect, None, () if line.is_indirect else (name,))
        target: tuple[str, ...] | None = replaced.get((name, wanted)) or replaced.get((name, ""))
        if target is not None and len(target) == 1:
            if not file.tree.exists(file.path.parent / target[0] / "go.mod"):
                gathering.add(name, "", origin=Origin.LOCAL, source=target[0], line=line.number, place=place)
            continue
        actual, chosen = (name, wanted) if target is None else (target[0], target[1])
        exact = _VERSION.fullmatch(chosen) is not None
        gathering.add(
            actual, chosen.removeprefix("v") if exact else f"={chosen}", line=line.number, place=place
        )
    if required and version < (1, 17):
        gathering.leave(
            "modules that these need",
            f"go.mod is for go {version[0]}.{version[1]}, which lists only what the project imports itself: "
            "run go mod tidy -go=1.17 or newer",
        )
    return gathering.reading(frozenset({"."}))


FORMAT = Format("go.mod", "Go", ("go.mod",), read)
