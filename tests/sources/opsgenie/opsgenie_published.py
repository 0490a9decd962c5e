"""Opsgenie's published description of its alerts, as its own SDK for Python carries it (``opsgenie-sdk``).

The SDK is generated from Opsgenie's OpenAPI description. It is neither installed nor imported: its wheel is kept in the
cache folder, and what it says of paths, parameters and types is read out of its text. It holds no schedules.
"""

from __future__ import annotations

import ast
import functools
import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
from pypi_wheels import wheel

PACKAGE = "opsgenie-sdk==2.1.5"
OPERATIONS = {
    "list_alerts": r"/v2/alerts",
    "get_alert": r"/v2/alerts/[^/]+",
    "list_logs": r"/v2/alerts/[^/]+/logs",
}
PLAIN: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "datetime": {"type": "string"},
    "object": {},
}


class Published:
    """What Opsgenie publishes of the requests that ktlo makes.

    Args:
        wheel: of the SDK.
    """

    def __init__(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as packed:
            texts = {name: packed.read(name).decode() for name in packed.namelist() if name.endswith(".py")}
        definitions = {}
        for text in texts.values():
            if "openapi_types = {" in text:
                definitions.update(_schemas(ast.parse(text)))
        calls = texts["opsgenie_sdk/api/alert/__init__.py"]
        self._parameters, self._answers = {}, {}
        for name in OPERATIONS:
            _, _, body = calls.partition(f"def {name}_with_http_info(")
            body = body.partition("\n    def ")[0]
            self._parameters[name] = set(re.findall(r"query_params.append\(\('(\w+)'", body))
            (answer,) = re.findall(r"response_type='(\w+)'", body)
            schema = {"$ref": f"#/definitions/{answer}", "definitions": definitions}
            self._answers[name] = jsonschema_rs.Draft7Validator(schema)

    def violations(self, path: str, query: Iterable[str], answer: Any) -> Iterator[str]:
        """How a request and its answer break the description.

        Args:
            path: of the request.
            query: names of its parameters.
            answer: what is answered.
        """
        name = next((one for one, path_of in OPERATIONS.items() if re.fullmatch(path_of, path)), None)
        if name is None:
            yield f"there is no {path}"
            return
        yield from (f"no parameter {one}" for one in query if one not in self._parameters[name])
        for error in self._answers[name].iter_errors(answer):
            yield f"{'/'.join(map(str, error.instance_path))}: {error.message}"


def _schemas(module: ast.Module) -> Iterator[tuple[str, dict[str, Any]]]:
    """JSON Schema of each class that is a type of the description; other properties are refused."""
    for kind in module.body:
        if isinstance(kind, ast.ClassDef):
            said = {
                one.targets[0].id: ast.literal_eval(one.value)
                for one in kind.body
                if isinstance(one, ast.Assign)
                and isinstance(one.targets[0], ast.Name)
                and isinstance(one.value, ast.Dict)
            }
            if "openapi_types" in said:
                names, types = said["attribute_map"], said["openapi_types"]
                properties = {names[name]: _schema(given) for name, given in types.items()}
                yield kind.name, {"type": "object", "properties": properties, "additionalProperties": False}


def _schema(given: str) -> dict[str, Any]:
    if match := re.fullmatch(r"list\[(.*)\]", given):
        return {"type": "array", "items": _schema(match[1])}
    if match := re.fullmatch(r"dict\(str, (.*)\)", given):
        return {"type": "object", "additionalProperties": _schema(match[1])}
    return PLAIN.get(given) or {"$ref": f"#/definitions/{given}"}


@functools.cache
def published() -> Published | None:
    """The description; ``None`` where pip cannot have it, which is a failure where ``CI`` is set."""
    try:
        return Published(wheel(PACKAGE))
    except LookupError:
        if os.environ.get("CI"):
            raise
        return None
