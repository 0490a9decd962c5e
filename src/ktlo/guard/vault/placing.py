"""Replaces a secret in a file by what refers to it: planned first, written only when the file is still the same.

The reference is ``vault:PATH#KEY`` within the quotes that are there, or a look-up of an environment variable in the
language of the file. The write is atomic; links are not followed, and nothing outside the tree is touched.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pydantic import SecretBytes

from ktlo.errors import UserError

_LARGEST = 64 << 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LOOKUPS = {
    "py": 'os.environ["{}"]',
    "js": "process.env.{}", "mjs": "process.env.{}", "cjs": "process.env.{}", "jsx": "process.env.{}",
    "ts": "process.env.{}", "tsx": "process.env.{}", "mts": "process.env.{}",
    "rb": 'ENV.fetch("{}")',
    "go": 'os.Getenv("{}")',
    "java": 'System.getenv("{}")', "kt": 'System.getenv("{}")', "scala": 'sys.env("{}")',
    "groovy": 'System.getenv("{}")',
    "php": "getenv('{}')",
    "rs": 'std::env::var("{}").unwrap()',
    "cs": 'Environment.GetEnvironmentVariable("{}")',
}  # fmt: skip
"""Look-ups that take the place of a whole quoted text."""
_EXPANDED = frozenset(
    {"sh", "bash", "zsh", "env", "yaml", "yml", "toml", "ini", "properties", "conf", "cfg", "xml", "tf"}
)
"""Files in which ``${NAME}`` is the usual way to say it, within a text too."""
_NEEDS = {"py": "import os", "go": 'import "os"', "cs": "using System"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be written.

    Attributes:
        path: the file, relative to the root.
        count: how many times the secret is replaced.
        needs: what the file must have besides, such as ``import os``; empty when nothing.
        before: the file as it is.
        after: the file as it would be.
        inode: which file it was, with its device.
        mode: its permissions.
    """

    path: str
    count: int
    needs: str
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    inode: tuple[int, int] = (0, 0)
    mode: int = 0o644

    def diff(self, secret: SecretBytes) -> str:
        """The change as a unified diff, with the secret struck out."""
        struck = self.before.replace(secret.get_secret_value(), b"*" * 8)
        old = struck.decode("utf-8", "replace").splitlines(keepends=True)
        new = self.after.decode("utf-8", "replace").splitlines(keepends=True)
        return "".join(difflib.unified_diff(old, new, f"a/{self.path}", f"b/{self.path}", n=1))


def plan(root: Path, path: str, secret: SecretBytes, leave: str) -> Plan:
    """Work out the change of a file; nothing is written.

    Args:
        root: the repository's folder.
        path: the file, relative to it.
        secret: what is replaced, wherever it stands in the file.
        leave: ``vault:…``, which takes the secret's place, or ``env:NAME``.

    Raises:
        UserError: the file is binary, in an archive, behind a link, gone, or the change cannot be made by a program.
    """
    if "!" in path and not (root / path).exists():
        raise UserError(
            "the secret is in an archive, which is not edited",
            where=path,
            fix="Make the archive anew without it",
        )
    place = _inside(root, path)
    data, status = _read(place, path)
    if b"\0" in data[:8_000]:
        raise UserError(
            "this is a binary file, which is not edited", where=path, fix="Make it anew without the secret"
        )
    value = secret.get_secret_value()
    if not value or value not in data:
        raise UserError(
            "the secret is no longer in this file", where=path, fix="Scan again: `ktlo secrets scan`"
        )
    after, needs = _replaced(data, value, leave, path)
    if value in after:
        raise UserError(
            "the reference would hold the secret itself", where=path, fix="Choose another path or key"
        )
    return Plan(
        path,
        data.count(value),
        needs,
        data,
        after,
        (status.st_dev, status.st_ino),
        stat.S_IMODE(status.st_mode),
    )


def write(root: Path, planned: Plan) -> None:
    """Write a plan: the whole new file or the whole old one, never a mixture.

    Raises:
        UserError: the file changed since it was read, or cannot be written; then it is as it was.
    """
    place = _inside(root, planned.path)
    draft = place.with_name(f".{place.name}.ktlo-{os.getpid()}")
    changed = UserError(
        "the file changed while it was being moved out; it was not touched",
        where=planned.path,
        fix="The value is safe in Vault: run the same command again",
    )
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(draft, flags, planned.mode), "wb") as file:
            file.write(planned.after)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(planned.mode)
        data, status = _read(place, planned.path)
        if data != planned.before or (status.st_dev, status.st_ino) != planned.inode:
            raise changed
        draft.replace(place)
    except OSError as error:
        raise UserError(f"the file cannot be written: {error.strerror}", where=planned.path) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


def _inside(root: Path, path: str) -> Path:
    """The file's place; every part of the way must be in the tree and no link."""
    parts = PurePosixPath(path).parts
    if not parts or PurePosixPath(path).is_absolute() or ".." in parts:
        raise UserError("this file is outside of the repository", where=path)
    way = root.resolve()
    for part in parts:
        way = way / part
        if way.is_symlink():
            raise UserError(
                "a link leads to this file, and links are not followed", where=path, fix="Edit the target"
            )
    return way


def _read(place: Path, path: str) -> tuple[bytes, os.stat_result]:
    try:
        handle = os.open(
            place, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        )
    except FileNotFoundError:
        raise UserError("this file is gone", where=path, fix="Scan again: `ktlo secrets scan`") from None
    except OSError as error:
        raise UserError(f"the file cannot be read: {error.strerror}", where=path) from None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            raise UserError("this is no file that can be edited: no regular one, or over 64 MiB", where=path)
        return file.read(), status


def _replaced(data: bytes, value: bytes, leave: str, path: str) -> tuple[bytes, str]:
    if not leave.startswith("env:"):
        if b"\n" in value:
            raise UserError(
                "the secret goes over several lines, where a reference may not be understood",
                where=path,
                fix="Take it out by hand; the value is asked for from Vault by the reference",
            )
        return data.replace(value, leave.encode()), ""
    name = leave.removeprefix("env:")
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} is no name of an environment variable", fix="Write env:NAME, such as env:API_KEY"
        )
    suffix = _suffix(path)
    if suffix in _EXPANDED:
        return data.replace(value, f"${{{name}}}".encode()), ""
    if suffix not in _LOOKUPS:
        raise UserError(
            f"how a .{suffix} file looks up an environment variable is not known",
            where=path,
            fix="Leave a reference to Vault instead: --leave reference",
        )
    lookup = _LOOKUPS[suffix].format(name).encode()
    after = data
    for quote in (b'"""', b"'''", b'"', b"'", b"`"):
        after = after.replace(quote + value + quote, lookup)
    if value in after:
        raise UserError(
            "the secret is part of a longer text here, so a look-up cannot take its place",
            where=path,
            fix="Edit the line by hand, or leave a reference: --leave reference",
        )
    needs = _NEEDS.get(suffix, "")
    return after, "" if needs and needs.encode() in data else needs


def _suffix(path: str) -> str:
    name = PurePosixPath(path).name.lower()
    if name.startswith(".env") or name.endswith(".env"):
        return "env"
    return name.rpartition(".")[2] if "." in name else ""
