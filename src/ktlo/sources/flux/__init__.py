"""Flux: what its controllers deployed, from the events that its notification-controller sends.

``payloads`` is the event, ``mapping`` makes a deployment of it, ``source`` takes it. Formats: the event of
``github.com/fluxcd/pkg/apis/event/v1beta1`` and the providers ``generic``, ``generic-hmac`` and ``githubdispatch``.
"""

from ktlo.sources.flux.source import FluxSource

__all__ = ["FluxSource"]
