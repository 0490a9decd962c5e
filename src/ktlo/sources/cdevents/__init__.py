"""CDEvents over CloudEvents: deployments, incidents, pipeline runs, tickets and changes from any tool that speaks them.

``payloads`` is the envelope and the subjects, ``mapping`` makes records of them, ``source`` takes them. Formats:
CDEvents 0.4 and 0.5 (cdevents.dev), CloudEvents 1.0 with its HTTP binding, structured, binary and batched.
"""

from ktlo.sources.cdevents.source import CDEventsSource

__all__ = ["CDEventsSource"]
