"""Maven's resolved dependencies as ``mvn dependency:tree`` and ``mvn dependency:list`` write them to a file.

Format: maven.apache.org "maven-dependency-plugin": ``group:artifact:type[:classifier]:version:scope``, in a tree
three characters deeper a level below the project's own ``group:artifact:type:version``.
"""

from __future__ import annotations

import re

from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError

_LINE = re.compile(
    r"(?:\[INFO\] )?(?P<branch>[|+\\\- ]*)\(?(?P<coordinates>[^\s:()]+(?::[^\s:()]*){2,5})(?P<rest>.*)"
)
_LONGEST = 2_000
_SCOPES = {"compile", "provided", "runtime", "test", "system", "import"}
_COLORS = re.compile(r"\x1b\[[0-9;]*m")


def read(file: LockFile) -> Reading:
    """Reads a tree or list."""
    gathering = Gathering(file, "Maven")
    chain: list[str] = []
    is_tree = False
    is_known = False
    for number, raw in enumerate(_COLORS.sub("", file.text()).splitlines(), 1):
        line = raw.rstrip()
        if line.strip() == "none":
            is_known = True  # a project without dependencies
        if len(line) > _LONGEST:
            raise UnreadableError(f"Line {number} is longer than Maven's dependency plugin writes")
        match = _LINE.fullmatch(line)
        if match is None:
            if ":" in line and not line.startswith(("[INFO]", "The following", "[WARNING]")) and line.strip():
                gathering.leave(
                    line.strip(), "the line is not one that Maven's dependency plugin writes", number
                )
            continue
        parts = match["coordinates"].split(":")
        depth = len(match["branch"]) // 3
        is_known = True
        if parts[-1] not in _SCOPES:
            if match["branch"].strip() or len(parts) > 5:
                gathering.leave(match["coordinates"], "it names no scope that Maven knows", number)
            else:
                is_tree, chain = True, []  # the project itself
            continue
        if " - omitted for conflict" in match["rest"]:
            continue  # another version was chosen, which is listed on its own
        name, version = f"{parts[0]}:{parts[1]}", parts[-2]
        chain = [*chain[: max(depth - 1, 0)], name]
        path = tuple(chain) if is_tree and len(chain) <= file.limits.path_length else ()
        gathering.add(
            name, version, line=number, place=Place(depth == 1 if is_tree else None, parts[-1] == "test", path)
        )  # fmt: skip
    if not is_known:
        raise UnreadableError("It holds no dependency as Maven's dependency plugin writes them")
    return gathering.reading(frozenset({"."}))


FORMAT = Format("Maven dependency tree", "Maven", ("dependency-tree.txt", "dependency-list.txt"), read)
