"""The work behind a service of telemetry, asked of a running ktlo: for its page, the API and the CLI."""

from __future__ import annotations

from ktlo.effort.telemetry_names import read_members
from ktlo.metrics.question import Question
from ktlo.planning.rota.desk import Desk
from ktlo.report.sections import Links, Section
from ktlo.report.service_work import service_of, service_work
from ktlo.server.registers import register_of
from ktlo.server.runtime import Runtime


def work_of(runtime: Runtime, question: Question, name: str, links: Links) -> Section:
    """Owner, incidents, bugs, effort, debt and who is on call, of a service as telemetry names it.

    Args:
        runtime: holds the store and the rota.
        question: the period.
        name: service.name.
        links: where the parts lead.
    """
    members = read_members(runtime.store)
    joined = service_of(members, name)
    return service_work(
        runtime.store,
        question,
        name,
        members,
        register_of(runtime, question).entries if joined else (),
        _on_call(runtime, joined.service) if joined else (),
        links,
    )


def _on_call(runtime: Runtime, service: str) -> list[tuple[str, str]]:
    """Who is on duty now for a service: rota and role, and the person."""
    desk = Desk(runtime.settings, runtime.state, runtime.store)
    return [
        (f"{rota.name}, {duty.role}", duty.person)
        for rota in desk.rotas.values()
        if service in rota.services
        for duty in desk.served(rota).at(desk.now)
    ]
