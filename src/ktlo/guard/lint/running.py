"""Runs the linters that a repository uses or policy asks for, and says of each why it did not run.

Remarks go to the lint check and to ``ktlo check accept``. A linter that policy requires and that cannot run is
unchecked; one that is only configured and not installed is told and does not fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from ktlo.guard.checks.protocol import Subject
from ktlo.guard.finding import Unchecked
from ktlo.guard.lint.files import Files, files_of
from ktlo.guard.lint.linters import LINTERS, Linter, command, mentions, named
from ktlo.guard.lint.programs import Surroundings, find_program, run_program
from ktlo.guard.lint.remark import CHECK, LintError, Remark
from ktlo.guard.lint.sarif_report import read_sarif_file

_HOOKS = ".pre-commit-config.yaml"
_AT_ONCE = 300
_MOST_FOLDERS = 50


@dataclass(frozen=True, slots=True)
class Linted:
    """What all linters say.

    Attributes:
        remarks: everything, counted or not.
        tools: linters that ran, with versions.
        unchecked: what policy asks for and could not be had.
        left_out: linters that the repository uses and that did not run, a sentence each.
        files: number of files that were there to be linted.
    """

    remarks: tuple[Remark, ...] = ()
    tools: tuple[str, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
    left_out: tuple[str, ...] = ()
    files: int = 0


@dataclass(slots=True)
class _Said:
    """What one linter gives."""

    remarks: list[Remark] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    unchecked: list[Unchecked] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def lint(subject: Subject) -> Linted:
    """Run every linter that applies, and take in the reports that were named.

    Raises:
        UserError: the settings name a linter that does not exist.
        UnreadableError: the repository holds more files than a check looks at.
    """
    said = subject.settings.lint
    required = {named(one) for one in said.require}
    skipped = {named(one) for one in said.skip}
    files = files_of(subject.root)
    hooks = files.start(_HOOKS, 1 << 20).decode("utf-8", "replace") if _HOOKS in files.paths else ""
    chosen = []
    for linter in LINTERS:
        folders = _folders(linter, files, hooks)
        if linter.name not in skipped and (folders or linter.name in required):
            chosen.append((linter, folders or ("",)))
    with ThreadPoolExecutor(max_workers=4) as pool:
        found = list(
            pool.map(lambda one: _one(one[0], one[1], files, subject, one[0].name in required), chosen)
        )
    found.append(_reports(subject))
    return Linted(
        remarks=tuple(remark for one in found for remark in one.remarks),
        tools=tuple(tool for one in found for tool in one.tools),
        unchecked=tuple(unchecked for one in found for unchecked in one.unchecked),
        left_out=tuple(sentence for one in found for sentence in one.left_out),
        files=len(files.paths),
    )


def _folders(linter: Linter, files: Files, hooks: str) -> tuple[str, ...]:
    if mentions(hooks, linter):
        return ("",)
    if any(files.has_words(path, words) for path, words in linter.mentioned_in):
        return ("",)
    return files.folders_with(linter.configured_by)[:_MOST_FOLDERS]


def _one(linter: Linter, folders: Sequence[str], files: Files, subject: Subject, is_required: bool) -> _Said:
    said = _Said()
    may_run_code = linter.name in subject.trusted
    if linter.runs_code and subject.is_past:
        return said  # of the past only what does not run its code: see `_only_touched`
    reason = ""
    program = None
    if linter.runs_code and not may_run_code:
        reason = (
            f"it can run the repository's own code ({linter.runs_code}), so it runs only when --trust"
            f" {linter.name} or guard.lint.trust in a settings file outside of the repository says so"
        )
    else:
        program = find_program(
            linter.program, subject.root, linter.own_place if may_run_code else "", subject.installed
        )
        if program is None:
            reason = f"there is no {linter.program} on the PATH outside of the repository: install it"
    if program is None:
        if is_required:
            said.unchecked.append(Unchecked(CHECK, linter.name, f"policy asks for it, and {reason}"))
        else:
            said.left_out.append(f"{CHECK}: {linter.name} is used here and did not run: {reason}.")
        return said
    try:
        said.tools.append(_version(linter, program, subject))
        for batch_folder, batch in _batches(linter, folders, files):
            said.remarks += _run(linter, program, batch_folder, batch, subject)
    except LintError as error:
        said.unchecked.append(Unchecked(CHECK, linter.name, str(error)))
    if linter.runs_code and subject.before is not None:
        said.remarks = _only_touched(said.remarks, subject.root, subject.before)
    return said


def _batches(linter: Linter, folders: Sequence[str], files: Files) -> Iterator[tuple[str, Sequence[str]]]:
    if not linter.suffixes:
        yield from ((folder, ()) for folder in folders)
        return
    given = [
        path
        for path in files.paths
        if any(not folder or path.startswith(f"{folder}/") for folder in folders)
        and (path.endswith(linter.suffixes) or _has_shebang(files, path, linter.shebangs))
    ]
    for start in range(0, len(given), _AT_ONCE):
        yield "", given[start : start + _AT_ONCE]


def _has_shebang(files: Files, path: str, words: Sequence[str]) -> bool:
    if "." in path.rpartition("/")[2]:
        return False
    first = files.start(path).partition(b"\n")[0].decode("utf-8", "replace")
    if not first.startswith("#!"):
        return False
    named = first.removeprefix("#!").replace("/", " ").split()
    return any(word in named for word in words)


def _run(linter: Linter, program: Path, folder: str, batch: Sequence[str], subject: Subject) -> list[Remark]:
    place = subject.root.resolve() / folder
    around = Surroundings(
        place,
        subject.settings.check_seconds * 0.9,
        _variables(linter),
        subject.installed,
        linter.output_variable,
    )
    ran = run_program(command(linter, program, batch), around)
    if ran.code not in linter.good:
        raise LintError(f"it ended with {ran.code}: {ran.complaint or 'no word why'}")
    remarks = [one for one in linter.read(ran.output, place) if _is_ours(place, one.path, subject)]
    if not folder:
        return list(remarks)
    return [
        replace(one, path=f"{folder}/{one.path}") if one.path and not one.path.startswith("/") else one
        for one in remarks
    ]


def _is_ours(folder: Path, path: str, subject: Subject) -> bool:
    """False for a file that a link of the repository leads to, outside of it: linters follow such links."""
    try:
        return (folder / path).resolve().is_relative_to(subject.root.resolve())
    except (OSError, ValueError, RuntimeError):
        return True


def _variables(linter: Linter) -> dict[str, str]:
    import os

    return {name: os.environ[name] for name in linter.variables if name in os.environ}


def _version(linter: Linter, program: Path, subject: Subject) -> str:
    ran = run_program(
        [str(program), *linter.version],
        Surroundings(subject.root.resolve(), 60, _variables(linter), subject.installed),
    )
    words = ran.output.decode("utf-8", "replace").replace(",", " ").split()
    number = next((word.removeprefix("v") for word in words if word[:1].isdigit() or word[1:2].isdigit()), "")
    return f"{linter.name} {number}".strip()


def _reports(subject: Subject) -> _Said:
    said = _Said()
    if subject.is_past:
        return said
    for file in subject.sarif:
        try:
            remarks = list(read_sarif_file(file, subject.root))
        except LintError as error:
            said.unchecked.append(Unchecked(CHECK, f"the report {file}", str(error)))
            continue
        said.tools.append(f"report {file.name}")
        said.remarks += (
            remarks if subject.before is None else _only_touched(remarks, subject.root, subject.before)
        )
    return said


def _only_touched(remarks: Sequence[Remark], root: Path, before: Path) -> list[Remark]:
    """Remarks in files that the change touches: of the past there is nothing to compare them with."""
    is_touched: dict[str, bool] = {}
    for one in remarks:
        if one.path not in is_touched:
            is_touched[one.path] = not one.path or _bytes(root, one.path) != _bytes(before, one.path)
    return [one for one in remarks if is_touched[one.path]]


def _bytes(root: Path, path: str) -> bytes | None:
    try:
        place = (root / path).resolve()
        return place.read_bytes() if place.is_relative_to(root.resolve()) and place.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None
