"""Sentry: its issues (groups of errors) as bugs, from first seen to resolved, with regressions; webhooks.

``payloads`` is what Sentry says, ``mapping`` turns an issue into records, ``source`` runs it. Formats: Sentry's REST
API (``/api/0``, organization issues) and the webhooks of its integration platform.
"""

from ktlo.sources.sentry.source import SentrySource

__all__ = ["SentrySource"]
