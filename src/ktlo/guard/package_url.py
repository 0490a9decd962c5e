"""Package URLs of dependencies, for OpenVEX, CycloneDX and SARIF. Source: the purl specification's types."""

from __future__ import annotations

from ktlo.guard.vulnerabilities.match import same_name

_TYPES = {
    "PyPI": "pypi",
    "npm": "npm",
    "Go": "golang",
    "crates.io": "cargo",
    "Maven": "maven",
    "Packagist": "composer",
    "RubyGems": "gem",
    "NuGet": "nuget",
    "Hex": "hex",
}


def package_url(ecosystem: str, name: str, version: str = "") -> str:
    """The purl of a package; empty for an ecosystem without a purl type.

    Args:
        ecosystem: OSV name.
        name: as OSV writes it: ``group:artifact`` for Maven, ``@scope/name`` for npm.
        version: may be empty.
    """
    from packageurl import PackageURL

    base = ecosystem.partition(":")[0]
    kind = _TYPES.get(base)
    if kind is None:
        return ""
    separator = ":" if base == "Maven" else "/"
    namespace, _, plain = name.rpartition(separator)
    try:
        return str(PackageURL(kind, namespace or None, plain, version or None).to_string())
    except ValueError:
        return ""


def same_package(purl: str, ecosystem: str, name: str, version: str) -> bool:
    """True when a purl names this package, and this version if it names one; qualifiers do not count."""
    from packageurl import PackageURL

    mine = package_url(ecosystem, name, version)
    if not mine:
        return False
    try:
        given, own = PackageURL.from_string(purl), PackageURL.from_string(mine)
    except ValueError:
        return False
    if given.type != own.type or given.subpath:
        return False
    names = ["/".join(part for part in (one.namespace, one.name) if part) for one in (given, own)]
    if same_name(ecosystem, names[0]) != same_name(ecosystem, names[1]):
        return False
    return not given.version or given.version.removeprefix("v") == (own.version or "").removeprefix("v")
