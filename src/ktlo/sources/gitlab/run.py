"""A run over a project's lists that asks for the closings and reopenings of every incident that changed.

Project events tell them of issues, but not whether an issue is an incident, and only for three years.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ktlo.sources.gitlab import mapping
from ktlo.sources.gitlab.mapping import Of
from ktlo.sources.gitlab.payloads import IssueItem, StateEvent
from ktlo.sources.rest.connection import AbsentError, Connection, DeniedError, UnexpectedFormError, decode
from ktlo.sources.rest.gathering import PER_PAGE
from ktlo.sources.rest.lists import Listed, ListRun, Position
from ktlo.sources.rest.rows import Row


class ProjectRun(ListRun):
    """A run over one project.

    Args:
        api: the connection.
        root: path of the project.
        at: where to continue; moved along.
        of: whose rows they are.
    """

    def __init__(self, api: Connection, root: str, at: Position, of: Of) -> None:
        super().__init__(api, of.source, root, at)
        self._issues = f"{root}/issues"
        self._of = of
        self._has_states = True

    async def completed(self, listed: Listed, items: Sequence[Any]) -> list[tuple[str, Row]]:
        """Rows of some entries, incidents with their closings and reopenings."""
        if listed.item is not IssueItem:
            return await super().completed(listed, items)
        rows: list[tuple[str, Row]] = []
        for item in items:
            rows += await self.whole(item)
        return rows

    async def whole(self, item: IssueItem) -> list[tuple[str, Row]]:
        """Rows of one issue or incident."""
        states: list[StateEvent] = []
        if (item.issue_type or "").lower() == mapping.INCIDENT and self._has_states:
            path = f"{self._issues}/{item.iid}/resource_state_events"
            try:
                states = await self._states(path)
            except (AbsentError, DeniedError) as error:
                self._has_states = False
                self.warn(path, f"{error.what}. So incidents have their last closing only, and no reopenings")
            except UnexpectedFormError as error:
                self.warn(path, error.what)
        return list(mapping.issue(item, self._of, states))

    async def _states(self, path: str) -> list[StateEvent]:
        found: list[StateEvent] = []
        page, more = 1, True
        while more:
            answer = await self.api.get(path, {"per_page": PER_PAGE, "page": page})
            found += decode(answer.body, list[StateEvent], path)
            page, more = page + 1, answer.more
        return sorted((one for one in found if one.state in mapping.STATES), key=lambda one: one.created_at)
