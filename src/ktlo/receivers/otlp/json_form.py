"""OTLP in JSON: the protobuf mapping with the protocol's own exceptions.

Identifiers are hexadecimal in either case instead of base64, enumerations are integers, keys are lowerCamelCase only,
unknown ones are ignored. Source: opentelemetry-proto, docs/specification.md, "JSON Protobuf Encoding".
"""

from __future__ import annotations

import base64
import json
import math
from typing import Any, TypeVar

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from ktlo.receivers.otlp.accepting import MalformedError

M = TypeVar("M", bound=Message)

_IDENTIFIERS = frozenset({"traceId", "spanId", "parentSpanId"})
_ENUMERATIONS = frozenset({"kind", "code", "severityNumber", "aggregationTemporality"})
_DEEPEST = 100


def read(body: bytes, into: M) -> M:
    """Read a request in OTLP/JSON into a message of its type.

    Raises:
        MalformedError: it is not JSON, or not of that type; says where.
    """
    try:
        said = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"the body is not JSON: {str(error)[:200]}") from error
    if not isinstance(said, dict):
        raise MalformedError("the body is not a JSON object")
    try:
        ParseDict(_mapped(said, 0), into, ignore_unknown_fields=True)
    except (ParseError, RecursionError, TypeError, ValueError) as error:
        raise MalformedError(f"the body is not OTLP in JSON: {str(error)[:300]}") from error
    return into


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def _mapped(value: Any, depth: int) -> Any:
    """The same with identifiers as protobuf's JSON mapping has them, and without keys that are not lowerCamelCase."""
    if depth > _DEEPEST:
        raise MalformedError(f"the body nests deeper than {_DEEPEST} levels")
    if isinstance(value, list):
        return [_mapped(each, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    mapped = {}
    for key, each in value.items():
        if "_" in key:
            continue
        if key in _IDENTIFIERS:
            mapped[key] = _identifier(key, each)
        elif key in _ENUMERATIONS and isinstance(each, str):
            raise MalformedError(f"{key} is {each[:40]!r}; OTLP in JSON writes enumerations as integers")
        elif key == "doubleValue" and isinstance(each, int | float) and not math.isfinite(each):
            raise MalformedError("doubleValue is not a finite number")
        else:
            mapped[key] = _mapped(each, depth + 1)
    return mapped


def _identifier(key: str, given: Any) -> str:
    if not isinstance(given, str):
        raise MalformedError(f"{key} is {type(given).__name__}, not hexadecimal text")
    try:
        return base64.b64encode(bytes.fromhex(given)).decode()
    except ValueError as error:
        raise MalformedError(f"{key} {given[:40]!r} is not hexadecimal") from error
