"""Opsgenie: alerts that page people, as incidents with who acknowledged and closed them; webhooks.

``payloads`` is what Opsgenie says, ``mapping`` turns an alert into an incident, ``source`` runs it. Formats: Opsgenie's
published REST description (``opsgenie/opsgenie-oas``) and its webhook integration.
"""

from ktlo.sources.opsgenie.source import OpsgenieSource

__all__ = ["OpsgenieSource"]
