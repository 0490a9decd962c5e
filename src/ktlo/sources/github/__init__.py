"""GitHub: issues with their history, pull requests with reviews, releases, deployments, workflow runs.

``source`` runs the feeds that ``feeds`` lists; ``api`` talks, ``walks`` remembers how far, ``payloads``
and ``mapping`` turn what GitHub says into records. Format: GitHub's REST and GraphQL descriptions.
"""

from ktlo.sources.github.source import GitHubSource

__all__ = ["GitHubSource"]
