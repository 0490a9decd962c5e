"""A vendor's description of its API, read out of a client for Python that was generated from it.

Swagger Codegen and OpenAPI Generator write the types, names and closed sets of a description into the client's text.
It is neither installed nor imported.
"""

from __future__ import annotations

import ast
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs

PLAIN: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "date": {"type": "string"},
    "datetime": {"type": "string"},
    "object": {},
}


class GeneratedClient:
    """What a client's text says of some requests; what is not described is refused.

    Args:
        wheel: of the client.
        calls: path in the wheel of the file that makes the requests.
        operations: pattern of the path by the name of the function.
        is_null_told: the description says where a value may be null; else anything but an identifier may.
    """

    def __init__(self, wheel: Path, calls: str, operations: Mapping[str, str], *, is_null_told: bool) -> None:
        self._operations = operations
        with zipfile.ZipFile(wheel) as packed:
            texts = {name: packed.read(name).decode() for name in packed.namelist() if name.endswith(".py")}
        definitions = {}
        for text in texts.values():
            if re.search(r"(openapi|swagger)_types = \{", text):
                definitions.update(_schemas(ast.parse(text), is_null_told=is_null_told))
        self._parameters, self._answers = {}, {}
        for name in operations:
            _, _, body = texts[calls].partition(f"def {name}_with_http_info(")
            body = body.partition("\n    def ")[0]
            self._parameters[name] = set(re.findall(r"query_params.append\(\('(\w+)'", body))
            (answer,) = re.findall(r"response_type='([\w\[\]]+)'", body)
            self._answers[name] = jsonschema_rs.Draft7Validator(
                {**_schema(answer), "definitions": definitions}
            )

    def violations(self, path: str, query: Iterable[str], answer: Any) -> Iterator[str]:
        """How a request and its answer break the description.

        Args:
            path: of the request.
            query: names of its parameters.
            answer: what is answered.
        """
        name = next((one for one, path_of in self._operations.items() if re.fullmatch(path_of, path)), None)
        if name is None:
            yield f"there is no {path}"
            return
        yield from (f"no parameter {one}" for one in query if one not in self._parameters[name])
        for error in self._answers[name].iter_errors(answer):
            yield f"{'/'.join(map(str, error.instance_path))}: {error.message}"


def _schemas(module: ast.Module, *, is_null_told: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """JSON Schema of each class that is a type of the description; other properties are refused."""
    for kind in module.body:
        if isinstance(kind, ast.ClassDef):
            said = dict(_assigned(kind.body))
            types = said.get("openapi_types") or said.get("swagger_types")
            if types is None:
                continue
            closed = {
                one.name: dict(_assigned(one.body)).get("allowed_values")
                for one in kind.body
                if isinstance(one, ast.FunctionDef) and len(one.args.args) > 1
            }
            properties = {}
            for name, given in types.items():
                schema = _schema(given)
                if given == "str" and closed.get(name):
                    schema = {"enum": closed[name]}
                is_null = not is_null_told and name != "id"
                properties[said["attribute_map"][name]] = (
                    {"anyOf": [{"type": "null"}, schema]} if is_null else schema
                )
            yield kind.name, {"type": "object", "properties": properties, "additionalProperties": False}


def _assigned(body: Iterable[ast.stmt]) -> Iterator[tuple[str, Any]]:
    for one in body:
        is_value = isinstance(one, ast.Assign) and isinstance(one.value, ast.Dict | ast.List)
        if is_value and isinstance(one.targets[0], ast.Name):
            yield one.targets[0].id, ast.literal_eval(one.value)


def _schema(given: str) -> dict[str, Any]:
    if match := re.fullmatch(r"list\[(.*)\]", given):
        return {"type": "array", "items": _schema(match[1])}
    if match := re.fullmatch(r"dict\(str, (.*)\)", given):
        return {"type": "object", "additionalProperties": _schema(match[1])}
    return PLAIN.get(given, {"$ref": f"#/definitions/{given}"})
