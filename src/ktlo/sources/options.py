"""Options of a kind of source: which there are, what is said for them, and what was meant where one is not understood.

Read from the configuration model's JSON Schema, so that a new kind of source needs nothing here.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from ktlo.errors import UsageError, UserError, printable

MAIN = {
    "git": "path",
    "github": "repository",
    "csv": "file",
    "gitlab": "project",
    "jira": "url",
    "redmine": "url",
    "sentry": "organization",
    "servicenow": "url",
    "statuspage": "url",
    "alertmanager": "url",
    "grafana": "url",
}
"""The option that tells which one is meant, by kind."""
MAY_MATTER = ("email", "user", "token", "environment")
"""Options that a source may hardly do without though its model does not demand them."""


class OptionError(UserError):
    """One option of a source is not understood.

    Attributes:
        option: its name.
        said: what is wrong with it, without its name and without what to type in a terminal.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "", option: str, said: str) -> None:
        super().__init__(what, where=where, fix=fix)
        self.option, self.said = option, printable(said)


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a kind of source.

    Attributes:
        name: of the option.
        meaning: its description.
        default: as JSON has it; ``None`` where there is none.
        is_required: the source cannot do without.
        schema: JSON Schema of its values, references resolved.
        items: the same of the values in it, where it takes a list.
    """

    name: str
    meaning: str
    default: Any
    is_required: bool
    schema: Mapping[str, Any]
    items: Mapping[str, Any]

    @property
    def takes_list(self) -> bool:
        """Whether it takes several values."""
        return self.schema.get("type") == "array"


def options_of(config: type[BaseModel]) -> list[Option]:
    """The options of a kind of source, required ones first."""
    schema = config.model_json_schema()
    definitions, required = schema.get("$defs", {}), schema.get("required", [])
    found = []
    for name, raw in schema.get("properties", {}).items():
        said = _resolved(raw, definitions)
        items = _resolved(said.get("items", {}), definitions)
        meaning = str(said.get("description", ""))
        found.append(Option(name, meaning, said.get("default"), name in required, said, items))
    return sorted(found, key=lambda option: not option.is_required)


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(schema)
    while "$ref" in found:
        target = definitions[found.pop("$ref").rsplit("/", 1)[-1]]
        found = {**target, **found}
    members = [one for one in found.get("anyOf", []) if one.get("type") != "null"]
    if len(members) == 1:
        found = {**_resolved(members[0], definitions), **{k: v for k, v in found.items() if k != "anyOf"}}
    return found


def asked_first(kind: str, config: type[BaseModel]) -> list[str]:
    """Names of the options to ask for first: what is demanded, what tells which one it is, what may matter."""
    fields = config.model_fields
    needed = [name for name, about in fields.items() if about.is_required() or name == MAIN.get(kind)]
    # Most repositories are a folder, or need none.
    return needed + [name for name in MAY_MATTER if name in fields and (kind, name) != ("git", "token")]


def read_value(name: str, text: str, option: Option | None) -> Any:
    """The value that a person wrote for an option as text.

    Args:
        name: of the option.
        text: words; a list as ``A,B`` or in JSON, anything deeper in JSON.
        option: what it takes; ``None`` where there is no such option.

    Raises:
        UsageError: it begins like JSON and is none.
    """
    if option is not None and option.schema.get("type") == "string":
        return text
    if text[:1] in ("[", "{") or text in ("true", "false"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise UsageError(
                f"{name} is not JSON: {error}", fix=f'Write {name}=\'{{"name": "value"}}\' or {name}=one,two'
            ) from error
    if option is not None and option.takes_list:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def not_understood(kind: str, config: type[BaseModel], error: ValidationError) -> UserError:
    """What is wrong with the options of a source, as a sentence that begins with the option's name."""
    first = error.errors()[0]
    place, names = [str(part) for part in first["loc"]], [option.name for option in options_of(config)]
    option, name = ".".join(place), place[0] if place else ""
    said = str(first["msg"]).removeprefix("Value error, ")
    fix = f"`ktlo sources add {kind} --help` lists the options"
    if first["type"] == "extra_forbidden" and len(place) == 1:
        near = difflib.get_close_matches(name, names, 1)
        said = "there is no such option" + (f"; did you mean {near[0]}?" if near else "")
        fix = f"{fix}: {', '.join(names)}"
    elif first["type"] in ("tuple_type", "list_type"):
        said = "it takes a list"
        fix = f'Write {name}=one,two or {name}=\'["one", "two"]\'; in ktlo.yaml [one, two]. {fix}'
    elif first["type"] == "dict_type":
        said = "it takes names with values"
        fix = f'Write {name}=\'{{"name": "value"}}\'; in ktlo.yaml {{name: value}}. {fix}'
    what = f"{option}: {said}" if option else said
    within = f"{'.'.join(place[1:])}: {said}" if place[1:] else said
    return OptionError(what, where=f"source {kind}", fix=fix, option=name, said=within)
