"""Reads which dependencies a manifest declares directly, and on which line. Pure: bytes in, values out.

One parser per kind of file, chosen by its name. Formats: PEP 508 and 621, PEP 735, Poetry, pip's
requirements files, package.json, go.mod, Cargo.toml, pom.xml, Gemfile, composer.json. Nothing is
resolved or executed; a Gemfile or a setup script is never run.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from ktlo.sources.git.text import text


class ManifestError(ValueError):
    """The file is not what its name says; the message says why."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One declared dependency; ``line`` from 1, or 0 when it cannot be told."""

    ecosystem: str
    name: str
    requirement: str
    line: int


_PEP508 = re.compile(
    r"^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*(.*?)\s*$", re.DOTALL
)

_Pair = tuple[str, str]


def _text_of(requirement: Any) -> str:
    """Version of a TOML or JSON entry that is a text, or a table with one (or with a path or a URL)."""
    if isinstance(requirement, str):
        return requirement
    if isinstance(requirement, Mapping):
        for key in ("version", "git", "path", "url"):
            if isinstance(requirement.get(key), str):
                return str(requirement[key])
        return "workspace" if requirement.get("workspace") else "*"
    if isinstance(requirement, list) and requirement:
        return _text_of(requirement[0])
    return "*"


def _table(value: Any, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, str))


def _pep508(lines: Iterable[str]) -> Iterator[_Pair]:
    for one in lines:
        if match := _PEP508.match(one):
            yield match[1], match[3].split(";")[0].strip()


def _toml(content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(f"it is not TOML ({_brief(error)})") from error


def _json(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"it is not JSON ({_brief(error)})") from error


def _brief(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__


def _pyproject(content: bytes) -> Iterator[_Pair]:
    said = _toml(content)
    project = _table(said, "project")
    yield from _pep508(_texts(project.get("dependencies")))
    for listed in _table(project, "optional-dependencies").values():
        yield from _pep508(_texts(listed))
    for listed in _table(said, "dependency-groups").values():
        yield from _pep508(_texts(listed))
    poetry = _table(said, "tool", "poetry")
    tables = [_table(poetry, "dependencies"), _table(poetry, "dev-dependencies")]
    tables += [_table(group, "dependencies") for group in _table(poetry, "group").values()]
    for table in tables:
        yield from ((name, _text_of(value)) for name, value in table.items() if name.lower() != "python")


def _requirements(content: bytes) -> Iterator[_Pair]:
    joined = text(content).replace("\\\r\n", " ").replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    kept = (
        re.split(r"\s--", line)[0]
        for line in lines
        if line and not line.startswith("-") and "://" not in line[:12]
    )
    yield from _pep508(kept)


def _package_json(content: bytes) -> Iterator[_Pair]:
    said = _json(content)
    for key in ("dependencies", "devDependencies", "optionalDependencies"):
        yield from ((name, _text_of(value)) for name, value in _table(said, key).items())


def _composer(content: bytes) -> Iterator[_Pair]:
    said = _json(content)
    for key in ("require", "require-dev"):
        # php, ext-… and lib-… are the platform: packages have a vendor.
        yield from ((name, _text_of(value)) for name, value in _table(said, key).items() if "/" in name)


def _cargo(content: bytes) -> Iterator[_Pair]:
    said = _toml(content)
    kinds = ("dependencies", "dev-dependencies", "build-dependencies")
    places = [said, _table(said, "workspace"), *_table(said, "target").values()]
    for place in places:
        for kind in kinds:
            for name, value in _table(place, kind).items():
                renamed = value.get("package") if isinstance(value, Mapping) else None
                yield (renamed if isinstance(renamed, str) else name), _text_of(value)


def _go_mod(content: bytes) -> Iterator[_Pair]:
    inside = False
    for raw in text(content).splitlines():
        line, _, comment = raw.partition("//")
        words = line.split()
        if words[:1] == ["require"] and words[1:2] != ["("]:
            words = words[1:]
        elif words[:2] == ["require", "("]:
            inside = True
            continue
        elif words == [")"]:
            inside = False
            continue
        elif not inside:
            continue
        if len(words) == 2 and comment.strip() != "indirect":
            yield words[0], words[1]


def _pom(content: bytes) -> Iterator[_Pair]:
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ManifestError("it declares a document type, which is not read for safety")
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - no document type, so no entities
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ManifestError(f"it is not XML ({_brief(error)})") from error
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    for listed in root.findall(f"{space}dependencies/{space}dependency"):
        group, artifact, version = (
            (listed.findtext(f"{space}{key}") or "").strip() for key in ("groupId", "artifactId", "version")
        )
        if artifact:
            yield f"{group}:{artifact}", version


def _gemfile(content: bytes) -> Iterator[_Pair]:
    for raw in text(content).splitlines():
        match = re.match(r"""\s*gem[\s(]+(['"])([\w.-]+)\1(.*)""", raw)
        if match:
            versions = re.findall(r"""^(?:\s*,\s*(['"])([^'"]*)\1)+""", match[3])
            texts = re.findall(r"""['"]([^'"]*)['"]""", re.split(r",\s*:?\w+:?\s*=?>?\s", match[3])[0])
            yield match[2], ", ".join(texts) if versions else ""


_PARSERS: tuple[tuple[str, str, Callable[[bytes], Iterator[_Pair]]], ...] = (
    (r"pyproject\.toml", "PyPI", _pyproject),
    (r"requirements[\w.-]*\.(?:txt|in)|requirements/[\w.-]+\.(?:txt|in)", "PyPI", _requirements),
    (r"package\.json", "npm", _package_json),
    (r"go\.mod", "Go", _go_mod),
    (r"Cargo\.toml", "crates.io", _cargo),
    (r"pom\.xml", "Maven", _pom),
    (r"Gemfile", "RubyGems", _gemfile),
    (r"composer\.json", "Packagist", _composer),
)
_COMPILED = tuple((re.compile(rf"(?:^|/)(?:{name})$"), eco, parse) for name, eco, parse in _PARSERS)


def is_manifest(path: str) -> bool:
    """True when a path names a manifest that is understood."""
    return any(name.search(path) for name, _, _ in _COMPILED)


def declared(path: str, content: bytes) -> list[Declared]:
    """Direct dependencies that a manifest declares, each name once (its first declaration).

    Raises:
        ManifestError: the content is not of the format that the name promises.
    """
    for name, ecosystem, parse in _COMPILED:
        if name.search(path):
            first: dict[str, str] = {}
            for package, requirement in parse(content):
                first.setdefault(package, requirement)
            where = _Lines(content)
            return [
                Declared(ecosystem, package, requirement[:200], where.of(package))
                for package, requirement in first.items()
            ]
    return []


class _Lines:
    """Finds the line that names a package: the first on which it stands as a whole word."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def of(self, package: str) -> int:
        name = re.escape(package.rsplit(":", 1)[-1].encode())
        match = re.search(
            rb"(?:^|(?<=[\s\"'>(\[,{]))" + name + rb"(?=[\s\"'<>=!~;\[\].,(@]|$)", self._content, re.MULTILINE
        )
        return self._content.count(b"\n", 0, match.start()) + 1 if match else 0
