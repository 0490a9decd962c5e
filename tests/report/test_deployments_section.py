"""The list of deployments in words: what is counted is what the change failure rate counts."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from ktlo.delivery.reading import Listed
from ktlo.report.deployments import deployments_section
from ktlo.report.sections import Section

sys.path.insert(0, str(Path(__file__).parents[1] / "delivery"))
deployed = importlib.import_module("deployed_world").deployed


def section(*statuses: str) -> Section:
    found = [Listed(deployed(str(n), n, status=status), None, ()) for n, status in enumerate(statuses)]
    return deployments_section(found, len(found), "", lambda path, _: path)


def test_deployments_under_way_are_not_counted_as_not_failed() -> None:
    said = section("in_progress", "in_progress", "success", "degraded", "unknown", "failure").answer
    assert said.said == "1 of the last 3 deployments into production failed"
    assert said.change == (
        "1 attempt did not come into force and is not among them; 2 deployments under way are not among them"
    )


def test_where_all_are_under_way_nothing_came_into_force() -> None:
    said = section("in_progress").answer
    assert said.said == "Nothing came into force in production, as far as ktlo knows"
    assert (said.interval, said.change) == ("", "1 deployment under way is not among them")
