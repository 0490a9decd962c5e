"""The baseline: fingerprints of secrets that are known, so that only new ones fail a build.

A JSON file, ``.ktlo/secrets-baseline.json``, made to be committed: version, salt, fingerprints, and for people the
rule and path of each. It holds no secret.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ktlo.errors import UserError
from ktlo.guard.finding import Finding
from ktlo.guard.secrets.fingerprint import DEFAULT_SALT

BASELINE = Path(".ktlo") / "secrets-baseline.json"
"""Where a repository keeps its baseline, relative to its root."""
_LARGEST = 64 << 20
_FIX = "Write it anew from the working tree, or restore it"


@dataclass(frozen=True, slots=True)
class Baseline:
    """Known secrets.

    Attributes:
        salt: what fingerprints are salted with.
        fingerprints: the known ones.
    """

    salt: bytes = DEFAULT_SALT
    fingerprints: frozenset[str] = frozenset()


def fresh_baseline() -> Baseline:
    """A baseline with a salt of its own and nothing known: what to scan with before writing one."""
    return Baseline(secrets.token_bytes(16))


def read_baseline(path: Path) -> Baseline:
    """Read a baseline; an empty one when there is no such file.

    Raises:
        UserError: it cannot be read or is not a baseline.
    """
    try:
        if path.is_symlink() or path.stat().st_size > _LARGEST:
            raise UserError("the baseline is a link or larger than 64 MiB", where=str(path), fix=_FIX)
        document = json.loads(path.read_text("utf-8"))
        if document["version"] != 1 or len(bytes.fromhex(document["salt"])) < 8:
            raise UserError("the baseline is of another version", where=str(path), fix=_FIX)
        return _of(document)
    except FileNotFoundError:
        return Baseline()
    except OSError as error:
        raise UserError(f"the baseline cannot be read: {error.strerror}", where=str(path)) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError("the baseline is not one", where=str(path), fix=_FIX) from None


def parse_baseline(text: str) -> Baseline | None:
    """A baseline from its text; ``None`` when it is none."""
    try:
        document = json.loads(text)
        read = _of(document)
        return read if document["version"] == 1 and len(read.salt) >= 8 else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _of(document: Any) -> Baseline:
    prints = frozenset(str(entry["fingerprint"]) for entry in document["known"])
    return Baseline(bytes.fromhex(document["salt"]), prints)


def write_baseline(path: Path, salt: bytes, findings: Iterable[Finding]) -> int:
    """Write findings as known, replacing the file at once or not at all; how many.

    Args:
        path: the file.
        salt: what the findings' fingerprints were salted with.
        findings: what is known from now on.
    """
    known = {
        finding.fingerprint: {
            "fingerprint": finding.fingerprint,
            "rule": finding.rule,
            "path": finding.location.path,
        }
        for finding in findings
    }
    entries = sorted(known.values(), key=lambda entry: (entry["path"], entry["rule"], entry["fingerprint"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(
        json.dumps({"version": 1, "salt": salt.hex(), "known": entries}, indent=1) + "\n", "utf-8"
    )
    draft.replace(path)
    return len(entries)
