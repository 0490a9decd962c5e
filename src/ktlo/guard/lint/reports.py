"""Reads the machine output of linters that do not write SARIF: shellcheck, actionlint, eslint, clippy.

Formats: shellcheck(1) ``json1``; actionlint's ``-format`` with ``{{json .}}``; eslint's ``json`` formatter; rustc's
and Cargo's JSON messages. Output of another shape is an error, never an empty list.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from ktlo.guard.finding import Level
from ktlo.guard.lint.remark import LintError, Remark
from ktlo.guard.lint.sarif_report import relative


class _Comment(msgspec.Struct):
    file: str
    line: int
    level: str
    code: int
    message: str


class _Comments(msgspec.Struct):
    comments: tuple[_Comment, ...]


def read_shellcheck(text: bytes, root: Path) -> tuple[Remark, ...]:
    """``shellcheck --format=json1``.

    Raises:
        LintError: it is of another shape.
    """
    return tuple(
        Remark(
            "shellcheck",
            f"SC{one.code}",
            Level.MEDIUM if one.level == "error" else Level.LOW,
            one.message,
            relative(one.file, root),
            one.line,
        )
        for one in _decoded(text, _Comments).comments
    )


class _ActionlintError(msgspec.Struct):
    message: str
    filepath: str = ""
    line: int = 0
    kind: str = "syntax-check"


def read_actionlint(text: bytes, root: Path) -> tuple[Remark, ...]:
    """``actionlint -format '{{json .}}'``.

    Raises:
        LintError: it is of another shape.
    """
    found = _decoded(text, tuple[_ActionlintError, ...] | None) or ()
    return tuple(
        Remark("actionlint", one.kind, Level.MEDIUM, one.message, relative(one.filepath, root), one.line)
        for one in found
    )


class _EslintMessage(msgspec.Struct, rename="camel"):
    message: str
    severity: int
    rule_id: str | None = None
    line: int = 0


class _EslintFile(msgspec.Struct, rename="camel"):
    file_path: str
    messages: tuple[_EslintMessage, ...]


def read_eslint(text: bytes, root: Path) -> tuple[Remark, ...]:
    """``eslint --format=json``; a message without a rule is a file that cannot be parsed.

    Raises:
        LintError: it is of another shape.
    """
    return tuple(
        Remark(
            "eslint",
            one.rule_id or "parsing-error",
            Level.MEDIUM if one.severity >= 2 else Level.LOW,
            one.message,
            relative(file.file_path, root),
            one.line,
        )
        for file in _decoded(text, tuple[_EslintFile, ...])
        for one in file.messages
    )


class _Code(msgspec.Struct):
    code: str


class _Span(msgspec.Struct):
    file_name: str
    line_start: int
    is_primary: bool = False


class _Diagnostic(msgspec.Struct):
    message: str
    level: str
    code: _Code | None = None
    spans: tuple[_Span, ...] = ()


class _CargoLine(msgspec.Struct):
    reason: str
    message: _Diagnostic | None = None
    success: bool | None = None


def read_clippy(text: bytes, root: Path) -> tuple[Remark, ...]:
    """``cargo clippy --message-format=json``: one JSON object a line; only lints, of the project's own files.

    Raises:
        LintError: it is of another shape, or the build did not end well.
    """
    found: list[Remark] = []
    is_finished = False
    for line in text.splitlines():
        if not line.startswith(b"{"):
            continue
        said = _decoded(line, _CargoLine)
        if said.reason == "build-finished":
            if not said.success:
                raise LintError("the project does not build")
            is_finished = True
        if said.reason != "compiler-message" or said.message is None or said.message.code is None:
            continue
        one = said.message
        span = next((span for span in one.spans if span.is_primary), None)
        if span is None or span.file_name.startswith("/"):
            continue  # not in this project
        level = Level.MEDIUM if one.level == "error" else Level.LOW
        path = relative(span.file_name, root)
        found.append(Remark("clippy", said.message.code.code, level, one.message, path, span.line_start))
    if not is_finished:
        raise LintError("cargo does not say that the build has ended")
    return tuple(found)


def _decoded(text: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise LintError(f"its output is of another shape: {error}") from None
