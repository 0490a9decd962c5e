"""Redmine: issues with their journals, trackers of incidents as incidents.

``payloads`` is what Redmine says, ``mapping`` turns an issue with its journals into records, ``source`` runs it.
Format: Redmine's REST API (issues, journals, issue statuses).
"""

from ktlo.sources.redmine.source import RedmineSource

__all__ = ["RedmineSource"]
