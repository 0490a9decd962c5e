"""Status pages (Atlassian Statuspage, and Instatus, which speaks the same): incidents, outages, maintenance; webhooks.

``payloads`` is what a page says, ``mapping`` turns an incident into its phases and its components' outages, ``source``
runs it. Format: Statuspage's public status API v2, its REST API v1, and its webhook notifications.
"""

from ktlo.sources.statuspage.source import StatuspageSource

__all__ = ["StatuspageSource"]
