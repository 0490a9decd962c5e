"""A workflow file as its texts, each with the keys that lead to it and its line. Bounded, and nothing is resolved.

Anchors, aliases, merges and tags are part of these files (GitLab's ``!reference``), so they are passed over instead of
refused: what an anchor names is seen where it is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST = 200_000
DEEPEST = 64


class WorkflowError(Exception):
    """A file that cannot be read; the message is a clause."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One text.

    Attributes:
        keys: keys from the root; items of a list have their number.
        value: the text; empty for an alias, and for a mapping or list, which has a leaf of its own.
        line: of the text, from 1.
    """

    keys: tuple[str, ...]
    value: str
    line: int


def leaves(text: bytes) -> tuple[Leaf, ...]:
    """Every text of a YAML file, also of several documents in it.

    Raises:
        WorkflowError: it is not YAML, nests too deep, or holds too much.
    """
    import yaml

    found: list[Leaf] = []
    stack: list[tuple[bool, list[str]]] = []  # is it a mapping; the key or number that is waiting
    try:
        for count, event in enumerate(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))):
            if count > MOST or len(stack) > DEEPEST:
                raise WorkflowError("it is larger or nested deeper than workflow files are")
            if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                stack.pop()
                _next(stack)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                if _waits_for_key(stack):
                    raise WorkflowError("a key of it is not text")
                is_mapping = isinstance(event, yaml.MappingStartEvent)
                found.append(Leaf(_keys(stack), "", _line(event)))
                stack.append((is_mapping, [] if is_mapping else ["0"]))
            elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
                value = event.value if isinstance(event, yaml.ScalarEvent) else ""
                if _waits_for_key(stack):
                    stack[-1][1].append(value)
                    continue
                found.append(Leaf(_keys(stack), value, _line(event)))
                _next(stack)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise WorkflowError(f"it is not YAML: {' '.join(str(error).split())[:200]}") from None
    return tuple(found)


def _keys(stack: list[tuple[bool, list[str]]]) -> tuple[str, ...]:
    return tuple(key for _, keys in stack for key in keys)


def _line(event: Any) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 0


def _waits_for_key(stack: list[tuple[bool, list[str]]]) -> bool:
    return bool(stack) and stack[-1][0] and not stack[-1][1]


def _next(stack: list[tuple[bool, list[str]]]) -> None:
    """The value of the innermost container has come: a mapping waits for a key again, a list counts on."""
    if not stack:
        return
    is_mapping, keys = stack[-1]
    if is_mapping:
        keys.clear()
    else:
        keys[0] = str(int(keys[0]) + 1)
