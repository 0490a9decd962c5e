"""SQL that turns what sources call a service, and repositories, into the service of the catalogue.

One row a member, so that a join never multiplies rows. Included by the definitions that have the
dimension *service* or *team*.
"""

from __future__ import annotations

MEMBERS = """members AS (
  SELECT kind, member, any(service) AS service, any(team) AS team
  FROM ktlo.service_members GROUP BY kind, member
)"""


def joins(alias: str) -> str:
    """Joins of a table with the columns ``service`` and ``repository`` to the catalogue."""
    return (
        f"LEFT JOIN members AS named ON named.kind = 'service' AND named.member = {alias}.service\n"
        f"LEFT JOIN members AS held ON held.kind = 'repository' AND held.member = {alias}.repository"
    )


def service(alias: str) -> str:
    """The service: what the catalogue says of the given name, the name itself, else the repository's."""
    return (
        f"multiIf(named.service != '', named.service, {alias}.service != '', toString({alias}.service),"
        " held.service)"
    )


def team() -> str:
    """The team that owns the service, by the catalogue."""
    return "if(named.team != '', named.team, held.team)"
