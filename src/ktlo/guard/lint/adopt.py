"""Rules and style that the code keeps already, proposed as ruff's configuration.

A rule is proposed when nothing breaks it today and earlier versions of the code did: then keeping it has cost work
before, and it will fire again. Rules that never fired on anything here say nothing and are left out. Rules that only
few places break are named beside, for the ratchet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ktlo.errors import KtloError, UserError
from ktlo.guard.lint.files import Files, files_of
from ktlo.guard.lint.past_code import past_code
from ktlo.guard.lint.programs import Surroundings, find_program, run_program
from ktlo.guard.lint.remark import LintError
from ktlo.guard.lint.style import Style, measure

_SECONDS = 600.0
_LARGEST = 1 << 20
_MOST_READ = 5_000
_FEW = 5
_OFTEN = 20
_AGAINST_FORMATTER = frozenset(
    {
        *("W191", "E111", "E114", "E117", "D206", "D300", "Q000", "Q001", "Q002", "Q003", "Q004"),
        *("COM812", "COM819", "ISC002"),
    }
)
"""Rules that ruff's own documentation advises against beside its formatter."""
_BY_PLACE = ("INP", "EXE", "N999", "A005", "CPY")
"""Rules about where a file lies, of which earlier versions in our folder say nothing."""
_PAIRS = (("D203", "D211"), ("D213", "D212"))
"""Of rules that exclude each other, the second is kept."""


class _Statistic(msgspec.Struct):
    code: str | None
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class RuleUse:
    """A rule and where it fired.

    Attributes:
        code: as ruff names it.
        name: its name in words.
        now: places that break it today.
        before: places that broke it in earlier versions, each version counted.
    """

    code: str
    name: str
    now: int
    before: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the code keeps.

    Attributes:
        rules: kept today and broken before, by code.
        nearly: broken in few places today and in many before.
        silent: number of rules that never fired on anything, and so are not proposed.
        style: what was measured.
        files: Python files today.
        versions: earlier versions that were looked at, of ``known``.
        known: earlier versions in history.
        tool: ruff with its version.
        target: lowest Python version, such as ``py311``; empty when the project does not tell.
    """

    rules: tuple[RuleUse, ...]
    nearly: tuple[RuleUse, ...]
    silent: int
    style: Style
    files: int
    versions: int
    known: int
    tool: str
    target: str


def propose(root: Path) -> Proposal:
    """Measure a repository.

    Raises:
        UserError: there is no Python in it, or no ruff.
        KtloError: ruff could not run.
    """
    files = files_of(root)
    python = [path for path in files.paths if path.endswith(".py")]
    if not python:
        raise UserError("there is no Python here, and ktlo proposes ruff's rules only", where=str(root))
    ruff = find_program("ruff", root)
    if ruff is None:
        raise UserError("there is no ruff on the PATH outside of the repository", fix="pip install ruff")
    style = measure(_texts(files, python))
    target = target_version(files)
    try:
        version = run_program([str(ruff), "--version"], Surroundings(files.root, 60)).output
        now = _count(ruff, files.root, style, target)
        with past_code(root) as past:
            before = _count(ruff, past.root, style, target) if past.files else {}
            versions, known = past.files, past.known
        every = _rules(ruff, files.root)
    except LintError as error:
        raise KtloError(f"ruff could not say what the code keeps: {error}") from None
    used = [
        RuleUse(code, every[code], now.get(code, 0), before.get(code, 0))
        for code in sorted(every, key=_by_code)
        if code not in _AGAINST_FORMATTER and not code.startswith(_BY_PLACE)
    ]
    kept = [one for one in used if one.now == 0 and one.before > 0]
    codes = {one.code for one in kept}
    given_up = {loser for loser, winner in _PAIRS if loser in codes and winner in codes}
    nearly = [one for one in used if 0 < one.now <= _FEW and one.before >= _OFTEN * one.now]
    return Proposal(
        rules=tuple(one for one in kept if one.code not in given_up),
        nearly=tuple(sorted(nearly, key=lambda one: (one.now, -one.before))[:20]),
        silent=sum(1 for one in used if one.now == 0 and one.before == 0),
        style=style,
        files=len(python),
        versions=versions,
        known=known,
        tool=version.decode("utf-8", "replace").strip()[:60],
        target=target,
    )


def still_broken(root: Path, codes: Sequence[str]) -> Mapping[str, int]:
    """Which of some rules fire under the configuration as it is now.

    Raises:
        KtloError: ruff could not run, for instance because the configuration is not one.
    """
    ruff = find_program("ruff", root)
    if ruff is None or not codes:
        return {}
    try:
        options = ("--extend-select", ",".join(codes))
        found = _statistics(ruff, root.resolve(), options)
    except LintError as error:
        raise KtloError(f"ruff does not accept the configuration: {error}") from None
    return {code: number for code, number in found.items() if code in codes}


def target_version(files: Files) -> str:
    """Lowest Python version that the project supports, as ruff writes it; empty when it does not tell."""
    text = files.start("pyproject.toml", _LARGEST).decode("utf-8", "replace") if files.paths else ""
    found = re.search(r"^\s*requires-python\s*=\s*[\"'][^\"']*?>=\s*3\.(\d+)", text, re.MULTILINE)
    return f"py3{found[1]}" if found and 7 <= int(found[1]) <= 20 else ""


def _texts(files: Files, paths: Sequence[str]) -> list[str]:
    step = max(1, -(-len(paths) // _MOST_READ))
    return [files.start(path, _LARGEST).decode("utf-8", "replace") for path in paths[::step]]


def _count(ruff: Path, folder: Path, style: Style, target: str) -> Mapping[str, int]:
    options = ["--isolated", "--select", "ALL"]
    if style.length:
        options += ["--line-length", str(style.length)]
    if target:
        options += ["--target-version", target]
    return _statistics(ruff, folder, options)


def _statistics(ruff: Path, folder: Path, options: Sequence[str]) -> Mapping[str, int]:
    command = [
        str(ruff), "check", *options, "--statistics", "--output-format", "json", "--exit-zero", "--no-cache",
        "--no-fix", "--quiet", ".",
    ]  # fmt: skip
    ran = run_program(command, Surroundings(folder, _SECONDS))
    if ran.code:
        raise LintError(f"it ended with {ran.code}: {ran.complaint or 'no word why'}")
    try:
        rows = msgspec.json.decode(ran.output or b"[]", type=list[_Statistic])
    except msgspec.MsgspecError as error:
        raise LintError(f"its output is of another shape: {error}") from None
    return {one.code: one.count for one in rows if one.code}


class _Rule(msgspec.Struct):
    code: str | None
    name: str
    preview: bool = False
    status: object = None


def _rules(ruff: Path, folder: Path) -> Mapping[str, str]:
    """Names of all stable rules by code."""
    ran = run_program([str(ruff), "rule", "--all", "--output-format", "json"], Surroundings(folder, 60))
    try:
        rows = msgspec.json.decode(ran.output, type=list[_Rule])
    except msgspec.MsgspecError as error:
        raise LintError(f"its list of rules is of another shape: {error}") from None
    return {one.code: one.name for one in rows if one.code and not one.preview and _is_stable(one.status)}


def _is_stable(status: object) -> bool:
    if isinstance(status, dict):
        return "Stable" in status
    return status in (None, "Stable")


def _by_code(code: str) -> tuple[str, int]:
    letters = code.rstrip("0123456789")
    return letters, int(code.removeprefix(letters) or 0)
