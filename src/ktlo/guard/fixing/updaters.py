"""How a lock file takes another version of a package: by its own tool, or by one line where that is all there is.

A registry of file names. An updater changes files and says nothing about success: ``run`` reads the lock file again.
Registries are asked only by the tool itself, as it is set up.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ktlo.errors import UserError
from ktlo.guard.fixing.plan import Change
from ktlo.guard.lockfiles.wording import printable

_SECONDS = 600


class CannotUpdateError(UserError):
    """This lock file cannot be changed, or its tool refused; the sentence says why and what to do."""


Updater = Callable[[Path, Change], None]


def updaters_of(root: Path, change: Change) -> tuple[Updater, ...]:
    """What would change the lock file: ways to try, the one that takes exactly the planned version first.

    Raises:
        CannotUpdateError: nothing here can.
    """
    name = Path(change.lock_file).name
    for pattern, updaters, tool in _UPDATERS:
        if re.fullmatch(pattern, name):
            if tool and shutil.which(tool) is None:
                raise CannotUpdateError(
                    f"{tool} is not on the PATH", fix=f"Install {tool}: only it may write {printable(name)}"
                )
            if _requirements in updaters:
                _how(root, change)
            return updaters
    raise CannotUpdateError(
        f"ktlo cannot change {printable(name)}", fix="Update the package with the tool that makes this file"
    )


def _run(
    command: Sequence[str], folder: Path, *, may_fail: bool = False, settings: Mapping[str, str] | None = None
) -> str:
    """Run a tool and give what it prints; ``settings`` are added to its environment."""
    try:
        done = subprocess.run(
            list(command),
            cwd=folder,
            env={**os.environ, **(settings or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CannotUpdateError(f"{command[0]} took longer than {_SECONDS} seconds") from None
    except OSError as error:
        raise CannotUpdateError(f"{command[0]} cannot be started: {error.strerror}") from None
    if done.returncode != 0 and not may_fail:
        lines = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        words = printable(" ".join(" ".join(lines[-6:]).split()), 400)
        raise CannotUpdateError(f"{shlex.join(command[:3])} … failed: {words}")
    return done.stdout.decode("utf-8", "replace")


@contextmanager
def _restored(manifest: Path) -> Iterator[None]:
    """Let a tool write into a manifest for a while; afterwards it has its old bytes."""
    before = manifest.read_bytes()
    try:
        yield
    finally:
        manifest.write_bytes(before)


def _uv(root: Path, change: Change) -> None:
    _run(["uv", "lock", "--upgrade-package", f"{change.package}=={change.version}"], root / change.folder)


def _poetry(root: Path, change: Change) -> None:
    # Poetry has no word for "this version, in the lock file only". So the project asks for it for a moment; the
    # second lock keeps what is locked as far as the project's own manifest admits it.
    folder = root / change.folder
    with _restored(folder / "pyproject.toml"):
        _run(["poetry", "add", "--lock", "--no-interaction", f"{change.package}=={change.version}"], folder)
    is_old = "version 1." in _run(["poetry", "--version"], folder)
    _run(["poetry", "lock", "--no-interaction", *(["--no-update"] if is_old else [])], folder)


def _poetry_as_far_as_it_goes(root: Path, change: Change) -> None:
    _run(["poetry", "update", "--lock", "--no-interaction", change.package], root / change.folder)


# Locking needs no environment; PDM would make one in the project's folder.
_PDM = {"PDM_USE_VENV": "0", "PDM_IGNORE_SAVED_PYTHON": "1", "PDM_CHECK_UPDATE": "0"}
_PDM_UPDATE = ("pdm", "update", "--no-sync", "--update-reuse")


def _pdm(root: Path, change: Change) -> None:
    folder = root / change.folder
    with tempfile.TemporaryDirectory() as place:
        pins = Path(place) / "pins.txt"
        pins.write_text(f"{change.package}=={change.version}\n", encoding="utf-8")
        _run([*_PDM_UPDATE, "--override", str(pins), change.package], folder, settings=_PDM)
    # An override beats the project's own ranges: locked again without it, they hold.
    _run(["pdm", "lock", "--update-reuse"], folder, settings=_PDM)


def _pdm_as_far_as_it_goes(root: Path, change: Change) -> None:
    _run([*_PDM_UPDATE, change.package], root / change.folder, settings=_PDM)


_NPM = ("npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund")


def _npm(root: Path, change: Change) -> None:
    folder = root / change.folder
    wanted = f"{change.package}@{change.version}"
    lock = _lock_of(root, change)
    asked = _asked_for(folder, change.package)
    if asked and f"node_modules/{change.package}" in _copies(lock, change, is_vulnerable=True):
        exact = ["--save-exact"] if re.fullmatch(r"=?\d[\w.+-]*", asked) else []
        _run([*_NPM, *exact, wanted], folder)
        return
    if asked or _copies(lock, change, is_vulnerable=False):
        raise CannotUpdateError(f"others need another version of {change.package}")
    with _restored(folder / "package.json"):
        _run([*_NPM, wanted], folder)
    _run(_NPM, folder)
    _require_admitted(folder, change)


def _require_admitted(folder: Path, change: Change) -> None:
    """Ask npm whether ranges admit what is locked: it keeps a version even where a range forbids it.

    Raises:
        CannotUpdateError: a range forbids it.
    """
    told = _run(["npm", "ls", "--package-lock-only", "--all", "--json"], folder, may_fail=True)
    try:
        problems = json.loads(told).get("problems", [])
    except (ValueError, AttributeError):
        raise CannotUpdateError("what npm ls says of the lock file cannot be read") from None
    for one in problems:
        if str(one).startswith(f"invalid: {change.package}@"):
            raise CannotUpdateError(
                f"the range of a package that needs {change.package} holds it back",
                fix=f"npm explain {change.package} names it",
            )


def _npm_as_far_as_it_goes(root: Path, change: Change) -> None:
    # `npm update NAME` leaves what only others need where it is; what is not locked is looked for anew.
    lock = _lock_of(root, change)
    for place in _copies(lock, change, is_vulnerable=True):
        del lock["packages"][place]
    (root / change.lock_file).write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")
    _run(_NPM, root / change.folder)
    _require_admitted(root / change.folder, change)


def _asked_for(folder: Path, package: str) -> str:
    """The range that the manifest in this folder has for a package; empty when it does not ask for it."""
    manifest = _json(folder / "package.json")
    for kind in ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies"):
        asked = manifest.get(kind)
        if isinstance(asked, dict) and isinstance(asked.get(package), str):
            return str(asked[package])
    return ""


def _lock_of(root: Path, change: Change) -> dict[str, Any]:
    lock = _json(root / change.lock_file)
    if not isinstance(lock.get("packages"), dict):
        raise CannotUpdateError(
            "the lock file is of npm 6 or older",
            fix="Run npm install with npm 7 or newer: it is written anew",
        )
    return lock


def _copies(lock: dict[str, Any], change: Change, *, is_vulnerable: bool) -> list[str]:
    return [
        place
        for place, entry in lock["packages"].items()
        if f"/{place}".endswith(f"/node_modules/{change.package}")
        and isinstance(entry, dict)
        and (entry.get("version") in change.current) is is_vulnerable
    ]


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise CannotUpdateError(f"{file.name} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise CannotUpdateError(f"{file.name} holds no object")
    return content


def _cargo(root: Path, change: Change) -> None:
    for current, target in zip(change.current, change.targets, strict=True):
        spec = f"{change.package}@{current}"
        _run(["cargo", "update", "--package", spec, "--precise", target], root / change.folder)


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


_UPDATERS: tuple[tuple[str, tuple[Updater, ...], str], ...] = (
    (r"uv\.lock", (_uv,), "uv"),
    (r"poetry\.lock", (_poetry, _poetry_as_far_as_it_goes), "poetry"),
    (r"pdm\.lock", (_pdm, _pdm_as_far_as_it_goes), "pdm"),
    (r"package-lock\.json", (_npm, _npm_as_far_as_it_goes), "npm"),
    (r"Cargo\.lock", (_cargo,), "cargo"),
    (r"go\.mod|go\.sum", (_go,), "go"),
    (r".*\.txt", (_requirements,), ""),
)
"""File name as a pattern, what changes it (ways to try), and the tool that must be there."""


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
