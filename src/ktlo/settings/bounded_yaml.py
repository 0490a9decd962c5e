"""A settings file may be a stranger's: its size, depth and what its aliases stand for are bounded before it is read.

``ktlo check`` reads the ``ktlo.yaml`` of whatever repository it looks at. Anchors and merges are allowed, but not those
that stand for more than the limit: PyYAML copies what a merge names, so that ten lines could fill the memory.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from ktlo.errors import UserError

LARGEST = 1 << 20
MOST = 100_000
DEEPEST = 40


def read_bounded(file: Path) -> Any:
    """The content of a YAML file.

    Raises:
        UserError: it is no regular file, too large, not YAML, nests too deep or explodes.
    """
    import yaml

    where = str(file)
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UserError("the settings are no regular file", where=where)
        if found.st_size > LARGEST:
            raise UserError(f"the settings are larger than {LARGEST >> 20} MiB", where=where)
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the file cannot be read: {error}", where=where) from error
    try:
        _bound(text, where)
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"this is not YAML: {error}", where=where, fix="Mend the line") from error


def _bound(text: str, where: str) -> None:
    """Count what the document stands for, aliases written out."""
    import yaml

    sizes: dict[str, int] = {}
    # One entry an open container: its anchor, and how much it holds so far.
    stack: list[tuple[str, list[int]]] = [("", [0])]
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        size = 1
        if isinstance(event, yaml.AliasEvent):
            size = sizes.get(event.anchor or "", 1)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if len(stack) > DEEPEST:
                raise UserError(f"the settings nest deeper than {DEEPEST}", where=where)
            stack.append((event.anchor or "", [1]))
            continue
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            anchor, (size,) = stack.pop()
            sizes[anchor] = size
        elif not isinstance(event, yaml.ScalarEvent):
            continue
        elif event.anchor:
            sizes[event.anchor] = 1
        stack[-1][1][0] += size
        if stack[-1][1][0] > MOST:
            raise UserError(f"the settings stand for more than {MOST:,} values", where=where)
