"""Licences as lock files and bills of materials state them, as SPDX expressions; never a reason to refuse a file.

Formats: npm's ``license`` (text, or the older ``{type}`` and lists), Composer's ``license`` (a list is a choice),
CycloneDX's ``licenses``, SPDX's ``licenseConcluded`` and ``licenseDeclared``, Python's core metadata.
"""

from __future__ import annotations

from ktlo.guard.licenses.python_names import from_classifiers, from_words

_NOT_SAID = frozenset({"", "NOASSERTION", "NONE", "UNLICENSED", "UNKNOWN"})


def license_of(value: object) -> str:
    """Npm's and Composer's field: text, a table with ``type``, or a list of them, of which one may be chosen."""
    if isinstance(value, list):
        parts = [part for one in value if (part := license_of(one))]
        return parts[0] if len(parts) == 1 else " OR ".join(f"({part})" for part in parts)
    if isinstance(value, dict):
        return license_of(value.get("type"))
    if not isinstance(value, str):
        return ""
    if value.strip().upper() == "UNLICENSED":  # npm's word for "no rights are given"
        return "LicenseRef-UNLICENSED"
    return "" if value.strip().upper() in _NOT_SAID or value.startswith("SEE LICENSE") else value.strip()


def license_of_component(licenses: object) -> str:
    """CycloneDX: each entry is an expression, an id or a name; all of them hold."""
    parts = []
    for one in licenses if isinstance(licenses, list) else ():
        if not isinstance(one, dict):
            continue
        inner = one.get("license")
        said = one.get("expression")
        if isinstance(inner, dict):
            said = inner.get("id") or from_words(str(inner.get("name", "")))
        if isinstance(said, str) and said.strip().upper() not in _NOT_SAID:
            parts.append(said.strip())
    return parts[0] if len(parts) == 1 else " AND ".join(f"({part})" for part in parts)


def license_of_package(concluded: object, declared: object) -> str:
    """SPDX: what was concluded, else what was declared."""
    for said in (concluded, declared):
        if isinstance(said, str) and said.strip().upper() not in _NOT_SAID:
            return said.strip()
    return ""


def license_of_metadata(headers: list[tuple[str, str]]) -> str:
    """Python's core metadata: ``License-Expression`` (PEP 639), else the classifiers, else a short ``License``."""
    said = dict(reversed(headers))
    if said.get("license-expression"):
        return said["license-expression"].strip()
    by_classifier = from_classifiers([value for key, value in headers if key == "classifier"])
    return by_classifier or from_words(said.get("license", ""))
