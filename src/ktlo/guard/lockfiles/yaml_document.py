"""YAML lock files (pnpm, yarn berry) from libyaml's events: no aliases, no tags, no merges, bounded.

An alias lets ten lines stand for billions of values, and a tag can name code to run; the tools whose lock files
are YAML write neither. Works on events without recursion, so depth costs no stack. Scalars stay text, as
``version: 5.10`` must not become a number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ktlo.guard.lockfiles.protocol import Limits, LockFile, UnreadableError
from ktlo.guard.lockfiles.shapes import Table, as_table
from ktlo.guard.lockfiles.wording import printable

_AGAIN = "Make it again with its tool."


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet."""

    value: dict[str, object] | list[object]
    key: str | None = None


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A parsed file.

    Attributes:
        root: the outermost mapping; scalars are text, ``true``/``false`` are booleans, empty and ``null`` None.
        lines: line, from 1, of each key of the outermost mapping and of its mappings, by (outer key, key).
    """

    root: Table
    lines: dict[tuple[str, str], int] = field(default_factory=dict)


def _scalar(event: Any) -> object:
    value: str = event.value
    if not event.style:
        if value in {"true", "false"}:
            return value == "true"
        if value in {"", "null", "~"}:
            return None
    return value


def _parse(text: str, limits: Limits) -> YamlDocument:
    import yaml

    stack: list[_Open] = []
    root: object = None
    documents = 0
    lines: dict[tuple[str, str], int] = {}
    for count, event in enumerate(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))):
        if count > limits.values:
            raise UnreadableError(
                f"It holds more than {limits.values:,} values", fix="Raise the limit if it is meant."
            )
        line = event.start_mark.line + 1 if event.start_mark is not None else 0
        if isinstance(event, yaml.AliasEvent):
            raise UnreadableError(
                f"It holds a YAML alias in line {line}, which lock files never do", fix=_AGAIN
            )
        if getattr(event, "tag", None) or getattr(event, "anchor", None):
            raise UnreadableError(
                f"It holds a YAML tag or anchor in line {line}, which lock files never do", fix=_AGAIN
            )
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise UnreadableError("It holds more than one YAML document", fix=_AGAIN)
            continue
        closed: object
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if len(stack) >= limits.depth:
                raise UnreadableError("It is nested too deep", fix=_AGAIN)
            stack.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else []))
            if len(stack) > 1 and isinstance(stack[-2].value, dict) and stack[-2].key is None:
                raise UnreadableError(f"A key in line {line} is not text", fix=_AGAIN)
            continue
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            closed = stack.pop().value
        elif isinstance(event, yaml.ScalarEvent):
            top = stack[-1] if stack else None
            if top is not None and isinstance(top.value, dict) and top.key is None:
                if event.value in top.value:
                    raise UnreadableError(
                        f"The key {printable(event.value)} is given twice, again in line {line}", fix=_AGAIN
                    )
                if event.value == "<<" and not event.style:
                    raise UnreadableError(
                        f"It holds a YAML merge in line {line}, which lock files never do", fix=_AGAIN
                    )
                top.key = event.value
                if len(stack) == 1:
                    lines["", event.value] = line
                elif len(stack) == 2 and stack[0].key is not None:
                    lines[stack[0].key, event.value] = line
                continue
            closed = _scalar(event)
        else:
            continue
        if not stack:
            root = closed
        elif isinstance(stack[-1].value, dict):
            stack[-1].value[stack[-1].key or ""] = closed
            stack[-1].key = None
        else:
            stack[-1].value.append(closed)
    return YamlDocument(as_table(root, "the file"), lines)


def read_yaml(file: LockFile) -> YamlDocument:
    """A YAML lock file.

    Raises:
        UnreadableError: not YAML, or it uses what lock files never do (aliases, tags, merges, doubled keys).
    """
    import yaml

    try:
        return _parse(file.text(), file.limits)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark is not None else ""
        raise UnreadableError(f"It is not YAML{place}", fix=_AGAIN) from None
    except RecursionError:
        raise UnreadableError("It is nested too deep", fix=_AGAIN) from None
