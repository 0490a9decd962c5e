"""Several sources, one deployment; and what the names of environments, versions and tags mean."""

from __future__ import annotations

import pytest
from deployed_world import claim
from hypothesis import given
from hypothesis import strategies as st

from ktlo.delivery.naming import is_production, matches, named_service, same_version
from ktlo.delivery.told import _is_prerelease
from ktlo.delivery.uniting import Basis, Claim, unite
from ktlo.settings.delivery import DeliverySettings

SHA = "abcdef1" + "0" * 33


def test_forge_pipeline_telemetry_and_tag_of_one_deployment_are_one_and_all_are_named() -> None:
    told = [
        claim("git/tag v1.2", 9.5, basis=Basis.TAG, version="v1.2", sha=SHA),
        claim("forge/1", 10, sha=SHA, url="https://forge.test/1"),
        claim("forge/run 7", 10.1, basis=Basis.PIPELINE, sha=SHA),
        claim("telemetry/web 1.2", 10.2, basis=Basis.TELEMETRY, version="1.2", sha=SHA),
        claim("argo/web", 10.3, sha=SHA),
    ]
    (one,) = unite(told[:2] + told[3:])
    assert one.key == "forge/1".replace("/", "|")
    assert set(one.told_by) == {"forge|1", "argo|web", "telemetry|web 1.2", "git|tag v1.2"}
    assert (one.version, one.sha, one.url) == ("1.2", SHA, "https://forge.test/1")


def test_what_is_only_a_hint_speaks_only_where_nothing_better_does() -> None:
    pipeline = claim("ci/1", 30, basis=Basis.PIPELINE, sha="1" * 40)
    tag = claim("git/v1", 60, basis=Basis.TAG, version="v1")
    assert [one.key for one in unite([claim("forge/1", 0, version="9"), pipeline, tag])] == ["forge|1"]
    assert [one.key for one in unite([pipeline, tag])] == ["ci|1"]
    assert [one.key for one in unite([tag])] == ["git|v1"]


def test_other_versions_other_environments_and_later_ones_are_others() -> None:
    base = claim("forge/1", 0, version="1.0")
    for other in (
        claim("argo/1", 1, version="1.1"),
        claim("argo/1", 7, version="1.0"),
        claim("argo/1", 1, version="1.0", is_production=False),
        claim("argo/1", 1, version="1.0", service="api"),
        claim("forge/2", 1, version="1.0"),
    ):
        assert len(unite([base, other])) == 2, other


def test_the_tag_of_an_image_goes_to_the_deployment_of_its_name_else_to_the_nearest_of_another_kind() -> None:
    def image(hours: float, version: str) -> Claim:
        return claim("telemetry/x", hours, basis=Basis.TELEMETRY, version=version, is_of_image=True)

    told = [claim("forge/1", 0, sha=SHA), claim("argo/2", 0.5, version="v1.1")]
    named = {one.key: len(one.told_by) for one in unite([*told, image(0.1, "1.1")])}
    assert named == {"forge|1": 1, "argo|2": 2}
    assert {one.key: len(one.told_by) for one in unite([*told, image(0.3, "4711")])} == {
        "forge|1": 1,
        "argo|2": 2,
    }
    assert len(unite([told[0], image(0.9, "4711")])) == 1
    assert len(unite([told[0], image(1.1, "4711")])) == 2
    assert len(unite([told[1], image(0.5, "1.2")])) == 2


CLAIMS = st.lists(
    st.builds(
        lambda number, source, hours, basis, version: claim(
            f"{source}/{number}", hours, basis=basis, version=version
        ),
        st.integers(0, 99), st.sampled_from(["forge", "argo", "git"]), st.integers(0, 30),
        st.sampled_from([Basis.DEPLOYMENT, Basis.TELEMETRY]), st.sampled_from(["", "1.0", "1.1"]),
    ),
    max_size=12, unique_by=lambda one: one.key,
)  # fmt: skip


@given(CLAIMS)
def test_no_claim_is_lost_or_counted_twice_and_order_does_not_matter(told: list[Claim]) -> None:
    united = unite(told)
    keys = [key for one in united for key in one.told_by]
    assert sorted(keys) == sorted(one.key for one in told)
    assert united == unite(reversed(told))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("production", True), ("prod-eu", True), ("", True), ("live", True), ("github-pages", True),
        ("Staging", False), ("pre-production", False), ("non-prod", False), ("review/feature-1", False),
        ("Preview: shop", False), ("dev2", False), ("pr-17", False), ("product", True), ("contest", True),
    ],
)  # fmt: skip
def test_an_environment_is_production_unless_a_word_in_its_name_says_otherwise(
    name: str, expected: bool
) -> None:
    assert is_production(name) is expected


def test_ktlo_yaml_may_say_which_environments_are_production() -> None:
    assert is_production("Blue", ["blue", "green-*"])
    assert not is_production("production", ["blue"])


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("v1.2", "1.2", True), ("refs/tags/v1.2", "V1.2", True), (SHA, SHA[:7], True), (SHA, SHA[:6], False),
        ("1.2", "1.20", False), ("", "", False), ("vault", "ault", False),
    ],
)  # fmt: skip
def test_two_names_of_one_version_agree(one: str, two: str, expected: bool) -> None:
    assert same_version(one, two) is expected
    assert same_version(two, one) is expected


@pytest.mark.parametrize(
    ("tag", "is_version", "is_early"),
    [
        ("v1.2.3", True, False), ("1.2", True, False), ("pay-v1.2", True, False), ("pay@1.2.0", True, False),
        ("pay/v2", True, False), ("latest", False, False), ("v2.0.0-rc.1", True, True), ("v2.0.0b1", True, True),
        ("3.0a2", True, True), ("v1.2.3-beta", True, True), ("nightly", False, True), ("v1.0.0+build.5", True, False),
    ],
)  # fmt: skip
def test_a_tag_is_a_released_version_by_its_name(tag: str, is_version: bool, is_early: bool) -> None:
    assert matches(tag, DeliverySettings().tags) is is_version
    assert _is_prerelease(tag) is is_early


def test_a_service_is_known_by_its_name_in_an_environment_or_tag() -> None:
    services = ("pay", "pay-api", "web")
    assert named_service("prod/pay-api", services) == "pay-api"
    assert named_service("pay@1.2", services) == "pay"
    assert named_service("production", services) == ""
    assert named_service("web and pay", services) == ""
