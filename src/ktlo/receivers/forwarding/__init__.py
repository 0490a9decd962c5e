"""Telemetry that leaves again: what was accepted is sent on to other collectors by OTLP/HTTP."""

from ktlo.receivers.forwarding.forward import Forward, Forwarded, Target
from ktlo.receivers.forwarding.queue import ForwardQueue

__all__ = ["Forward", "ForwardQueue", "Forwarded", "Target"]
