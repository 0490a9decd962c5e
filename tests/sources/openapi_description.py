"""A vendor's OpenAPI description (3.0, or Swagger 2.0), as what a request and its answer are held against.

Stricter than OpenAPI: what is not described is refused, in parameters and in answers. Looser in one thing: a value
may be null where ``nullable``, its example or its words say so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import jsonschema_rs


class Description:
    """What a description says of requests that read.

    Args:
        document: the whole description.
        may_be_null: names of properties that may be null although it does not say so.
    """

    def __init__(self, document: Mapping[str, Any], may_be_null: Collection[str] = ()) -> None:
        self._document = document
        self._may_be_null = may_be_null
        self._definitions: dict[str, Any] = {}
        self._validators: dict[str, Any] = {}

    @cached_property
    def _operations(self) -> dict[str, Any]:
        """By path; of two that fit, the one with fewer parameters in it is asked first."""
        paths = self._document["paths"]
        return {path: paths[path] for path in sorted(paths, key=lambda path: path.count("{"))}

    def operation(self, path: str) -> str | None:
        """The described path that a request's path is one of."""
        for described, methods in self._operations.items():
            pattern = re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(described))
            if "get" in methods and re.fullmatch(pattern, path):
                return described
        return None

    def example(self, path: str) -> Any:
        """The example answer of a described path."""
        content = self._answer(path)
        said = content.get("example") or next(iter(content["examples"].values()))["value"]
        return json.loads(json.dumps(said))

    def violations(self, path: str, query: Mapping[str, Sequence[str]], answer: Any) -> Iterator[str]:
        """How a request and its answer break the description.

        Args:
            path: of the request.
            query: values of its parameters by name.
            answer: what is answered.
        """
        described = self.operation(path)
        if described is None:
            yield f"there is no {path}"
            return
        known = self._parameters(described)
        for name, values in query.items():
            if name not in known:
                yield f"no parameter {name}"
                continue
            one_of = self._validator(f"{described}?{name}", known[name].get("items", known[name]))
            for value in values if known[name].get("type") != "array" else ",".join(values).split(","):
                yield from (
                    f"parameter {name}: {error.message}" for error in one_of.iter_errors(_typed(value))
                )
        for error in self._validator(described, self._answer(described)["schema"]).iter_errors(answer):
            yield f"{'/'.join(map(str, error.instance_path))}: {error.message}"

    def _parameters(self, path: str) -> dict[str, Any]:
        methods = self._operations[path]
        said = [
            self._resolved(one)
            for one in (*methods.get("parameters", ()), *methods["get"].get("parameters", ()))
        ]
        return {one["name"]: self._resolved(one.get("schema", one)) for one in said if one["in"] == "query"}

    def _answer(self, path: str) -> Any:
        answer = self._resolved(self._operations[path]["get"]["responses"]["200"])
        return answer["content"]["application/json"] if "content" in answer else answer

    def _resolved(self, part: Any) -> Any:
        while "$ref" in part:
            found: Any = self._document
            for step in part["$ref"].removeprefix("#/").split("/"):
                name = step.replace("~1", "/").replace("~0", "~")
                found = found[int(name)] if isinstance(found, list) else found[name]
            part = found
        return part

    def _validator(self, name: str, schema: Any) -> Any:
        if name not in self._validators:
            written = self._written(schema)
            self._validators[name] = jsonschema_rs.Draft7Validator(
                {**written, "definitions": self._definitions}
            )
        return self._validators[name]

    def _written(self, schema: Any) -> dict[str, Any]:
        """As JSON Schema, without what is not described; parts that the description names stay apart."""
        if "$ref" in schema:
            name = re.sub(r"\W+", "-", schema["$ref"])
            if name not in self._definitions:
                self._definitions[name] = {}
                self._definitions[name].update(self._written(self._resolved(schema)))
            return {"$ref": f"#/definitions/{name}"}
        if "allOf" in schema:
            return self._written(self._joined(schema))
        for several in ("oneOf", "anyOf"):
            if several in schema:
                return {"anyOf": [self._written(one) for one in schema[several]]}
        said = {key: schema[key] for key in ("type", "enum", "required") if key in schema}
        if "items" in schema:
            said["items"] = self._written(schema["items"])
        if schema.get("properties"):
            said["properties"] = {
                name: self._or_null(name, one, schema) for name, one in schema["properties"].items()
            }
            said["additionalProperties"] = schema.get("additionalProperties", False)
        return said

    def _joined(self, schema: Any) -> dict[str, Any]:
        """An object that is described in several parts, as one.

        Of a property that is described twice the last counts; where the two contradict each other, both.
        """
        whole: dict[str, Any] = {"properties": {}, "required": []}
        for part in (*schema["allOf"], {key: value for key, value in schema.items() if key != "allOf"}):
            said = self._resolved(part)
            said = self._joined(said) if "allOf" in said else said
            for name, one in said.get("properties", {}).items():
                before = whole["properties"].get(name, {})
                is_other = "enum" in one and not {*one["enum"]} & {*before.get("enum", one["enum"])}
                whole["properties"][name] = {"anyOf": [before, one]} if is_other else one
            whole["required"] += said.get("required", [])
            whole |= {key: value for key, value in said.items() if key not in ("properties", "required")}
        return whole

    def _or_null(self, name: str, schema: Any, inside: Any) -> dict[str, Any]:
        said = self._resolved(schema)
        words = f"{schema.get('description', '')} {said.get('description', '')}"
        example = inside.get("example")
        is_null = (
            said.get("nullable")
            or schema.get("nullable")
            or name in self._may_be_null
            or re.search(r"\bnull\b", words, re.IGNORECASE)
            or (isinstance(example, dict) and name in example and example[name] is None)
        )
        written = self._written(schema)
        return {"anyOf": [{"type": "null"}, written]} if is_null else written


def _typed(said: str) -> Any:
    """A parameter's value as its type would be."""
    if said in ("true", "false"):
        return said == "true"
    return int(said) if re.fullmatch(r"-?\d+", said) else said
