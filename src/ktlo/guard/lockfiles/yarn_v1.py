"""Yarn 1's ``yarn.lock``: blocks headed by the ranges they answer, told apart from berry's by its first lines.

Format: classic.yarnpkg.com "yarn.lock" and the file's own ``# yarn lockfile v1``; one block per resolved package,
indented by two, ``dependencies:`` by four. The file does not know the project, ``package.json`` beside it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import PurePosixPath

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place, places
from ktlo.guard.lockfiles.npm_names import (
    Declared,
    declared_in,
    is_own_folder,
    manifest_beside,
    origin_of,
    split_name,
    wrong_archive,
)
from ktlo.guard.lockfiles.protocol import LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.wording import address, printable

_WORD = re.compile(r'"(?P<quoted>(?:[^"\\]|\\.)*+)"?|(?P<bare>[^\s",:][^\s",]*)')
_REQUIREMENTS = {"dependencies:", "optionalDependencies:"}


@dataclass(slots=True)
class _Block:
    patterns: list[str]
    line: int
    version: str = ""
    resolved: str = ""
    requires: list[str] = field(default_factory=list)


def _words(line: str) -> list[str]:
    return [
        m["quoted"] if m["quoted"] is not None else m["bare"].removesuffix(":") for m in _WORD.finditer(line)
    ]


def _blocks(text: str) -> Iterator[_Block]:
    block: _Block | None = None
    in_requirements = False
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        depth = len(line) - len(line.lstrip(" "))
        if depth == 0:
            if not stripped.endswith(":"):
                raise UnreadableError(f"Line {number} is not a line of yarn 1", fix="Run yarn install.")
            if block is not None:
                yield block
            block, in_requirements = _Block(_words(stripped), number), False
            continue
        if block is None:
            raise UnreadableError(f"Line {number} belongs to no package", fix="Run yarn install.")
        words = _words(stripped)
        if depth == 2:
            in_requirements = stripped in _REQUIREMENTS
            if len(words) == 2 and words[0] in {"version", "resolved"}:
                if getattr(block, words[0]):
                    raise UnreadableError(f"Line {number} gives {words[0]} twice", fix="Run yarn install.")
                setattr(block, words[0], words[1])
        elif depth == 4 and in_requirements and len(words) == 2:
            block.requires.append(f"{words[0]}@{words[1]}")
        elif depth == 4 and in_requirements:
            raise UnreadableError(f"Line {number} is not a line of yarn 1", fix="Run yarn install.")
    if block is not None:
        yield block


def read(file: LockFile) -> Reading:
    """Reads a yarn 1 lock file."""
    gathering = Gathering(file, "npm")
    most = file.limits.dependencies
    blocks = list(islice(_blocks(file.text().replace("\r\n", "\n")), most + 1))
    if len(blocks) > most:
        raise UnreadableError(
            f"It names more than {most:,} packages", fix="Raise the limit if it is meant to."
        )
    answers: dict[str, _Block] = {}
    for block in blocks:
        for pattern in block.patterns:
            if pattern in answers:
                raise UnreadableError(f"{printable(pattern)} is answered twice", fix="Run yarn install.")
            answers[pattern] = block
    asked, members, is_known = _project(file)
    for name, wanted in asked.everything().items():
        if f"{name}@{wanted}" not in answers and not wanted.startswith(("workspace:", "link:")):
            gathering.leave(
                name, "package.json asks for it but the lock file does not have it: run yarn install"
            )
    found = _places(asked, answers, blocks, file.limits.path_length)
    for position, block in enumerate(blocks):
        name, asked_as = split_name(block.patterns[0] if block.patterns else "")
        if asked_as.startswith("npm:"):
            name = split_name(asked_as.removeprefix("npm:"))[0]
        origin, source = origin_of(asked_as), block.resolved or asked_as
        if origin is Origin.REGISTRY:
            origin = origin_of(block.resolved)
        if origin is Origin.LOCAL and not block.resolved and is_own_folder(file, asked_as):
            continue
        if wrong_archive(name, block.version, block.resolved):
            gathering.leave(
                f"{name} {block.version}", f"it is fetched as something else ({address(source)})", block.line
            )
        place = found.get(position, Place(False, None)) if is_known else Place()
        gathering.add(name, block.version, origin=origin, source=source, line=block.line, place=place)
    return gathering.reading(members)


def _project(file: LockFile) -> tuple[Declared, frozenset[str], bool]:
    """What the manifest and its workspaces ask for, the workspaces' folders, and whether there is a manifest."""
    manifest = manifest_beside(file)
    if manifest is None:
        return Declared({}, {}), frozenset({"."}), False
    workspaces = manifest.get("workspaces")
    if isinstance(workspaces, dict):
        workspaces = workspaces.get("packages")
    globs = [glob.removeprefix("./").rstrip("/") for glob in workspaces or () if isinstance(glob, str)] \
        if isinstance(workspaces, list) else []  # fmt: skip
    members = {"."}
    asked = declared_in(manifest)
    names: set[str] = set()
    below = file.tree.folders_with("package.json", file.path.parent) if globs else ()
    for folder in (path.relative_to(file.path.parent).as_posix() for path in below):
        if any(_matches(folder, glob) for glob in globs):
            member = manifest_beside(file, folder)
            if member is not None:
                members.add(folder)
                names.add(str(member.get("name")))
                more = declared_in(member)
                asked = Declared(
                    {**more.production, **asked.production}, {**more.development, **asked.development}
                )
    own = {name: wanted for name, wanted in asked.production.items() if name not in names}
    return (
        Declared(own, {n: w for n, w in asked.development.items() if n not in names}),
        frozenset(members),
        True,
    )


def _matches(folder: str, glob: str) -> bool:
    parts, wanted = PurePosixPath(folder).parts, PurePosixPath(glob).parts
    if "**" in wanted:
        return fnmatchcase(folder, glob)
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _places(
    asked: Declared, answers: dict[str, _Block], blocks: list[_Block], longest: int
) -> dict[int, Place]:
    positions = {id(block): position for position, block in enumerate(blocks)}

    def nodes(patterns: Iterator[str] | list[str]) -> Iterator[int]:
        return (positions[id(answers[pattern])] for pattern in patterns if pattern in answers)

    return places(
        nodes([f"{name}@{wanted}" for name, wanted in asked.production.items()]),
        nodes([f"{name}@{wanted}" for name, wanted in asked.development.items()]),
        lambda position: nodes(blocks[position].requires),
        lambda position: split_name(blocks[position].patterns[0])[0],
        longest,
    )
