"""Ruff's configuration with a proposal added: the file as it is, and as it would be, comments and order kept.

What somebody has set stays: a line length, quotes, selected and ignored rules are only added to. Source: ruff's
settings reference (``line-length``, ``lint.select``, ``lint.extend-select``, ``format.quote-style``…).
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ktlo.errors import UserError
from ktlo.guard.lint.adopt import Proposal

_NAMES = (".ruff.toml", "ruff.toml", "pyproject.toml")
_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Edited:
    """A configuration before and after.

    Attributes:
        file: where it is or will be, relative to the root.
        before: its text; empty when it is new.
        after: its text with the proposal.
        added: rules that are new in it.
    """

    file: str
    before: str
    after: str
    added: tuple[str, ...]

    @property
    def diff(self) -> str:
        """What would change, as a unified diff; empty when nothing would."""
        return "".join(
            difflib.unified_diff(
                self.before.splitlines(keepends=True),
                self.after.splitlines(keepends=True),
                f"a/{self.file}" if self.before else "/dev/null",
                f"b/{self.file}",
            )
        )


def edit(root: Path, proposal: Proposal, leave_out: Sequence[str] = ()) -> Edited:
    """Add a proposal to the configuration that counts for a repository, or to a new ``ruff.toml``.

    Args:
        root: the repository.
        proposal: what to add.
        leave_out: rules of it that are not added.

    Raises:
        UserError: the configuration cannot be read, is no TOML, or is a link.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    name = _which(root)
    before = _read(root / name)
    try:
        document = tomlkit.parse(before)
        top: Any = document
        if name == "pyproject.toml":
            top = _table(_table(document, "tool", is_super=True), "ruff")
        added = _fill(top, proposal, frozenset(leave_out))
        after = tomlkit.dumps(document)
    except (TOMLKitError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"this is not a configuration of ruff: {error}", where=name, fix="Mend it first"
        ) from None
    return Edited(name, before, after, added)


def write(root: Path, edited: Edited) -> None:
    """Write the configuration, at once or not at all.

    Raises:
        UserError: it cannot be written.
    """
    file = root / edited.file
    draft = file.with_name(f".{file.name}.ktlo")
    try:
        draft.write_text(edited.after, encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        raise UserError(f"it cannot be written: {error.strerror}", where=edited.file) from None


def _which(root: Path) -> str:
    for name in _NAMES[:2]:
        if (root / name).exists() or (root / name).is_symlink():
            return name
    project = root / "pyproject.toml"
    return "pyproject.toml" if project.exists() or project.is_symlink() else "ruff.toml"


def _read(file: Path) -> str:
    if file.is_symlink() or (file.exists() and not file.is_file()):
        raise UserError("the configuration is a link or no regular file", where=file.name)
    try:
        if not file.exists():
            return ""
        if file.stat().st_size > _LARGEST:
            raise UserError("the configuration is larger than 1 MiB", where=file.name)
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the configuration cannot be read: {error}", where=file.name) from None


def _table(parent: Any, name: str, *, is_super: bool = False) -> Any:
    import tomlkit

    if name not in parent:
        parent[name] = tomlkit.table(is_super)
    found = parent[name]
    if not hasattr(found, "items"):
        raise ValueError(f"{name} is no table")
    return found


def _fill(ruff: Any, proposal: Proposal, leave_out: frozenset[str]) -> tuple[str, ...]:
    style = proposal.style
    if style.length and "line-length" not in ruff:
        ruff["line-length"] = style.length
    if style.indent == "space" and style.width not in (0, 4) and "indent-width" not in ruff:
        ruff["indent-width"] = style.width
    lint = ruff.get("lint", {})
    older = {**ruff, **lint}  # before ruff 0.2 these stood outside of [lint]
    covered = [str(one) for key in ("select", "extend-select") for one in older.get(key, ())]
    ignored = [str(one) for key in ("ignore", "extend-ignore") for one in older.get(key, ())]
    wanted = tuple(
        one.code
        for one in proposal.rules
        if one.code not in leave_out
        and not _is_named(one.code, ignored)
        and not _is_named(one.code, covered or ["E4", "E7", "E9", "F"])
    )
    if wanted:
        table = _table(ruff, "lint")
        key = "extend-select"
        table[key] = _array([*(str(one) for one in table.get(key, ())), *wanted])
    if style.indent == "tab" or style.quotes == "single":
        form = _table(ruff, "format")
        if style.indent == "tab" and "indent-style" not in form:
            form["indent-style"] = "tab"
        if style.quotes == "single" and "quote-style" not in form:
            form["quote-style"] = "single"
    return wanted


def _is_named(code: str, names: Sequence[str]) -> bool:
    return any(name == "ALL" or code.startswith(name) for name in names)


def _array(codes: Sequence[str]) -> Any:
    import tomlkit

    array = tomlkit.array()
    array.extend(codes)
    return array.multiline(len(codes) > 8)
