"""Confirms how a file of the ``csv`` source is read: shows the proposal, asks what is open, never guesses.

Called by ``ktlo sources add csv FILE``. What comes in is what the person said on the command line, what goes
out are the complete options of the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ktlo.errors import UserError
from ktlo.wording import counted

if TYPE_CHECKING:
    from ktlo.sources.csv.proposal import Proposal, Question

_DECIDED = ("mapping", "noun")
NOTHING = "-"
"""What a person types for a field that the file does not have."""


def confirm_mapping(options: dict[str, Any], *, ask: bool, quiet: bool) -> dict[str, Any]:
    """Turn what a person said about a file into the complete options of a ``csv`` source.

    Args:
        options: from the command line; ``file`` is needed, ``mapping.FIELD`` and ``states.NAME`` may be dotted.
            With ``noun`` and ``mapping`` given as a whole nothing is proposed.
        ask: ask the person about open questions and about every field; else take what is proved.
        quiet: print nothing (for ``--json``).

    Raises:
        UserError: no such file, or the file leaves something open and nobody is asked; names the option.
    """
    from ktlo.sources.csv.answers import said_from
    from ktlo.sources.csv.propose import propose

    said = said_from(options)
    file = said.pop("file", "")
    if not file:
        raise UserError("say which file to read", fix="ktlo sources add csv FILE")
    if all(name in options for name in _DECIDED) or any(mark in str(file) for mark in "*?"):
        return {"file": file, **said}
    path = Path(str(file)).expanduser().absolute()
    proposal = propose(path, said)
    while ask and (answers := _asked(proposal.questions, only_needed=True)):
        said = _merged(said, said_from(answers))
        proposal = propose(path, said)
    if not quiet:
        show(proposal)
    if ask:
        proposal, said = _changed(path, proposal, said)
        return _without(dict(proposal.options), said)
    needed = [question for question in proposal.questions if question.is_required]
    if needed:
        raise UserError(
            " ".join(question.text for question in needed),
            where=str(path),
            fix="Say it: " + " ".join(_spelled(question) for question in needed),
        )
    return dict(proposal.options)


def _spelled(question: Question) -> str:
    choice = "|".join(question.choices) or "…"
    text = f"{question.option}={choice}"
    return f"'{text}'" if " " in text or "|" in text else text


def _merged(said: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(said)
    for name, value in more.items():
        merged[name] = {**merged.get(name, {}), **value} if isinstance(value, dict) else value
    return merged


def _without(options: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out fields that the person said are not in the file."""
    removed = said.get("removed", ())
    mapping = {field: columns for field, columns in options["mapping"].items() if field not in removed}
    return {**options, "mapping": mapping}


def show(proposal: Proposal) -> None:
    """Print a proposal: what the rows are, each field with its column and why, the first records."""
    from ktlo.cli.output import console, print_table

    whole = "" if proposal.is_whole_file else " (the first ones; the file has more)"
    events = f" with {counted(proposal.events, 'events')}" if proposal.events else ""
    console.print(
        f"{counted(proposal.rows, 'rows')}{whole}: {proposal.items:,} {proposal.options['noun']}{events};"
        f" {counted(proposal.rejected, 'rows')} turned away, {counted(proposal.warnings, 'records')} with a note",
        markup=False,
    )
    for reason in proposal.reasons:
        console.print(f"  {reason}", markup=False, style="dim")
    reasons = {found.field: found.reason for found in proposal.fields}
    mapping: Mapping[str, Any] = proposal.options["mapping"]
    print_table(
        ("field", "column", "why"),
        [
            (field, columns_text(columns), reasons.get(field, "as you said"))
            for field, columns in mapping.items()
        ],
    )
    if proposal.unmapped:
        console.print(f"Not used: {', '.join(proposal.unmapped)}", markup=False, style="dim")
    for complaint in proposal.complaints[:5]:
        console.print(f"  {complaint}", markup=False)
    if proposal.preview:
        names = [name for name in proposal.preview[0] if name != "source" and _is_said(proposal, name)][:6]
        print_table(
            names,
            [[_cell(record[name]) for name in names] for record in proposal.preview],
            "The first records as they would come in",
        )
    for question in proposal.questions:
        if not question.is_required:
            told = f"{question.option}={question.assumed}" if question.assumed else "decided by the dates"
            console.print(f"Assumed: {question.text} {told}", markup=False, style="dim")


def _is_said(proposal: Proposal, name: str) -> bool:
    return any(record[name] not in ("", None, (), []) for record in proposal.preview)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return str(value)[:60]


def columns_text(columns: Any) -> str:
    """A field's source as people read it: ``cmdb_ci, then category``."""
    if isinstance(columns, Mapping):
        return f"always “{columns.get('constant', '')}”"
    return columns if isinstance(columns, str) else ", then ".join(columns)


def _asked(questions: Sequence[Question], *, only_needed: bool) -> dict[str, str]:
    """Ask the open questions; an empty answer takes what is assumed, and says what is needed where nothing is."""
    import typer

    answers = {}
    for question in questions:
        if only_needed and not question.is_required and not question.option.startswith("mapping."):
            continue
        choices = f" [{', '.join(question.choices)}]" if question.choices else ""
        while True:
            answer = typer.prompt(
                f"{question.text}{choices}",
                default=question.assumed,
                show_default=bool(question.assumed),
                err=True,
            ).strip()
            if answer in question.choices or (not question.choices and answer):
                break
            if not answer and not question.is_required:
                break
            needed = f"One of: {', '.join(question.choices)}" if question.choices else "An answer is needed"
            typer.echo(f"  {needed}. Ctrl-C stops, and nothing is added.", err=True)
        answers[question.option] = answer
    return answers


def _changed(path: Path, proposal: Proposal, said: dict[str, Any]) -> tuple[Proposal, dict[str, Any]]:
    """Let the person change fields and answer the optional questions until it is right."""
    import typer

    from ktlo.sources.csv.answers import said_from
    from ktlo.sources.csv.fields import EVENT_FIELDS, Noun, fields_of
    from ktlo.sources.csv.propose import propose

    while True:
        answer = typer.prompt(
            "Add it so? yes, a field to change, or `more` for what was assumed", default="yes", err=True
        ).strip()
        if answer.lower() in ("yes", "y"):
            return proposal, said
        if answer.lower() in ("no", "n", "quit"):
            raise typer.Abort
        known = {*fields_of(Noun(proposal.options["noun"])), *EVENT_FIELDS, "noun"}
        columns = [column.name for column in proposal.columns]
        if answer == "more":
            said = _merged(said, said_from(_asked(proposal.questions, only_needed=False)))
        elif answer == "noun":
            said = {**said, "noun": typer.prompt(f"noun [{', '.join(Noun)}]", err=True)}
            said.pop("mapping", None)
        elif answer in known:
            typer.echo(f"  columns: {', '.join(columns)}", err=True)
            column = typer.prompt(f"{answer} is column ({NOTHING} for none)", err=True)
            if column == NOTHING:
                said = {**said, "removed": [*said.get("removed", ()), answer]}
                typer.echo(f"  {answer} is left out", err=True)
                continue
            if column not in columns:
                typer.echo(f"  there is no column {column!r}", err=True)
                continue
            said = _merged(said, {"mapping": {answer: column}})
        else:
            typer.echo(f"  there is no field {answer!r}; fields: {', '.join(sorted(known))}", err=True)
            continue
        proposal = propose(path, {name: value for name, value in said.items() if name != "removed"})
        show(proposal)
