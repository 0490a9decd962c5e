"""Package URLs (``pkg:type/namespace/name@version?qualifiers#subpath``) as OSV's ecosystem, name and version.

Format: github.com/package-url/purl-spec; which ecosystem a type means: ossf.github.io/osv-schema "affected.package".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from ktlo.guard.lockfiles.python_names import normalised

_ECOSYSTEMS = {
    "pypi": "PyPI",
    "npm": "npm",
    "golang": "Go",
    "cargo": "crates.io",
    "maven": "Maven",
    "composer": "Packagist",
    "gem": "RubyGems",
    "nuget": "NuGet",
    "deb": "Debian",
    "apk": "Alpine",
}
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Package:
    """What a package URL names.

    Attributes:
        ecosystem: OSV's name, with the release for distributions; empty when no advisory database speaks of the type.
        name: as the ecosystem normalises it.
        version: empty when it names none.
        address: of the repository or archive it was taken from instead of a registry; empty for a registry.
    """

    ecosystem: str
    name: str
    version: str
    address: str = ""


def parse(purl: str) -> Package | None:
    """The package a URL names; ``None`` when it is not a package URL."""
    if not purl.startswith("pkg:") or len(purl) > _LONGEST:
        return None
    rest, _, _ = purl.removeprefix("pkg:").lstrip("/").partition("#")
    rest, _, query = rest.partition("?")
    kind, _, path = rest.partition("/")
    path, at, version = path.rpartition("@") if "@" in path.rpartition("/")[2] else (path, "", "")
    parts = [unquote(part) for part in path.strip("/").split("/") if part]
    if not kind or not parts:
        return None
    qualifiers = dict(parse_qsl(query, max_num_fields=50)) if query.count("&") < 50 else {}
    kind, version = kind.lower(), unquote(version) if at else ""
    ecosystem = _ECOSYSTEMS.get(kind, "")
    name = (":" if kind == "maven" else "/").join(parts)
    if kind == "pypi":
        name = normalised(name)
    elif kind in {"golang", "composer"}:
        version = version[1:] if re.match(r"v[0-9]", version) else version
        name = name.lower() if kind == "composer" else name
    elif kind in {"deb", "apk"}:
        ecosystem = _release(parts, qualifiers.get("distro", ""), ecosystem)
        name = unquote(qualifiers.get("upstream", "")).partition("@")[0] or parts[-1]
    return Package(
        ecosystem, name, version, qualifiers.get("vcs_url", "") or qualifiers.get("download_url", "")
    )


def _release(parts: list[str], distro: str, ecosystem: str) -> str:
    """``Debian:12`` or ``Alpine:v3.18``; empty when the release is not told or the distribution is another."""
    match = re.fullmatch(r"(debian|alpine)-([0-9]+)(?:\.([0-9]+))?.*", distro)
    if match is None or (len(parts) > 1 and parts[0].lower() != match[1]):
        return ""
    return f"Debian:{match[2]}" if ecosystem == "Debian" else f"Alpine:v{match[2]}.{match[3] or '0'}"
