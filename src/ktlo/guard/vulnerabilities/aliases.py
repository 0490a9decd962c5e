"""Which identifiers name the same vulnerability, closed over all records, also those that match nothing.

An ignore or a VEX statement may name any of them. Two records with different CVEs are never joined, directly or
through others: else an ignore for one vulnerability would hide another (facts: "an ignore cannot leak").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

Identity = frozenset[str]
"""All identifiers of one vulnerability, or of one record that stands for several."""


def close_aliases(records: Iterable[tuple[str, tuple[str, ...]]]) -> Mapping[str, Identity]:
    """Group record ids by shared identifiers.

    Args:
        records: (id, aliases) of every record that is not withdrawn.

    Returns:
        For each record id its identifiers. A group that would hold two CVEs is taken apart: its records keep
        only what they say themselves.
    """
    said = {identifier: frozenset((identifier, *aliases)) for identifier, aliases in records}
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while (above := parent.setdefault(name, name)) != name:
            parent[name] = parent.get(above, above)
            name = above
        return name

    for identifier, names in said.items():
        for name in names:
            one, other = root(identifier), root(name)
            if one != other:
                parent[max(one, other)] = min(one, other)
    groups: dict[str, set[str]] = defaultdict(set)
    for identifier, names in said.items():
        groups[root(identifier)] |= names
    return {
        identifier: frozenset(group) if len(cves(group := groups[root(identifier)])) <= 1 else names
        for identifier, names in said.items()
    }


def cves(identifiers: Iterable[str]) -> frozenset[str]:
    """The CVE ids among identifiers."""
    return frozenset(name for name in identifiers if name.startswith("CVE-"))


def is_named(identity: Identity, own: str, named: Iterable[str]) -> bool:
    """True when ``named`` speaks of the whole of a record, not of one of several vulnerabilities in it.

    Args:
        identity: the record's identifiers, from :func:`close_aliases`.
        own: the record's own id.
        named: identifiers an ignore or a VEX statement gives.
    """
    given = frozenset(named)
    several = cves(identity)
    if own in given or (len(several) > 1 and several <= given):
        return True
    return len(several) <= 1 and not identity.isdisjoint(given)
