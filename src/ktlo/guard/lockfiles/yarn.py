"""``yarn.lock`` of either family: version 1 and berry share the name, their first lines tell them apart."""

from __future__ import annotations

import re

from ktlo.guard.lockfiles import yarn_berry, yarn_v1
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading

_BERRY = re.compile(r"^__metadata:", re.MULTILINE)


def read(file: LockFile) -> Reading:
    """Reads a yarn lock file."""
    if _BERRY.search(file.text()):
        return yarn_berry.read(file)
    return yarn_v1.read(file)


FORMAT = Format("yarn.lock", "npm", ("yarn.lock",), read)
