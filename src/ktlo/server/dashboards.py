"""The dashboards of one running ktlo: their folder, and the ktlo metrics on them."""

from __future__ import annotations

from ktlo.report.pieces import Card
from ktlo.report.sections import Asking
from ktlo.server.asking import question
from ktlo.server.runtime import Runtime
from ktlo.server.web.links import SiteLinks
from ktlo.telemetry.dashboards.files import Folder
from ktlo.telemetry.dashboards.model import ALL, Panel


def folder_of(running: Runtime) -> Folder:
    """The folder of people's dashboards; a relative one is beside ``ktlo.yaml``."""
    given = running.settings.telemetry.dashboards
    if not given:
        return Folder(running.folder / "dashboards")
    base = running.settings_file.parent if running.settings_file else running.folder
    return Folder(base / given)


def metric_card(running: Runtime, panel: Panel) -> Card:
    """A ktlo metric at a glance, over the panel's own period.

    Raises:
        UsageError: there is no such metric or period.
    """
    given = {"from": [panel.period]}
    if panel.service and panel.service != ALL:
        given["service"] = [panel.service]
    asked = question(given, running.store, running.settings)
    return Asking(running.store, asked, SiteLinks(given)).card(panel.metric, panel.title)
