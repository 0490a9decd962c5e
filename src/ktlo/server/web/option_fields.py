"""Form fields from the configuration model of a kind of source, and options from what the form sends.

Generated from the model's JSON Schema, so that a new kind of source has its form without a change here.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from ktlo.errors import UserError
from ktlo.sources.options import OptionError, options_of


class Control(enum.StrEnum):
    """How a field is asked for."""

    TEXT = "text"
    DATE = "date"
    NUMBER = "number"
    CHOICE = "choice"
    SEVERAL = "several"
    """Some of a closed set."""
    SWITCH = "switch"
    STRUCTURE = "structure"
    """Anything deeper: written as JSON."""


@dataclass(frozen=True, slots=True)
class OptionField:
    """One option of a source as a form field.

    Attributes:
        name: of the option.
        label: name in words.
        hint: the option's description.
        control: how it is asked for.
        choices: of a choice or several.
        values: present values; of text and choice the first counts.
        is_required: the source cannot do without.
        problem: what is wrong with the values, and how to write them; empty when nothing is.
    """

    name: str
    label: str
    hint: str
    control: Control
    choices: tuple[str, ...]
    values: tuple[str, ...]
    is_required: bool
    problem: str = ""


_WRITTEN = 'Write it as {"name": "value"} or ["one", "two"]'


def with_problem(fields: Sequence[OptionField], error: OptionError) -> list[OptionField]:
    """The fields, the one at fault with what is wrong and how to write it."""
    return [
        replace(field, problem=_problem(field, error)) if field.name == error.option else field
        for field in fields
    ]


def _problem(field: OptionField, error: OptionError) -> str:
    fix = _WRITTEN if field.control is Control.STRUCTURE else ""
    return str(UserError(error.said[:1].upper() + error.said[1:], fix=fix))


def _control(schema: Mapping[str, Any], items: Mapping[str, Any]) -> tuple[Control, tuple[str, ...]]:
    if "enum" in schema:
        return Control.CHOICE, tuple(str(one) for one in schema["enum"])
    kind = schema.get("type")
    if kind == "boolean":
        return Control.SWITCH, ()
    if kind in ("integer", "number"):
        return Control.NUMBER, ()
    if kind == "string":
        return (Control.DATE if schema.get("format") == "date" else Control.TEXT), ()
    if kind == "array" and "enum" in items:
        return Control.SEVERAL, tuple(str(one) for one in items["enum"])
    return Control.STRUCTURE, ()


def _values(control: Control, default: Any) -> tuple[str, ...]:
    if default is None or default == "":
        return ()
    if control is Control.SEVERAL:
        return tuple(str(one) for one in default)
    if control is Control.SWITCH:
        return ("on",) if default else ()
    if control is Control.STRUCTURE:
        return (json.dumps(default),)
    return (str(default),)


def option_fields(
    config: type[BaseModel], given: Mapping[str, Sequence[str]] | None = None
) -> list[OptionField]:
    """The fields of a kind of source, required ones first.

    Args:
        config: the kind's configuration model.
        given: what a form sent, to be shown again; the defaults when not given.
    """
    fields = []
    for option in options_of(config):
        control, choices = _control(option.schema, option.items)
        values = _values(control, option.default) if given is None else tuple(given.get(option.name, ()))
        label = option.name.replace("_", " ")
        fields.append(
            OptionField(option.name, label, option.meaning, control, choices, values, option.is_required)
        )
    return fields


def options_from(config: type[BaseModel], given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Options from what a form sent; empty fields keep their default.

    Raises:
        UserError: a structure that is not JSON.
    """
    options: dict[str, Any] = {}
    for field in option_fields(config):
        values = [value.strip() for value in given.get(field.name, ()) if value.strip()]
        if field.control is Control.SWITCH:
            options[field.name] = bool(values)
        elif field.control is Control.SEVERAL and values:
            options[field.name] = values
        elif field.control is Control.STRUCTURE and values:
            try:
                options[field.name] = json.loads(values[-1])
            except ValueError as error:
                raise OptionError(
                    f"{field.name} is not JSON: {error}",
                    fix=_WRITTEN,
                    option=field.name,
                    said=f"it is not JSON: {error}",
                ) from error
        elif values:
            options[field.name] = values[-1]
    return options
