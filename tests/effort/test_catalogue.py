"""What belongs to which service: as said, as declared, or as the names agree."""

from __future__ import annotations

import pytest

from ktlo.effort.catalogue import Named, service_members
from ktlo.effort.reported import Reported
from ktlo.effort.telemetry_names import unjoined
from ktlo.errors import UserError
from ktlo.records.services import CatalogEntry
from ktlo.settings import ServiceSettings


def entry(
    name: str, repository: str = "acme/pay", path: str = "catalog-info.yaml", **said: object
) -> CatalogEntry:
    told = {"kind": "Component", "owner": "group:default/payments", "annotations": {}} | said
    return CatalogEntry(source="git:x", repository=repository, path=path, name=name, **told)  # type: ignore[arg-type]


def members(
    services: dict[str, ServiceSettings] | None = None,
    entries: tuple[CatalogEntry, ...] = (),
    names: tuple[str, ...] = (),
    repositories: tuple[str, ...] = (),
) -> dict[tuple[str, str], tuple[str, str, str]]:
    found = service_members(services or {}, entries, Named(names, repositories))
    return {(row.kind, row.member): (row.service, row.team, row.found_in) for row in found}


def test_ktlo_yaml_says_what_belongs_to_a_service() -> None:
    said = ServiceSettings(
        repositories=["acme/pay"], names=["Payments (prod)"], workloads=["pay"], team="money"
    )
    found = members({"payments": said})
    assert found["repository", "acme/pay"] == ("payments", "money", "ktlo.yaml")
    assert found["service", "Payments (prod)"] == found["workload", "pay"] == found["service", "payments"]


def test_a_repository_that_services_part_by_paths_is_a_member_of_none_of_them() -> None:
    parted = {
        name: ServiceSettings(repositories=["acme/all"], paths=[f"services/{name}"])
        for name in ("pay", "web")
    }
    assert ("repository", "acme/all") not in members(parted)
    assert members({"pay": parted["pay"]})["repository", "acme/all"][0] == "pay"


def test_one_repository_may_not_belong_to_two_services() -> None:
    said = ServiceSettings(repositories=["acme/pay"])
    with pytest.raises(UserError, match="the repository acme/pay is given to two services, a and b"):
        members({"a": said, "b": said})


def test_a_backstage_component_brings_its_repository_pager_service_and_team() -> None:
    annotations = {"pagerduty.com/service-id": "P1XYZ", "backstage.io/kubernetes-id": "pay-api"}
    found = members(entries=(entry("payments", annotations=annotations),))
    assert found["repository", "acme/pay"] == ("payments", "payments", "catalog-info.yaml")
    assert found["service", "P1XYZ"][0] == found["workload", "pay-api"][0] == "payments"


def test_ktlo_yaml_goes_before_backstage() -> None:
    found = members({"money": ServiceSettings(repositories=["acme/pay"])}, (entry("payments"),))
    assert found["repository", "acme/pay"][0] == "money"


def test_in_a_monorepo_the_component_at_the_root_has_the_repository() -> None:
    found = members(entries=(entry("pay-ui", path="ui/catalog-info.yaml"), entry("payments")))
    assert found["repository", "acme/pay"][0] == "payments"


def test_a_repository_with_two_equal_components_belongs_to_neither() -> None:
    found = members(entries=(entry("pay-ui"), entry("payments")))
    assert ("repository", "acme/pay") not in found
    assert found["service", "pay-ui"][0] == "pay-ui"


def test_names_that_agree_are_one_service() -> None:
    found = members(names=("Checkout API",), repositories=("acme/checkout-api", "acme/other"))
    assert found == {
        ("service", "Checkout API"): ("Checkout API", "", "same name"),
        ("repository", "acme/checkout-api"): ("Checkout API", "", "same name"),
    }


def test_of_two_repositories_of_one_name_neither_is_taken() -> None:
    found = members(names=("checkout",), repositories=("acme/checkout", "globex/checkout"))
    assert ("repository", "acme/checkout") not in found


def test_the_order_of_entries_changes_nothing() -> None:
    entries = (entry("pay-ui", "acme/ui"), entry("payments"), entry("payments", path="b/catalog-info.yaml"))
    assert members(entries=entries) == members(entries=entries[::-1])


def joined(reported: Reported, services: dict[str, ServiceSettings] | None = None, **given: object) -> str:
    """The service that a name in telemetry belongs to, and how that is known."""
    named = Named(given.pop("names", ()), given.pop("repositories", ()))  # type: ignore[arg-type]
    found = service_members(services or {}, (), named, [reported], **given)  # type: ignore[arg-type]
    return next(
        (f"{row.service}: {row.found_in}, {row.certainty}" for row in found if row.kind == "telemetry"), ""
    )


def test_a_service_of_telemetry_is_the_one_of_its_workload_or_of_exactly_its_name() -> None:
    pay = {"payments": ServiceSettings(workloads=["prod/pay"], names=["billing"])}
    by_workload = Reported("x", workloads=("pay",), namespaces=("prod",))
    assert joined(by_workload, pay) == "payments: k8s workload, evidence"
    assert joined(Reported("billing"), pay) == "payments: same name, name"
    assert joined(Reported("shop"), repositories=("acme/shop",)) == "shop: same name, name"


@pytest.mark.parametrize(
    "name", ["Payments", "payments-prod", "prod/payments", "payments_service", "paymenst"]
)
def test_names_that_are_only_alike_are_proposed_and_not_taken(name: str) -> None:
    pay = {"payments": ServiceSettings()}
    assert joined(Reported(name), pay) == ""
    (found,) = unjoined([Reported(name)], service_members(pay, (), Named()))
    assert [one.service for one in found.proposals] == ["payments"]


def test_what_a_person_said_goes_before_names_and_after_ktlo_yaml() -> None:
    said = {"checkout": "cart"}
    assert joined(Reported("checkout"), {"checkout": ServiceSettings()}, said=said) == "cart: a person, said"
    told = {"shop": ServiceSettings(telemetry=["checkout"])}
    assert joined(Reported("checkout"), told, said=said) == "shop: ktlo.yaml, said"


def test_a_service_whose_versions_are_commits_of_a_repository_is_proposed_first() -> None:
    members = service_members(
        {"shop": ServiceSettings(repositories=["acme/shop"]), "web-1": ServiceSettings()}, (), Named()
    )
    (found,) = unjoined([Reported("web", commits_of=("acme/shop",))], members)
    assert found.proposals[0].why == "its versions are commits of acme/shop"


def test_what_is_like_nothing_is_listed_all_the_same() -> None:
    members = service_members({"payments": ServiceSettings()}, (), Named())
    assert [(one.reported.name, one.proposals) for one in unjoined([Reported("zebra")], members)] == [
        ("zebra", ())
    ]
