"""Who is automation: names, mails and logins of bots, so that their work is shown but is nobody's effort.

The built-in list names what acts under its own account on public forges; a team adds its own with
``effort.bots`` and ``people: …: bot: true``. Coding assistants are listed because they sign as co-authors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

from ktlo.effort.accounts import Account, AccountKind, plain

_MARKED = re.compile(r"\[bot\]$|\[bot\]@|(?:^|[-_./])bot$|(?:^|[-_.+])bot@|^bot@")
_NAMES = frozenset(
    """
    dependabot dependabot-preview renovate renovate-bot renovatebot renovate-approve greenkeeper
    greenkeeperio-bot snyk-bot github-actions github-merge-queue web-flow github copilot cursoragent
    devin-ai-integration mergify mergifyio bors homu codecov codecov-io codecov-commenter allcontributors
    pre-commit-ci stale semantic-release-bot release-please googleapis-publisher imgbot gitlab-bot ghost-bot
    travis-ci circleci jenkins buildbot teamcity weblate transifex-integration crowdin lgtm-com pyup-bot
    scala-steward fossabot netlify vercel sonarcloud k8s-ci-robot k8s-merge-robot k8s-github-robot
    openshift-merge-robot gemini-code-assist google-labs-jules
    """.split()  # noqa: SIM905 - words read best as words
)
_PHRASES = frozenset(
    {
        "github action",
        "github actions",
        "renovate bot",
        "automation for jira",
        "gitlab ci",
        "jenkins ci",
        "ci bot",
    }
)
_MAILS = frozenset(
    {
        "noreply@github.com",
        "noreply@anthropic.com",
        "codex@openai.com",
        "copilot@github.com",
        "action@github.com",
        "actions@github.com",
        "support@dependabot.com",
        "bot@renovateapp.com",
        "support@greenkeeper.io",
        "support@weblate.org",
        "hosted@weblate.org",
        "travis@travis-ci.org",
    }
)  # fmt: skip


class BotList:
    """Knows bots by account and by name.

    Args:
        patterns: the team's own, ``*`` as wildcard, compared with names, mails and logins.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._own = [re.compile(translate(plain(pattern))) for pattern in patterns if pattern.strip()]

    def lists(self, account: Account) -> bool:
        """True when the account is a bot's by its spelling."""
        spelling = account.value
        if account.kind is AccountKind.LOGIN:
            spelling = spelling.rpartition("/")[2]
        if account.kind is AccountKind.MAIL and spelling in _MAILS:
            return True
        return (
            _MARKED.search(spelling) is not None
            or spelling in _NAMES
            or spelling in _PHRASES
            or any(pattern.match(spelling) or pattern.match(account.value) for pattern in self._own)
        )
