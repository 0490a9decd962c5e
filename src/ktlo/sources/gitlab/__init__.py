"""GitLab: issues, incidents, merge requests, deployments, pipelines, releases and who did what; webhooks.

``payloads`` is what GitLab says, ``mapping`` turns it into records, ``hooks`` does so with webhooks, ``source`` runs
the lists. Formats: GitLab's REST API v4 documentation and "Webhook events".
"""

from ktlo.sources.gitlab.source import GitLabSource

__all__ = ["GitLabSource"]
