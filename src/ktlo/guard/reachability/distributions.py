"""Which modules a Python distribution installs: from the environment's own records, or guessed from the name.

Source: packaging.python.org "Recording installed projects" (``RECORD``, ``top_level.txt``). The guess is used only
where no environment is given, and only to say that something *is* imported, never that it is not.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ktlo.errors import UserError
from ktlo.guard.lockfiles.protocol import Limits, UnreadableError
from ktlo.guard.lockfiles.python_names import normalised
from ktlo.guard.lockfiles.tree import Tree

_OTHER_NAMES = {
    "attrs": ("attr", "attrs"), "beautifulsoup4": ("bs4",), "dnspython": ("dns",), "gitpython": ("git",),
    "grpcio": ("grpc",), "mysqlclient": ("MySQLdb",), "msgpack-python": ("msgpack",), "opencv-python": ("cv2",),
    "paste": ("paste",), "pillow": ("PIL",), "protobuf": ("google.protobuf",), "psycopg2-binary": ("psycopg2",),
    "pyjwt": ("jwt",), "pycrypto": ("Crypto",), "pycryptodome": ("Crypto",), "pymysql": ("pymysql",),
    "pyopenssl": ("OpenSSL",), "python-dateutil": ("dateutil",), "python-jose": ("jose",),
    "python-ldap": ("ldap",), "python-multipart": ("multipart", "python_multipart"), "pyyaml": ("yaml",),
    "pyzmq": ("zmq",), "scikit-learn": ("sklearn",), "setuptools": ("setuptools", "pkg_resources"),
    "sentry-sdk": ("sentry_sdk",), "python-socketio": ("socketio",), "djangorestframework": ("rest_framework",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Distribution:
    """An installed distribution.

    Attributes:
        version: as installed.
        modules: dotted names of its modules.
    """

    version: str
    modules: frozenset[str]


def site_packages(place: Path) -> Path:
    """The folder with the installed packages of an environment, or the folder itself if it is one.

    Raises:
        UserError: there is none.
    """
    if not place.is_dir():
        raise UserError("there is no such environment", where=str(place), fix="Check guard.environment")
    found = [*sorted(place.glob("lib/python3*/site-packages")), place / "Lib" / "site-packages"]
    for one in found:
        if one.is_dir():
            return one
    with os.scandir(place) as entries:
        if place.name in ("site-packages", "dist-packages") or any(
            one.name.endswith(".dist-info") for one in entries
        ):
            return place
    raise UserError(
        "this is no Python environment: it holds no site-packages",
        where=str(place),
        fix="Name the folder of a virtual environment or of site-packages",
    )


def own_environment(project: Path) -> Path | None:
    """The virtual environment in the project's folder, if it has one at a usual place."""
    for name in (".venv", "venv"):
        if (project / name / "pyvenv.cfg").is_file() and not (project / name).is_symlink():
            try:
                return site_packages(project / name)
            except UserError:
                continue
    return None


def installed(environment: Path) -> dict[str, Distribution]:
    """Distributions of an environment by normalised name."""
    limits = Limits()
    tree = Tree(environment, limits)
    found: dict[str, Distribution] = {}
    with os.scandir(environment) as entries:
        names = sorted(one.name for one in entries if one.name.endswith(".dist-info"))
    for name in names[: limits.dependencies]:
        plain, _, version = name.removesuffix(".dist-info").partition("-")
        try:
            found[normalised(plain)] = Distribution(version, _modules(tree, PurePosixPath(name)))
        except UnreadableError:
            continue  # what cannot be read is not known to be installed: "unknown", never "installed"
    return found


def _modules(tree: Tree, folder: PurePosixPath) -> frozenset[str]:
    lines = tree.read(folder / "RECORD").decode("utf-8", "replace").splitlines()
    modules = set()
    for row in csv.reader(lines[:200_000]):
        path = PurePosixPath(row[0]) if row else PurePosixPath()
        if path.suffix in (".py", ".so", ".pyd") and ".." not in path.parts and not path.is_absolute():
            parts = [*path.parent.parts, path.name.partition(".")[0]]
            if parts[-1] == "__init__":
                parts.pop()
            if parts and all(part.isidentifier() for part in parts):
                modules.add(".".join(parts))
    return frozenset(modules)


def guessed(name: str) -> tuple[str, ...]:
    """Names that a distribution's modules probably have."""
    plain = normalised(name)
    known = _OTHER_NAMES.get(plain)
    if known is not None:
        return known
    return tuple(dict.fromkeys((plain.replace("-", "_"), plain.replace("-", "."), name)))
