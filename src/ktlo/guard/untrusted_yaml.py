"""YAML from strangers: every scalar stays the text that was written, and nothing can explode.

Built on libyaml's event stream, because its ready loader crashes the process on deep nesting (200,000 ``[``)
and PyYAML's merge keys grow exponentially. Versions such as ``1.10`` are not numbers: nothing is guessed.
Source of the format: YAML 1.1 as PyYAML parses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ktlo.errors import UserError

MOST_NODES = 2_000_000
DEEPEST = 64


def load_yaml(text: bytes, *, where: str, most_nodes: int = MOST_NODES) -> Any:
    """Read one document into dicts, lists and strings.

    Args:
        text: the document, UTF-8.
        where: file name for the sentence in an error.
        most_nodes: refuse documents with more scalars and containers than this.

    Returns:
        Nested dicts, lists and strings; an empty string for an empty document or a missing value.

    Raises:
        UserError: not YAML, or it uses aliases, nests deeper than 64, or is larger than allowed.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _build(yaml.parse(text, Loader=loader), where, most_nodes)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        first = " ".join(str(error).split())[:200]
        raise UserError(f"this is not YAML that can be read: {first}", where=where) from error


def _build(events: Iterator[Any], where: str, most_nodes: int) -> Any:
    import yaml

    root: list[Any] = []
    # One entry per open container: the container, and for a mapping the key that waits for its value.
    stack: list[tuple[list[Any] | dict[str, Any], list[str]]] = [(root, [])]
    nodes = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            raise UserError("YAML aliases are not read here: they can explode", where=where)
        if isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            stack.pop()
            continue
        if isinstance(event, yaml.ScalarEvent):
            made: Any = event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            made = []
        elif isinstance(event, yaml.MappingStartEvent):
            made = {}
        else:
            continue
        nodes += 1
        if nodes > most_nodes:
            raise UserError(f"the YAML document has more than {most_nodes:,} parts", where=where)
        if len(stack) > DEEPEST:
            raise UserError(f"the YAML document nests deeper than {DEEPEST}", where=where)
        _attach(stack[-1], made, where)
        if not isinstance(made, str):
            stack.append((made, []))
    return root[0] if root else ""


def _attach(top: tuple[list[Any] | dict[str, Any], list[str]], made: Any, where: str) -> None:
    container, waiting = top
    if isinstance(container, list):
        container.append(made)
    elif waiting:
        container[waiting.pop()] = made
    elif isinstance(made, str):
        waiting.append(made)
    else:
        raise UserError("a YAML mapping has a key that is not text", where=where)
