"""ServiceNow: incidents of the table API with their phases, and the history that its audit keeps.

``payloads`` is what ServiceNow says, ``mapping`` turns it into records, ``source`` runs it. Format: ServiceNow Table
API, tables ``incident``, ``sys_audit`` and ``sys_audit_delete``.
"""

from ktlo.sources.servicenow.source import ServiceNowSource

__all__ = ["ServiceNowSource"]
