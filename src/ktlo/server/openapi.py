"""The API's own description, read into operations and models: what ``/api/docs`` and docs/reference/api.md show.

Source of the format: OpenAPI 3.1, as FastAPI writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Member:
    """A parameter of an operation, or a field of a model.

    Attributes:
        name: its name.
        place: query, path or body.
        type: in words: ``text``, ``list of integer``, ``EstimateOut``.
        is_required: must be given.
        default: value when it is not given, as JSON has it; empty for none.
        description: what it means.
    """

    name: str
    place: str
    type: str
    is_required: bool
    default: str
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    Attributes:
        method: GET, POST…
        path: with its parameters in braces.
        name: unique, usable as an anchor.
        summary: first line.
        description: the rest.
        tag: what it belongs to.
        parameters: of path and query.
        body: model of the request's body; empty when it has none.
        answers: (status, model or words) pairs.
    """

    method: str
    path: str
    name: str
    summary: str
    description: str
    tag: str
    parameters: tuple[Member, ...]
    body: str
    answers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A JSON object of requests or answers."""

    name: str
    description: str
    members: tuple[Member, ...]
    values: tuple[str, ...]
    """Of a closed set of texts; then there are no members."""


def type_words(schema: Mapping[str, Any]) -> str:
    """A schema's type in words; a model is called by its name."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_words(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {type_words(schema.get('items', {}))}"
    if kind == "string":
        return {"date-time": "instant", "date": "date"}.get(str(schema.get("format")), "text")
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {type_words(schema['additionalProperties'])}"
    return str(kind)


def _default(schema: Mapping[str, Any]) -> str:
    value = schema.get("default")
    return "" if value in (None, "", []) else str(value)


def _content(answer: Mapping[str, Any]) -> str:
    for described in answer.get("content", {}).values():
        if described.get("schema"):
            return type_words(described["schema"])
    return ""


def operations(document: Mapping[str, Any]) -> list[Operation]:
    """Every operation, in the document's order."""
    found = []
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method not in methods:
                continue
            said = methods[method]
            summary, _, rest = str(said.get("description", said.get("summary", ""))).partition("\n")
            found.append(
                Operation(
                    method=method.upper(),
                    path=path,
                    name=f"{method}-{path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}",
                    summary=summary.strip(),
                    description=" ".join(rest.split()),
                    tag=str((said.get("tags") or ["other"])[0]),
                    parameters=tuple(
                        Member(
                            one["name"],
                            one["in"],
                            type_words(one["schema"]),
                            bool(one.get("required")),
                            _default(one["schema"]),
                            str(one.get("description") or one["schema"].get("description", "")),
                        )
                        for one in said.get("parameters", [])
                    ),
                    body=_content(said.get("requestBody", {})),
                    answers=tuple(
                        (status, _content(answer) or str(answer.get("description", "")))
                        for status, answer in said.get("responses", {}).items()
                        if status.startswith("2")
                    ),
                )
            )
    return found


def models(document: Mapping[str, Any]) -> list[Model]:
    """Every model, by name."""
    found = []
    for name, schema in sorted(document.get("components", {}).get("schemas", {}).items()):
        required = schema.get("required", [])
        found.append(
            Model(
                name=name,
                description=" ".join(str(schema.get("description", "")).split()),
                members=tuple(
                    Member(
                        member,
                        "body",
                        type_words(said),
                        member in required,
                        _default(said),
                        str(said.get("description", "")),
                    )
                    for member, said in schema.get("properties", {}).items()
                ),
                values=tuple(str(one) for one in schema.get("enum", [])),
            )
        )
    return found
