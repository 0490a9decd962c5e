"""Where a module's source is: in the project, or in an environment (``site-packages``) beside it.

Files are read through the one door that stays inside a folder (:class:`ktlo.guard.lockfiles.tree.Tree`) and parsed
with ``ast``; what cannot be read or parsed is kept with its reason. Names resolve as the import system does it
(language reference 5), for every folder of the project that a script may start in.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
import warnings
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ktlo.guard.lockfiles.protocol import Limits as TreeLimits
from ktlo.guard.lockfiles.protocol import UnreadableError
from ktlo.guard.lockfiles.tree import Tree
from ktlo.guard.lockfiles.wording import full_path
from ktlo.guard.reachability.limits import Limits

_HERE = PurePosixPath()
_EXTRA_ROOTS = ("src", "lib", "python")
_TEST_FOLDERS = frozenset({"tests", "test", "testing", "examples", "example", "docs", "doc", "benchmarks"})


@dataclass(frozen=True, slots=True)
class Source:
    """A Python file, or a folder that is a namespace package.

    Attributes:
        name: dotted.
        path: relative to the folder it is in.
        is_project: part of the project, else of the environment.
        is_package: an ``__init__.py`` or a folder.
        is_folder: a folder without ``__init__.py``.
        root: folder that absolute imports of this file start from.
    """

    name: str
    path: PurePosixPath
    is_project: bool
    is_package: bool
    is_folder: bool = False
    root: PurePosixPath = _HERE

    @property
    def shown(self) -> str:
        """The path for people, control characters escaped; the environment's begin with ``site-packages``."""
        shown = full_path(self.path)
        return shown if self.is_project else f"site-packages/{shown}"

    @property
    def is_test(self) -> bool:
        """Tests, examples and documentation: paths from the rest are told first."""
        return not _TEST_FOLDERS.isdisjoint(self.path.parts[:-1]) or self.path.name.startswith(
            ("test_", "conftest.")
        )


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that is not part of the graph, and why."""

    path: str
    reason: str


class Library:
    """All modules that can be found, and what could not be read of them."""

    def __init__(self, project: Path, environment: Path | None, limits: Limits) -> None:
        self.unread: list[Unread] = []
        self.files_read = 0
        self.lines_read = 0
        self._limits = limits
        bounds = TreeLimits(
            file_bytes=limits.file_bytes, total_bytes=limits.total_bytes, walked=limits.walked
        )
        self._project = Tree(project, bounds)
        self._environment = None if environment is None else Tree(environment, bounds)
        self._known: dict[str, list[Source]] = {}
        self._prefixes: set[str] = set()
        self._installed: dict[str, Source | None] = {}
        self.project: list[Source] = []
        self._walk()

    def _walk(self) -> None:
        packages: set[PurePosixPath] = set()
        files: list[PurePosixPath] = []
        try:
            for folder in self._project.folders():
                if folder.refused:
                    self.unread.append(
                        Unread(full_path(folder.path), f"it cannot be listed: {folder.refused}")
                    )
                if "__init__.py" in folder.files:
                    packages.add(folder.path)
                files += (folder.path / name for name in folder.files if name.endswith(".py"))
        except UnreadableError as error:
            self.unread.append(Unread(".", str(error)))
        for path in files:
            self._add(path, packages)
        for name in self._known:
            while name := name.rpartition(".")[0]:
                self._prefixes.add(name)

    def _add(self, path: PurePosixPath, packages: set[PurePosixPath]) -> None:
        is_package = path.name == "__init__.py"
        root = path.parent
        while root in packages and root.parts:
            root = root.parent
        # From the project's folder, from one that usually holds packages, and from where its package begins.
        starts = [PurePosixPath(extra) for extra in (*_EXTRA_ROOTS, "")]
        names = [name for name in (_dotted(path, start) for start in (*starts, root)) if name]
        shown = names[0] if names else f"<{full_path(path)}>"
        source = Source(shown, path, is_project=True, is_package=is_package, root=root)
        self.project.append(source)
        for name in dict.fromkeys(names):
            self._known.setdefault(name, []).append(source)

    def find(self, name: str, near: Source | None = None) -> Source | None:
        """The source of a module by its full name; ``None`` when it is not among what is read.

        Args:
            name: dotted and absolute.
            near: the file that imports it; modules beside it come first.
        """
        known = self._known.get(name)
        if known:
            root = near.root if near is not None and near.is_project else PurePosixPath()
            return min(known, key=lambda one: (one.root != root, len(one.path.parts), str(one.path)))
        if name in self._prefixes:
            folder = PurePosixPath(*name.split("."))
            return Source(name, folder, is_project=True, is_package=True, is_folder=True)
        if name not in self._installed:
            self._installed[name] = self._find_installed(name)
        return self._installed[name]

    def _find_installed(self, name: str) -> Source | None:
        tree = self._environment
        if tree is None or name.partition(".")[0] in sys.stdlib_module_names:
            return None
        parts = name.split(".")
        if len(parts) > 30 or not all(part.isidentifier() for part in parts):
            return None
        base = PurePosixPath(*parts)
        if tree.exists(base / "__init__.py"):
            return Source(name, base / "__init__.py", is_project=False, is_package=True)
        file = base.with_name(f"{base.name}.py")
        if tree.exists(file):
            return Source(name, file, is_project=False, is_package=False)
        try:
            is_folder = tree.inside(base).is_dir()
        except (UnreadableError, OSError):
            is_folder = False
        return Source(name, base, is_project=False, is_package=True, is_folder=True) if is_folder else None

    def parse(self, source: Source) -> ast.Module | None:
        """The syntax tree of a file; ``None``, with its reason kept, when there is none to have."""
        if source.is_folder:
            return ast.Module(body=[], type_ignores=[])
        tree = self._project if source.is_project else self._environment
        if tree is None:
            return None
        if self.files_read >= self._limits.files:
            self._refuse(source, f"more than {self._limits.files:,} files")
            return None
        try:
            data = tree.read(source.path)
        except UnreadableError as error:
            self._refuse(source, str(error.what))
            return None
        self.files_read += 1
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            text = data.decode(encoding)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                parsed = ast.parse(text)
        except SyntaxError as error:
            self._refuse(source, _why(error))
            return None
        except (UnicodeDecodeError, LookupError):
            self._refuse(source, "it is not text in the encoding it declares")
            return None
        except (ValueError, RecursionError, MemoryError) as error:
            self._refuse(source, f"it cannot be parsed: {str(error) or 'nested too deeply'}")
            return None
        self.lines_read += text.count("\n") + 1
        return parsed

    def _refuse(self, source: Source, reason: str) -> None:
        self.unread.append(Unread(source.shown, reason))


def _dotted(path: PurePosixPath, root: PurePosixPath) -> str:
    if not path.is_relative_to(root):
        return ""
    parts = list(path.relative_to(root).with_suffix("").parts)
    if parts and parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts) if all(part.isidentifier() for part in parts) else ""


def _why(error: SyntaxError) -> str:
    words = error.msg or "syntax error"
    old = (
        "Missing parentheses in call to",
        "leading zeros in decimal",
        "multiple exception types",
        "invalid escape",
    )
    python2 = " (Python 2?)" if words.startswith(old) or "<>" in (error.text or "") else ""
    return f"it is no Python 3 that can be parsed{python2}: {words[:100]}, line {error.lineno or 0}"
