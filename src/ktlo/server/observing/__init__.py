"""ktlo observes itself: its own service, with its own spans and metrics, in its own telemetry.

OpenTelemetry's API and SDK in this process; what they export goes straight into the receivers' intakes, without a
socket. What its own telemetry causes (intake, store load, pairing, forwarding) is measured but never traced: these work
on a store that nobody watches, and a span of the store or of the state begins only inside a span of something asked.
"""

from ktlo.server.observing.observing import Observing

__all__ = ["Observing"]
