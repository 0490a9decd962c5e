"""Looks at a file and proposes how to read it: form, dialect, noun, shape, columns, dates.

What the file proves is proposed with its proof; what it does not prove is asked. The counts and the
preview come from reading the rows by the proposal itself, so that they are what would come in.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ktlo.errors import UserError
from ktlo.records.arrow import from_arrow
from ktlo.sources.csv.collection import read_events, read_items
from ktlo.sources.csv.config import CsvConfig, Form, Shape, form_by_ending, state_meanings
from ktlo.sources.csv.cursor import Bookmark
from ktlo.sources.csv.dates import DateStyle
from ktlo.sources.csv.dialect import PARQUET_MAGIC, find_dialect, no_file, read_sample
from ktlo.sources.csv.fields import EVENT_FIELDS, Noun, Reading, field_of, fields_of
from ktlo.sources.csv.matching import find_fields, find_noun
from ktlo.sources.csv.nouns import RECORD_OF
from ktlo.sources.csv.profile import Profile, profile_rows
from ktlo.sources.csv.proposal import FieldFinding, Proposal, Question
from ktlo.sources.csv.rows import open_form
from ktlo.sources.csv.shape import ShapeFinding, find_shape
from ktlo.sources.csv.states import known_deployment, known_state

PREVIEW = 5
PREVIEW_ROWS = 20_000
"""Rows that are read by the proposal, for its counts and its preview."""
_STATED = (Noun.INCIDENTS, Noun.ISSUES)
_NUMERIC = (DateStyle.DAY_FIRST, DateStyle.MONTH_FIRST)


def propose(file: Path, said: Mapping[str, Any] | None = None) -> Proposal:
    """Look at a file and propose how to read it.

    Args:
        file: the export.
        said: options that the person has decided already (answers to questions); they are kept, and the
            rest follows from them. ``mapping`` may be partial.

    Raises:
        UserError: the file is missing, empty, binary or without rows, or ``said`` is not understood.
    """
    told = dict(said or {})
    if file.is_dir():
        raise UserError("this is a folder, not a file", where=str(file), fix="Name a file in it")
    if not file.is_file():
        raise no_file(file)
    form, encoding, delimiter, reasons = _written(file, told)
    with open_form(file, form, encoding, delimiter) as opened:
        profile = profile_rows(opened.columns, opened.rows)
    if not profile.rows:
        raise UserError(
            "there is a header, but no row below it", where=str(file), fix="Export it again with its rows"
        )
    nouns, why = find_noun(file, profile)
    noun = _noun(told.get("noun"), nouns[0], file)
    reasons.append("noun: as you said" if "noun" in told else f"noun {why}")
    fields, shape = _fields_and_shape(file, profile, noun, told, (form, encoding, delimiter))
    reasons += shape.reasons
    options: dict[str, Any] = {
        "file": str(file),
        "name": file.stem,
        "noun": str(noun),
        "shape": str(shape.shape),
    }
    if form is not form_by_ending(file):
        options["form"] = str(form)
    if form is Form.CSV:
        options |= {"delimiter": delimiter, "encoding": encoding}
    if shape.shape is Shape.EVENTS:
        options["event_order"] = str(shape.order)
    options["mapping"] = {
        finding.field: finding.columns[0] if len(finding.columns) == 1 else list(finding.columns)
        for finding in fields
    } | dict(told.get("mapping", {}))
    date_options, questions = _dates(profile, noun, options["mapping"], told)
    options |= date_options
    options |= {name: value for name, value in told.items() if name != "mapping"}
    questions += _open_fields(noun, shape.shape, options["mapping"], told.get("mapping", {}), profile)
    if len(nouns) > 1 and "noun" not in told:
        choices = tuple(str(noun) for noun in nouns)
        questions.insert(
            0, Question("noun", "What are the rows about?", choices, str(noun), is_required=True)
        )
    questions += _states(profile, noun, options, told)
    used = {
        column
        for said in options["mapping"].values()
        for column in ([said] if isinstance(said, str) else said)
    }
    preview = _preview(file, options, [question for question in questions if question.is_required])
    return Proposal(
        file=str(file),
        options=options,
        reasons=tuple(reasons),
        columns=tuple(column.finding() for column in profile.columns.values()),
        fields=tuple(fields),
        unmapped=tuple(column for column in profile.columns if column not in used),
        questions=tuple(questions),
        rows=profile.rows,
        is_whole_file=profile.is_whole_file,
        rows_read=min(profile.rows, PREVIEW_ROWS),
        items=preview.items,
        events=preview.events,
        rejected=preview.rejected,
        warnings=preview.warnings,
        complaints=tuple(preview.complaints),
        preview=tuple(preview.records),
    )


def _written(file: Path, told: Mapping[str, Any]) -> tuple[Form, str, str, list[str]]:
    """Form, encoding and delimiter, with reasons."""
    form = Form(told["form"]) if told.get("form") else form_by_ending(file)
    sample = b"" if form is Form.PARQUET else read_sample(file)
    if sample.startswith(PARQUET_MAGIC):
        form = Form.PARQUET
    elif (
        form is Form.CSV
        and "form" not in told
        and sample.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"{", b"["))
    ):
        form = Form.JSON if sample.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"[") else Form.JSON_LINES
    reasons = [f"form {form}"]
    if form is not Form.CSV:
        return form, "utf-8-sig", ",", reasons
    dialect = find_dialect(file)
    reasons += dialect.reasons
    return (
        form,
        str(told.get("encoding", dialect.encoding)),
        str(told.get("delimiter", dialect.delimiter)),
        reasons,
    )


def _noun(said: object, found: Noun, file: Path) -> Noun:
    try:
        return Noun(str(said)) if said else found
    except ValueError as error:
        raise UserError(
            f"there is no noun {said!r}", where=str(file), fix=f"Choose one of: {', '.join(Noun)}"
        ) from error


def _fields_and_shape(
    file: Path, profile: Profile, noun: Noun, told: Mapping[str, Any], written: tuple[Form, str, str]
) -> tuple[list[FieldFinding], ShapeFinding]:
    fields = find_fields(noun, profile)
    by_name = {finding.field: finding.columns[0] for finding in fields} | {
        name: column for name, column in dict(told.get("mapping", {})).items() if isinstance(column, str)
    }
    shape = ShapeFinding(Shape.ITEMS, CsvConfig.model_fields["event_order"].default, ("one row an item",))
    if noun in _STATED and "external_id" in by_name:
        as_events = find_fields(noun, profile, with_events=EVENT_FIELDS)
        times = [finding.columns[0] for finding in as_events if finding.field == "event_at"]
        event_at = by_name.get("event_at") or (times[0] if times else None)
        verdict = profile.columns[event_at].likely if event_at in profile.columns else None
        style = verdict.style if verdict else None
        if verdict and style is None:
            # Any reading will do to see whether times go up or down.
            style = DateStyle(told["dates"]) if told.get("dates") else DateStyle.DAY_FIRST
        with open_form(file, *written) as opened:
            shape = find_shape(
                opened.rows,
                by_name["external_id"],
                by_name.get("state"),
                event_at,
                style,
                list(profile.columns),
            )
        if told.get("shape"):
            shape = dataclasses.replace(shape, shape=Shape(told["shape"]), reasons=("shape: as you said",))
        if shape.shape is Shape.EVENTS:
            fields = as_events
    return fields, shape


def _dates(
    profile: Profile, noun: Noun, mapping: Mapping[str, Any], told: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Question]]:
    """Options that say how dates are written, and what the file does not prove."""
    styles: dict[str, DateStyle | None] = {}
    naive, why = False, ""
    for name, said in mapping.items():
        if field_of(noun, name).reading not in (Reading.INSTANT, Reading.DATE):
            continue
        for column in [said] if isinstance(said, str) else said if isinstance(said, list) else ():
            if column not in profile.columns or (verdict := profile.columns[column].likely) is None:
                continue
            styles[column] = verdict.style
            why = why or ("" if verdict.style else f"{column}: {verdict.reason}")
            is_instant = field_of(noun, name).reading is Reading.INSTANT
            naive = naive or (is_instant and profile.columns[column].dates.without_offset > 0)
    questions = []
    proven = Counter(style for style in styles.values() if style is not None)
    numeric = {style for style in proven if style in _NUMERIC}
    if None in styles.values() and "dates" not in told:
        if len(numeric) == 1 and "mixed" not in why:
            # Columns of one file are written by one program: what one proves holds for the others.
            (style,) = numeric
            styles = {column: found or style for column, found in styles.items()}
            proven = Counter(style for style in styles.values() if style is not None)
        else:
            text = f"Is the day or the month first? {why}"
            choices = (str(DateStyle.DAY_FIRST), str(DateStyle.MONTH_FIRST))
            questions.append(Question("dates", text, choices, "", is_required=True))
    default = DateStyle(told["dates"]) if told.get("dates") else DateStyle.UNAMBIGUOUS
    if "dates" not in told and proven:
        default = proven.most_common(1)[0][0]
    options: dict[str, Any] = {"dates": str(default)}
    others = {
        column: str(style)
        for column, style in styles.items()
        if style is not None
        and style is not default
        and not (style is DateStyle.UNAMBIGUOUS and default in _NUMERIC)
    }
    if others and "dates" not in told:
        options["date_columns"] = others
    if naive and "time_zone" not in told:
        text = "Times carry no offset from UTC. In which zone were they written? (such as Europe/Berlin)"
        questions.append(Question("time_zone", text, (), "UTC", is_required=False))
    return options, questions


def _open_fields(
    noun: Noun, shape: Shape, mapping: Mapping[str, Any], said: Mapping[str, Any], profile: Profile
) -> list[Question]:
    """Fields that are needed and have no column, or one that only most cells speak for."""
    needed = [name for name, field in fields_of(noun).items() if field.required]
    if shape is Shape.EVENTS:
        needed = ["external_id", "state", "event_at"]
    columns = tuple(profile.columns)
    questions = []
    for name in needed:
        option, text = f"mapping.{name}", f"Which column is {name}?"
        field = field_of(noun, name)
        if name not in mapping:
            holds = "dates " if field.reading in (Reading.INSTANT, Reading.DATE) else ""
            names = " or ".join(f"`{one}`" for one in field.names[:2])
            text += f" None with {holds}has a name such as {names}."
            questions.append(Question(option, text, columns, "", is_required=True))
        elif name not in said and field.reading in (Reading.INSTANT, Reading.DATE):
            column = profile.columns[mapping[name]]
            if column.verdict is None and column.likely:
                text += f" `{column.name}` looks like it; {column.strangers}."
                questions.append(Question(option, text, columns, column.name, is_required=False))
    return questions


def _states(
    profile: Profile, noun: Noun, options: Mapping[str, Any], told: Mapping[str, Any]
) -> list[Question]:
    column = options["mapping"].get("state")
    if not isinstance(column, str) or column not in profile.columns:
        return []
    own = {str(word).lower() for word in told.get("states", {})}
    known = known_deployment if noun is Noun.DEPLOYMENTS else known_state
    choices = state_meanings(noun)
    return [
        Question(f"states.{value}", f"What does the state {value!r} mean?", choices, "", is_required=False)
        for value in profile.columns[column].values
        if known(value) is None and value.lower() not in own
    ][:20]


@dataclasses.dataclass(slots=True)
class _Preview:
    items: int = 0
    events: int = 0
    rejected: int = 0
    warnings: int = 0
    complaints: list[str] = dataclasses.field(default_factory=list)
    records: list[dict[str, Any]] = dataclasses.field(default_factory=list)


def _preview(file: Path, options: Mapping[str, Any], unanswered: list[Question]) -> _Preview:
    """Read the looked-at rows by the options; nothing while a question is open that must be answered."""
    preview = _Preview()
    if unanswered:
        return preview
    try:
        config = CsvConfig.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{where}: {first['msg']}", where=str(file), fix="See docs/sources/csv.md") from error
    read = read_events if config.shape is Shape.EVENTS else read_items
    now = dt.datetime.now(dt.UTC)
    for batch in read(config, f"csv:{file.stem}", [file], Bookmark("", (), 0, {}), now, PREVIEW_ROWS):
        for table, rows in batch.rows.items():
            if table != config.noun:
                preview.events += rows.num_rows
                continue
            preview.items += rows.num_rows
            wanted = PREVIEW - len(preview.records)
            preview.records += [
                dataclasses.asdict(record)
                for record in from_arrow(rows.slice(0, wanted), RECORD_OF[config.noun])
            ]
        for rejection in batch.rejected:
            preview.rejected += not rejection.is_kept
            preview.warnings += rejection.is_kept
            if len(preview.complaints) < 2 * PREVIEW:
                preview.complaints.append(f"{rejection.place}: {rejection.reason}")
    return preview
