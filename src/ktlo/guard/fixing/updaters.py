"""How a lock file takes another version of a package: by its own tool, or by one line where that is all there is.

A registry of file names. An updater changes files and says nothing about success: ``run`` reads the lock file again.
Registries are asked only by the tool itself, as it is set up.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from ktlo.errors import UserError
from ktlo.guard.fixing.plan import Change
from ktlo.guard.lockfiles.wording import printable

_SECONDS = 600


class CannotUpdateError(UserError):
    """This lock file cannot be changed, or its tool refused; the sentence says why and what to do."""


Updater = Callable[[Path, Change], None]


def update(root: Path, change: Change) -> None:
    """Change the lock file of a change.

    Raises:
        CannotUpdateError: no tool here can, or it refused.
    """
    updater_of(root, change)(root, change)


def updater_of(root: Path, change: Change) -> Updater:
    """What would change the lock file.

    Raises:
        CannotUpdateError: nothing here can.
    """
    name = Path(change.lock_file).name
    for pattern, updater, tool in _UPDATERS:
        if re.fullmatch(pattern, name):
            if tool and shutil.which(tool) is None:
                raise CannotUpdateError(
                    f"{tool} is not on the PATH", fix=f"Install {tool}: only it may write {printable(name)}"
                )
            if updater is _requirements:
                _how(root, change)
            return updater
    raise CannotUpdateError(
        f"ktlo cannot change {printable(name)}", fix="Update the package with the tool that makes this file"
    )


def _run(command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            list(command),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CannotUpdateError(f"{command[0]} took longer than {_SECONDS} seconds") from None
    except OSError as error:
        raise CannotUpdateError(f"{command[0]} cannot be started: {error.strerror}") from None
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        words = printable(" ".join(" ".join(lines[-6:]).split()), 400)
        raise CannotUpdateError(f"{shlex.join(command[:3])} … failed: {words}")


def _uv(root: Path, change: Change) -> None:
    _run(["uv", "lock", "--upgrade-package", f"{change.package}=={change.version}"], root / change.folder)


def _poetry(root: Path, change: Change) -> None:
    # Poetry moves a package as far as the project allows; that it is far enough is seen afterwards.
    _run(["poetry", "update", "--lock", "--no-interaction", change.package], root / change.folder)


def _pdm(root: Path, change: Change) -> None:
    _run(["pdm", "update", "--no-sync", "--update-reuse", change.package], root / change.folder)


def _npm(root: Path, change: Change) -> None:
    quiet = ["--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"]
    folder = root / change.folder
    if change.is_direct:
        _run(["npm", "install", *quiet, f"{change.package}@{change.version}"], folder)
    else:
        _run(["npm", "update", *quiet, change.package], folder)


def _cargo(root: Path, change: Change) -> None:
    for current in change.current:
        spec = f"{change.package}@{current}"
        _run(["cargo", "update", "--package", spec, "--precise", change.version], root / change.folder)


def _go(root: Path, change: Change) -> None:
    version = change.version if change.version.startswith("v") else f"v{change.version}"
    if change.package in ("stdlib", "toolchain"):
        raise CannotUpdateError("it is Go itself", fix=f"Build with Go {change.version.lstrip('v')} or newer")
    _run(["go", "get", f"{change.package}@{version}"], root / change.folder)
    _run(["go", "mod", "tidy"], root / change.folder)


# --- requirements.txt ---------------------------------------------------------------------------------------

_MADE_BY = re.compile(r"^#\s+(uv pip compile|pip-compile)\s+(.*)$", re.MULTILINE)
_SAFE_FLAGS = frozenset(
    {
        "--generate-hashes", "--universal", "--no-header", "--no-annotate", "--no-emit-index-url", "--quiet", "-q",
        "--no-emit-find-links", "--strip-extras", "--no-strip-extras", "--allow-unsafe", "--all-extras",
        "--no-config", "--emit-index-annotation",
    }
)  # fmt: skip
_SAFE_OPTIONS = frozenset(
    {
        "--output-file", "-o", "--python-version", "-p", "--python-platform", "--extra", "--constraint", "-c",
        "--group", "--resolver", "--annotation-style", "--resolution",
    }
)  # fmt: skip


def _requirements(root: Path, change: Change) -> None:
    how = _how(root, change)
    if how:
        _run(how, root / change.folder)
        return
    file = root / change.lock_file
    text = file.read_bytes().decode("utf-8")
    lines = text.splitlines(keepends=True)
    for number in change.lines:
        lines[number - 1] = _PIN.sub(rf"\g<before>{change.version}\g<after>", lines[number - 1], count=1)
    file.write_bytes("".join(lines).encode("utf-8"))


_PIN = re.compile(
    r"^(?P<before>\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*===?\s*)(?P<version>[^\s;,#\\]+)"
    r"(?P<after>.*)$",
    re.DOTALL,
)


def _how(root: Path, change: Change) -> list[str]:
    """The command that makes a requirements file again; empty when its pin can be changed by hand.

    Raises:
        CannotUpdateError: the file has hashes and does not say which tool made it, or that tool is away.
    """
    try:
        text = (root / change.lock_file).read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotUpdateError(f"the file cannot be read: {error}") from None
    made = _MADE_BY.search(text[:4000])
    if made is not None:
        return _compile(made.group(1), made.group(2), change)
    if "--hash=" in text:
        raise CannotUpdateError(
            "the file has hashes and does not say which tool made it",
            fix="Make it again with uv pip compile or pip-compile --generate-hashes",
        )
    lines = text.splitlines()
    for number in change.lines:
        found = _PIN.match(lines[number - 1]) if 0 < number <= len(lines) else None
        if found is None or found.group("version") not in change.current:
            raise CannotUpdateError(f"line {number} is no plain pin such as name==1.0")
    return []


def _compile(tool: str, rest: str, change: Change) -> list[str]:
    program = tool.split(maxsplit=1)[0]
    if shutil.which(program) is None:
        raise CannotUpdateError(f"{program} is not on the PATH", fix=f"Install {program}: it made this file")
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise CannotUpdateError(f"the command in its head cannot be read: {error}") from None
    kept: list[str] = []
    given = iter(words)
    for word in given:
        name, equals, _ = word.partition("=")
        if name in ("--upgrade-package", "-P"):  # of an earlier run
            if not equals:
                next(given, None)
        elif name in _SAFE_OPTIONS:
            kept += [word] if equals else [word, next(given, "")]
        elif word in _SAFE_FLAGS or not word.startswith("-"):
            kept.append(word)
        else:
            raise CannotUpdateError(
                f"the command in its head has {printable(name, 40)!r}, which ktlo does not repeat",
                fix="Run that command yourself with --upgrade-package",
            )
    if not any(word.startswith(("--output-file", "-o")) for word in kept):
        kept += ["--output-file", Path(change.lock_file).name]
    return [*tool.split(), *kept, "--upgrade-package", f"{change.package}=={change.version}"]


_UPDATERS: tuple[tuple[str, Updater, str], ...] = (
    (r"uv\.lock", _uv, "uv"),
    (r"poetry\.lock", _poetry, "poetry"),
    (r"pdm\.lock", _pdm, "pdm"),
    (r"package-lock\.json", _npm, "npm"),
    (r"Cargo\.lock", _cargo, "cargo"),
    (r"go\.mod|go\.sum", _go, "go"),
    (r".*\.txt", _requirements, ""),
)
"""File name as a pattern, what changes it, and the tool that must be there."""


def updatable() -> tuple[str, ...]:
    """Lock files that can be changed, for the documentation."""
    return (
        "requirements*.txt",
        "uv.lock",
        "poetry.lock",
        "pdm.lock",
        "package-lock.json",
        "go.mod",
        "Cargo.lock",
    )
