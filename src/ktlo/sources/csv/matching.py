"""Which noun a file is about, and which column is which field, by names and by what columns hold.

A name alone is not enough: a column is only proposed for a date field when it holds dates, for a state
when it has few values. Names come from ``fields``; the person confirms or changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ktlo.sources.csv.fields import FileField, Noun, Reading, fields_of, words
from ktlo.sources.csv.profile import ColumnProfile, Profile
from ktlo.sources.csv.proposal import FieldFinding
from ktlo.sources.csv.vocabulary import words_of
from ktlo.wording import counted

_HINTS = words_of("hints")
_FILE_WORDS = words_of("file_words")
_SEVERAL_FIELDS = frozenset({"responders", "labels"})
"""Fields for which every fitting column is used."""
_FALLBACK_FIELDS = frozenset({"service"})
"""Fields for which further columns step in where the first is empty."""
_FEW = 60


def find_noun(file: Path, profile: Profile) -> tuple[list[Noun], str]:
    """Nouns the file may be about, likeliest first (several only on a tie), and the reason."""
    names = {words(column) for column in profile.columns}
    scores: dict[Noun, list[str]] = {}
    for noun in Noun:
        found = [hint for hint in _HINTS[noun] if hint in names]
        stem = words(file.stem)
        found += [f"the file's name ({word})" for word in _FILE_WORDS[noun] if word in stem] * 2
        needed = [field for field in fields_of(noun).values() if field.required]
        fitting = sum(
            any(_rank(field, column) is not None for column in profile.columns.values()) for field in needed
        )
        scores[noun] = found if fitting == len(needed) else found[: len(found) // 2]
    best = max(len(found) for found in scores.values())
    likely = [noun for noun in Noun if len(scores[noun]) == best]
    if best == 0:
        return likely, "nothing in the columns' names tells what the rows are"
    return likely, f"{likely[0]}: by {', '.join(dict.fromkeys(scores[likely[0]]))}"


def find_fields(
    noun: Noun, profile: Profile, *, with_events: Mapping[str, FileField] | None = None
) -> list[FieldFinding]:
    """Propose columns for fields.

    Args:
        noun: what the rows are.
        profile: the columns.
        with_events: the further fields of an event log; none for a list.
    """
    fields = {**(with_events or {}), **fields_of(noun)}
    if with_events:
        fields.pop("updated_at", None)
    ranked: dict[str, list[tuple[int, ColumnProfile]]] = {}
    for name, field in fields.items():
        fitting = [
            (rank, column)
            for column in profile.columns.values()
            if (rank := _rank(field, column)) is not None
        ]
        ranked[name] = sorted(fitting, key=lambda pair: pair[0])
    taken: dict[str, str] = {}
    for _, name in sorted((fits[0][0], name) for name, fits in ranked.items() if fits):
        for _, column in ranked[name]:
            if column.name not in taken:
                taken[column.name] = name
                break
    chosen = {field: column for column, field in taken.items()}
    findings = []
    for name, fits in ranked.items():
        if name not in chosen:
            continue
        first = profile.columns[chosen[name]]
        others = [
            column for _, column in fits if taken.get(column.name) in (None, name) and column is not first
        ]
        columns = [first.name]
        if name in _SEVERAL_FIELDS:
            columns += [column.name for column in others if column.filled]
        elif name in _FALLBACK_FIELDS and others and first.filled < 0.95 * profile.rows:
            columns += [column.name for column in others if column.filled][:1]
        alternatives = tuple(column.name for _, column in fits if column.name not in columns)
        findings.append(
            FieldFinding(name, tuple(columns), _reason(first, fields[name], columns), alternatives)
        )
    return _with_substitutes(noun, findings)


def _with_substitutes(noun: Noun, findings: list[FieldFinding]) -> list[FieldFinding]:
    """An incident list that knows only a start takes it for the detection too."""
    by_name = {finding.field: finding for finding in findings}
    if noun is Noun.INCIDENTS and "detected_at" not in by_name and "started_at" in by_name:
        start = by_name["started_at"]
        findings.append(
            FieldFinding(
                "detected_at",
                start.columns,
                "no column tells the detection; the start is taken",
                start.alternatives,
            )
        )
    return findings


def _reason(column: ColumnProfile, field: FileField, columns: list[str]) -> str:
    likely = column.likely
    said = f"its name ({column.name})"
    if field.reading in (Reading.INSTANT, Reading.DATE) and likely:
        said += f" and its dates: {likely.reason}"
        said += f"; {column.strangers}" if column.strangers else ""
    elif field.reading is Reading.STATE:
        commonest = ", ".join(value for value, _ in column.values.most_common(4))
        said += f" and its {counted(len(column.values), 'values')}: {commonest}"
    elif column.nulls:
        said += f"; {', '.join(column.nulls)} means empty"
    if len(columns) > 1:
        said += f"; then {', '.join(columns[1:])}"
    return said


def _rank(field: FileField, column: ColumnProfile) -> int | None:
    """How well a column fits a field, 0 best; ``None`` when it does not."""
    name = words(column.name).removeprefix("custom field ").strip()
    parts = column.name.split(".")
    # In JSON the last parts often say it: `fields.created`, `incident.service.name`; the longest of them holds.
    tails = [words(".".join(parts[number:])) for number in range(1, len(parts))]
    tails = tails or [name.removeprefix("incident ").removeprefix("issue ")]
    tail = next((each for each in tails if each in field.names), "")
    if name in field.names:
        rank = field.names.index(name)
    elif tail:
        rank = 50 + field.names.index(tail)
    else:
        return None
    if not column.filled:
        # Nothing in it yet; it may fill later. A name as good as that is still worth proposing for an end.
        return rank + 200 if field.reading is Reading.INSTANT and not field.required else None
    if field.reading in (Reading.INSTANT, Reading.DATE) and column.verdict is None:
        # Some cells are no dates: it may be meant all the same, but one that holds nothing else goes before it.
        return rank + 100 if column.likely else None
    if field.reading is Reading.TEXT and column.verdict is not None and not column.numbers:
        return None
    if field.reading is Reading.STATE and (len(column.values) > _FEW or column.verdict is not None):
        return None
    if field.reading is Reading.SEVERITY and len(column.values) > _FEW:
        return None
    if field.reading is Reading.COUNT and column.numbers < column.filled:
        return None
    return rank
