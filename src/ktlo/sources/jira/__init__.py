"""Jira Cloud and Data Center: issues with their changelog and comments, incidents of service projects; webhooks.

``payloads`` is what Jira says, ``vocabulary`` what its statuses and fields mean there, ``mapping`` turns an issue
into records, ``walk`` reads what changed, ``source`` runs it. Formats: Jira Cloud platform REST API v3, Jira Data
Center REST API v2, and their webhooks.
"""

from ktlo.sources.jira.source import JiraSource

__all__ = ["JiraSource"]
