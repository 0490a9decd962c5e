"""The proposal of the ``csv`` source as a form: which column is which field, and what the file does not tell.

Built from :class:`ktlo.sources.csv.proposal.Proposal`; what comes back is the proposal's own options with the
person's choices in place of ktlo's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ktlo.sources.csv.answers import said_from
from ktlo.sources.csv.fields import EVENT_FIELDS, Noun, fields_of
from ktlo.sources.csv.proposal import Proposal, Question

MAPPING, ANSWER = "mapping.", "answer."
"""Prefixes of the form's field names."""


@dataclass(frozen=True, slots=True)
class MappedField:
    """A field of the noun and the columns it may be read from.

    Attributes:
        name: of the form field.
        field: of the record.
        value: chosen, as JSON: a column or a list of columns; empty for none.
        options: (value, label) pairs.
        reason: why it was proposed.
        is_required: the noun makes no sense without it.
    """

    name: str
    field: str
    value: str
    options: tuple[tuple[str, str], ...]
    reason: str
    is_required: bool


def mapped_fields(proposal: Proposal, removed: Sequence[str] = ()) -> list[MappedField]:
    """One select a field: proposed ones first, then those the file seems not to have.

    Args:
        proposal: how ktlo would read the file.
        removed: fields that the person has set to none.
    """
    noun = Noun(proposal.options["noun"])
    known = {**fields_of(noun), **(EVENT_FIELDS if proposal.options.get("shape") == "events" else {})}
    mapping: Mapping[str, Any] = proposal.options["mapping"]
    reasons = {found.field: found.reason for found in proposal.fields}
    columns = [column.name for column in proposal.columns]
    fields = []
    for name, said in known.items():
        chosen = None if name in removed else mapping.get(name)
        value = json.dumps(chosen) if chosen is not None else ""
        options = [("", "not in the file")] + [(json.dumps(column), column) for column in columns]
        if isinstance(chosen, list):
            options.insert(1, (value, ", then ".join(chosen)))
        elif isinstance(chosen, dict):
            options.insert(1, (value, f"always “{chosen.get('constant', '')}”"))
        is_required = said.required or (
            proposal.options.get("shape") == "events" and name in ("external_id", "state", "event_at")
        )
        fields.append(
            MappedField(f"{MAPPING}{name}", name, value, tuple(options), reasons.get(name, ""), is_required)
        )
    return sorted(fields, key=lambda field: not field.value)


def open_questions(proposal: Proposal) -> list[Question]:
    """Questions that are not answered by the selects of the mapping."""
    return [one for one in proposal.questions if not one.option.startswith("mapping.")]


def mapping_from(given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The mapping that the selects say; fields set to none are left out."""
    chosen = {}
    for name, values in given.items():
        if name.startswith(MAPPING) and values and values[-1]:
            try:
                chosen[name.removeprefix(MAPPING)] = json.loads(values[-1])
            except ValueError:
                continue  # not one of the select's values: as if nothing was chosen
    return chosen


def removed_fields(given: Mapping[str, Sequence[str]]) -> list[str]:
    """Fields whose select says that the file has none."""
    return [
        name.removeprefix(MAPPING)
        for name, values in given.items()
        if name.startswith(MAPPING) and not any(values)
    ]


def said_by(given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What the person decided, for ``propose``: noun, mapping, and answers.

    A mapping that was made for another noun is dropped.
    """
    answers = {
        name.removeprefix(ANSWER): values[-1]
        for name, values in given.items()
        if name.startswith(ANSWER) and values
    }
    said = said_from(answers)
    noun, made_for = _last(given, "noun"), _last(given, "made_for")
    if noun:
        said["noun"] = noun
    if not made_for or noun == made_for:
        mapping = mapping_from(given)
        if mapping:
            said["mapping"] = mapping
    if _last(given, "name"):
        said["name"] = _last(given, "name")
    return said


def _last(given: Mapping[str, Sequence[str]], name: str) -> str:
    values = given.get(name, ())
    return values[-1].strip() if values else ""
