"""What the statuses and fields of one Jira mean: found there, not asked for.

Every status belongs to one of three categories (to do, in progress, done), which tell its part in an issue's life. The
installation's own fields are found by the names that Jira Service Management gives them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NEW, ACTIVE, DONE = "new", "indeterminate", "done"
"""Keys of Jira's status categories, the same in every language."""

MITIGATED = re.compile(r"mitigated|workaround|contained|monitoring|pending verification", re.IGNORECASE)
"""Names of statuses in which the harm has ended while the work goes on."""
CANCELLED = re.compile(
    r"cancel|declin|reject|won'?t|invalid|duplicate|withdrawn|cannot reproduce", re.IGNORECASE
)
"""Names of statuses and resolutions in which nothing was mended."""
DUPLICATE = re.compile(r"duplicate", re.IGNORECASE)
"""Names of statuses and resolutions of what another issue tells."""

FIELDS = {
    "severity": ("Severity",),
    "services": ("Affected services", "Service entity field", "Affected service"),
    "responders": ("Responders",),
    "started": ("Incident start time", "Impact start", "Actual start"),
    "mitigated": ("Impact end", "Mitigated at"),
}
"""Names of fields by what they hold here."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One installation's words.

    Attributes:
        categories: category by identifier of the status.
        names: category by name of the status, for changes that tell names only.
        fields: identifiers of fields by what they hold.
        incident_types: names of issue types that are incidents, lower case; any with ``incident`` in it when empty.
    """

    categories: Mapping[str, str]
    names: Mapping[str, str]
    fields: Mapping[str, tuple[str, ...]]
    incident_types: frozenset[str] = field(default_factory=frozenset)

    def category(self, identifier: str | None, name: str | None) -> str:
        """Category of a status; empty when it is not known any more."""
        return self.categories.get(identifier or "") or self.names.get((name or "").lower(), "")

    def is_incident(self, issue_type: str) -> bool:
        """Whether issues of a type are incidents."""
        said = issue_type.lower()
        return said in self.incident_types if self.incident_types else "incident" in said

    def value(self, fields: Mapping[str, Any], what: str) -> Any:
        """The first field that holds something of this kind; ``None`` when none does."""
        for identifier in self.fields.get(what, ()):
            if fields.get(identifier) not in (None, "", []):
                return fields[identifier]
        return None


def said(value: Any) -> tuple[str, ...]:
    """Texts of a field's value: an option, a person, a service, or a list of these."""
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(text for each in value for text in said(each))
    if isinstance(value, dict):
        for name in ("emailAddress", "value", "name", "displayName", "label", "id"):
            if isinstance(value.get(name), str) and value[name]:
                return (value[name],)
        return ()
    return (str(value),)


@dataclass(frozen=True, slots=True)
class Of:
    """Whose rows they are.

    Attributes:
        source: identifier of the source.
        browse: address of the installation, to which a person's links lead.
        words: what its statuses and fields mean.
        is_told: by a webhook, which knows less of what a step means than the changelog does.
    """

    source: str
    browse: str
    words: Vocabulary
    is_told: bool = False
