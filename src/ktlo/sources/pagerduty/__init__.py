"""PagerDuty: incidents with every step of their log, who was paged when and who on call, services, teams; webhooks v3.

``payloads`` is what PagerDuty says, ``mapping`` turns it into records, ``windows`` walks the past, ``schedules`` tells
who is on call, ``source`` runs it.
Formats: PagerDuty's published REST description (``PagerDuty/api-schema``) and "Webhooks V3".
"""

from ktlo.sources.pagerduty.source import PagerDutySource

__all__ = ["PagerDutySource"]
