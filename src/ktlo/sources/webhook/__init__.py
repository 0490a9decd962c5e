"""Any tool that can send JSON: a webhook of one's own, with a mapping from what it sends to a noun.

``config`` is what a person says, ``reading`` makes records of a body by it, ``proposal`` guesses the mapping from a
sample, ``source`` takes the webhooks. Paths into the body are JMESPath (jmespath.org).
"""

from ktlo.sources.webhook.source import WebhookSource

__all__ = ["WebhookSource"]
