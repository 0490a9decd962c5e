"""What the fields of an issue hold, read out of the forms that Jira gives them: a name, a person, a text."""

from __future__ import annotations

from typing import Any

import msgspec

from ktlo.sources.jira.payloads import Named, Person
from ktlo.sources.lengths import BODY


def text_of(value: Any) -> str:
    """Plain text of a description: text (v2), or a document of nodes (v3, Atlassian Document Format)."""
    if isinstance(value, str):
        return value
    parts: list[str] = []
    waiting = [value]
    while waiting and sum(map(len, parts)) < BODY:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(reversed(node))
        elif isinstance(node, dict):
            if isinstance(node.get("text"), str):
                parts.append(node["text"])
            if node.get("type") in ("paragraph", "heading", "listItem", "codeBlock") and parts:
                parts.append("\n")
            waiting.append(node.get("content"))
    return "".join(parts).strip()


def named(value: Any) -> str:
    """The name of a thing that has one (a type, a priority, an option); empty when there is none."""
    found = convert(value, Named)
    return (found.name or found.value or "") if found else ""


def person(value: Any) -> str:
    """Who it is; empty for nobody and for an app."""
    found = convert(value, Person)
    return found.who if found and found.account_type != "app" else ""


def convert(value: Any, kind: type[Any]) -> Any:
    """The value as what Jira documents; ``None`` when there is none.

    Raises:
        msgspec.ValidationError: it has another form.
    """
    return None if value is None else msgspec.convert(value, kind)
