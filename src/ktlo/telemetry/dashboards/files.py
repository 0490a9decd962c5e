"""Files of dashboards: listed, read with errors that name the line, written atomically and never over another's change.

Shipped dashboards come with the program and are read only; saving one under its name makes a file that takes its place.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ktlo.errors import NotFoundError, UserError
from ktlo.settings.bounded_yaml import read_bounded
from ktlo.telemetry.dashboards.model import Dashboard, PanelKind, filled
from ktlo.telemetry.promql.parsing import parsed
from ktlo.telemetry.promql.places import PromqlError

SHIPPED = Path(__file__).parent / "shipped"
_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,80}$")


class DashboardChangedError(UserError):
    """The file was changed by somebody else since it was read."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something wrong in a file.

    Attributes:
        line: from 1.
        what: one sentence.
    """

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Stored:
    """One dashboard and its file.

    Attributes:
        name: in URLs; the file's name without ``.yaml``.
        dashboard: ``None`` where the file cannot be used.
        remarks: what is wrong in it.
        digest: of the file's content, to notice changes.
        is_shipped: it comes with the program.
    """

    name: str
    dashboard: Dashboard | None
    remarks: tuple[Remark, ...]
    digest: str
    is_shipped: bool


class Folder:
    """The dashboards of one ktlo.

    Args:
        path: folder of people's files; need not be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> list[Stored]:
        """Every dashboard, by name; a file takes the place of a shipped one of its name."""
        found = {file.stem: file for file in _files(SHIPPED)}
        found |= {file.stem: file for file in _files(self.path)}
        return [read(file, is_shipped=file.parent == SHIPPED) for _, file in sorted(found.items())]

    def one(self, name: str) -> Stored:
        """A dashboard by name.

        Raises:
            NotFoundError: there is none.
        """
        if _NAME.match(name):
            for folder in (self.path, SHIPPED):
                file = folder / f"{name}.yaml"
                if file.is_file():
                    return read(file, is_shipped=folder == SHIPPED)
        raise NotFoundError(f"there is no dashboard {name[:80]!r}", fix="ktlo dashboards list names them")

    def save(self, name: str, text: str, before: str) -> Stored:
        """Write a dashboard; readers see the old file or the new.

        Args:
            name: of the file, without ``.yaml``.
            text: YAML; it must be valid.
            before: digest of what the change was made to; empty for a new one.

        Raises:
            DashboardChangedError: the file is not what it was made to any more.
            UserError: the name or the content is not usable, or the folder cannot be written.
        """
        if not _NAME.match(name):
            raise UserError(
                f"{name[:80]!r} is no name of a dashboard", fix="Use small letters, digits and hyphens"
            )
        dashboard, remarks = checked(text)
        if dashboard is None:
            first = remarks[0]
            raise UserError(first.what, where=f"line {first.line}", fix="Mend it and save again")
        file = self.path / f"{name}.yaml"
        there = file if file.is_file() else SHIPPED / f"{name}.yaml"
        now = _digest(there.read_bytes()) if there.is_file() else ""
        if now != before:
            raise DashboardChangedError(
                f"the dashboard {name} was changed since you opened it"
                if before
                else f"there is a dashboard {name} already",
                where=str(file),
                fix="Open it again and repeat your change, or save under another name",
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.path, prefix=f".{name}-", suffix=".part")
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(text if text.endswith("\n") else f"{text}\n")
                out.flush()
                os.fsync(out.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(file)
        except OSError as error:
            raise UserError(f"the dashboard cannot be written: {error.strerror}", where=str(file)) from error
        return read(file, is_shipped=False)

    def text(self, name: str) -> str:
        """The file of a dashboard as it is written."""
        stored = self.one(name)
        file = (SHIPPED if stored.is_shipped else self.path) / f"{name}.yaml"
        return file.read_text(encoding="utf-8", errors="replace")


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (file for file in sorted(folder.glob("*.yaml")) if _NAME.match(file.stem))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def read(file: Path, *, is_shipped: bool) -> Stored:
    """Read a file; what is wrong in it is told, not raised."""
    try:
        read_bounded(file)
        content = file.read_bytes()
        dashboard, remarks = checked(content.decode("utf-8"))
    except UserError as error:
        found = re.search(r"line (\d+)", error.what)
        return Stored(file.stem, None, (Remark(int(found[1]) if found else 1, error.what),), "", is_shipped)
    return Stored(file.stem, dashboard, remarks, _digest(content), is_shipped)


def checked(text: str) -> tuple[Dashboard | None, tuple[Remark, ...]]:
    """A dashboard from YAML, and what is wrong in it; ``None`` when it cannot be used.

    Expressions are parsed; one that is no PromQL is a remark, and the dashboard can be used without it.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return None, (
            Remark(mark.line + 1 if mark else 1, f"this is not YAML: {getattr(error, 'problem', error)}"),
        )
    if not isinstance(value, dict):
        return None, (Remark(1, "a dashboard is a mapping with title and rows"),)
    try:
        dashboard = Dashboard.model_validate(value)
    except ValidationError as error:
        return None, tuple(
            Remark(
                _line(node, each["loc"]), f"{'.'.join(map(str, each['loc'])) or 'dashboard'}: {_said(each)}"
            )
            for each in error.errors()
        )
    return dashboard, tuple(_expressions(dashboard, node))


def _said(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    return "there is no such key" if error["type"] == "extra_forbidden" else message


def _line(node: yaml.Node | None, path: tuple[int | str, ...]) -> int:
    """The line on which a value stands, or the nearest one that holds it."""
    line = 1
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _expressions(dashboard: Dashboard, node: yaml.Node | None) -> Iterator[Remark]:
    stand_in = {each.name: "x" for each in dashboard.variables}
    for row, band in enumerate(dashboard.rows):
        for place, panel in enumerate(band.panels):
            if panel.kind is not PanelKind.PROMQL:
                continue
            for number, query in enumerate(panel.queries):
                try:
                    parsed(with_windows(filled(query.expr, stand_in), 60.0, 3600.0))
                except PromqlError as error:
                    line = _line(node, ("rows", row, "panels", place, "queries", number, "expr"))
                    yield Remark(
                        line, f"{panel.title or 'panel'}: {error.what} ({error.where} of the expression)"
                    )


def with_windows(expression: str, step_seconds: float, range_seconds: float) -> str:
    """An expression with Grafana's own variables filled in: ``$__interval``, ``$__rate_interval``, ``$__range``."""
    step = max(1, round(step_seconds))
    values = {
        "__rate_interval": f"{max(4 * 15, step + 15, 60)}s", "__interval": f"{step}s",
        "__interval_ms": str(step * 1000), "__range": f"{max(1, round(range_seconds))}s",
        "__range_s": str(max(1, round(range_seconds))), "__auto": f"{max(60, step)}s",
    }  # fmt: skip
    return re.sub(r"\$\{?(__\w+)\}?", lambda found: values.get(found[1], found[0]), expression)


def written(dashboard: Dashboard) -> str:
    """A dashboard as YAML, without what is as by default."""
    value = dashboard.model_dump(mode="json", exclude_defaults=True)
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110))
