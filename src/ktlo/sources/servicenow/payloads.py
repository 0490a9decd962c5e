"""The part of ServiceNow's answers that ktlo reads; unknown fields are ignored.

Format: Table API with ``sysparm_display_value=all``: every field is a value and what people see. Times are UTC in the
value, without an offset; an empty one is an empty text.
"""

from __future__ import annotations

import datetime as dt

import msgspec


class Both(msgspec.Struct, frozen=True):
    """A field: its value and what people see."""

    value: str | None = ""
    display_value: str | None = ""

    @property
    def shown(self) -> str:
        """What people see, else the value."""
        return self.display_value or self.value or ""


EMPTY = Both()


class IncidentItem(msgspec.Struct):
    """A row of ``incident``."""

    sys_id: Both
    number: Both
    sys_created_on: Both
    sys_updated_on: Both
    opened_at: Both = EMPTY
    work_start: Both = EMPTY
    resolved_at: Both = EMPTY
    closed_at: Both = EMPTY
    state: Both = EMPTY
    short_description: Both = EMPTY
    priority: Both = EMPTY
    business_service: Both = EMPTY
    cmdb_ci: Both = EMPTY
    assignment_group: Both = EMPTY
    assigned_to: Both = EMPTY
    resolved_by: Both = EMPTY
    opened_by: Both = EMPTY
    reopen_count: Both = EMPTY
    caused_by: Both = EMPTY


class NamedItem(msgspec.Struct):
    """What a row of ``incident`` is identified by."""

    sys_id: Both
    number: Both


class AuditItem(msgspec.Struct):
    """A row of ``sys_audit``: one field that changed."""

    sys_id: Both
    documentkey: Both
    fieldname: Both
    sys_created_on: Both
    oldvalue: Both = EMPTY
    newvalue: Both = EMPTY
    user: Both = EMPTY


class DeletedItem(msgspec.Struct):
    """A row of ``sys_audit_delete``."""

    sys_id: Both
    sys_created_on: Both
    documentkey: Both = EMPTY
    display_value: Both = EMPTY


class Rows(msgspec.Struct):
    """An answer of the table API, each row still raw."""

    result: list[msgspec.Raw] = []


def instant(field: Both) -> dt.datetime | None:
    """A time as the table API writes it, UTC; ``None`` when it is empty.

    Raises:
        ValueError: it is no time.
    """
    text = (field.value or "").strip()
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) if text else None


def required(field: Both) -> dt.datetime:
    """A time that must be there. Raises ValueError when it is not."""
    found = instant(field)
    if found is None:
        raise ValueError("a time is empty")
    return found
