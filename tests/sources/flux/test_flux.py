"""Flux's events: ten deployments by hand, told again at every interval, in any order, and what is no deployment.

Shapes and texts are the published ones: the event and the signature of fluxcd/notification-controller
(``docs/spec/v1beta3``, ``internal/notifier/forwarder_test.go``), the messages of kustomize-controller and of
helm-controller (``docs/spec/v2/helmreleases.md``), a real event of the time before Flux 2.0 among them.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
from typing import Any

import pytest
from collected_rows import Seen

from ktlo.errors import SignatureError, UserError
from ktlo.sources.flux import FluxSource
from ktlo.sources.flux.payloads import commit_of, version_of
from ktlo.sources.hooked import Hooked, Incoming
from ktlo.sources.listening import DeployerConfig

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
ONE, TWO = "802723078affd3eb2a3898630261ab3ca5d6dd40", "731f7eaddfb6af01cb2173e18f0f75b0ba780ef1"
FINISHED = "Reconciliation finished in 436.493292ms, next run in 10m0s"


def after(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


def event(kind: str, name: str, reason: str, minutes: float = 0, **given: Any) -> dict[str, Any]:
    group = "kustomize.toolkit.fluxcd.io/v1" if kind == "Kustomization" else "helm.toolkit.fluxcd.io/v2"
    return {
        "involvedObject": {
            "apiVersion": group,
            "kind": kind,
            "name": name,
            "namespace": "apps",
            "uid": "7d0cdc51-ddcf-4743-b223-83ca5c699632",
        },
        "severity": "info",
        "timestamp": after(minutes).isoformat().replace("+00:00", "Z"),
        "message": FINISHED,
        "reason": reason,
        "metadata": {},
        "reportingController": "kustomize-controller",
        "reportingInstance": "kustomize-controller-7c7b47f5f-8bhrp",
        **given,
    }


def kustomization(name: str, reason: str, revision: str, minutes: float = 0, **given: Any) -> dict[str, Any]:
    metadata = {"revision": revision, "commit_status": "update"}
    return event("Kustomization", name, reason, minutes, metadata=metadata, **given)


def helm(name: str, reason: str, chart: str, message: str, minutes: float = 0, **told: str) -> dict[str, Any]:
    severity = "error" if reason.endswith("Failed") else "info"
    metadata = {"revision": chart, **told}
    return event("HelmRelease", name, reason, minutes, severity=severity, message=message, metadata=metadata)


def webhook(told: Any, **headers: str) -> Incoming:
    return Incoming(headers, json.dumps(told).encode(), NOON)


def source(**options: Any) -> FluxSource:
    return FluxSource(DeployerConfig(**options))


def seen_of(*told: Any, **options: Any) -> Seen:
    seen = Seen()
    for one in told:
        seen.take(source(**options).receive(webhook(one)))
    return seen


PUBLISHED = {
    "involvedObject": {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "name": "webapp",
        "namespace": "apps",
        "uid": "7d0cdc51-ddcf-4743-b223-83ca5c699632",
    },
    "metadata": {"kustomize.toolkit.fluxcd.io/revision": f"main/{TWO}"},
    "severity": "error",
    "reason": "ValidationFailed",
    "message": "service/apps/webapp validation error: spec.type: Unsupported value: Ingress",
    "reportingController": "kustomize-controller",
    "reportingInstance": "kustomize-controller-7c7b47f5f-8bhrp",
    "timestamp": "2022-10-28T07:26:19Z",
}
INSTALLED = "Helm install succeeded for release default/podinfo.v1 with chart podinfo@6.5.3"
UPGRADED = "Helm upgrade succeeded for release default/podinfo.v2 with chart podinfo@6.6.0"
UPGRADE_FAILED = "Helm upgrade failed for release default/podinfo with chart podinfo@6.7.0: timed out waiting"
ROLLED_BACK = "Helm rollback to previous release default/podinfo.v2 with chart podinfo@6.6.0 succeeded"

TEN: list[tuple[dict[str, Any], tuple[str, str, str, str, str]]] = [
    # event, then: service, environment, version, commit, status
    (PUBLISHED, ("webapp", "apps", "", TWO, "failure")),
    (
        kustomization("shop", "ReconciliationSucceeded", f"main@sha1:{ONE}"),
        ("shop", "apps", "", ONE, "success"),
    ),
    (
        kustomization("shop", "HealthCheckFailed", f"main@sha1:{TWO}", 9, severity="error"),
        ("shop", "apps", "", TWO, "failure"),
    ),
    (
        kustomization("pay", "ReconciliationSucceeded", f"v1.4.0@sha1:{ONE}"),
        ("pay", "apps", "v1.4.0", ONE, "success"),
    ),
    (
        event(
            "Kustomization",
            "oci",
            "ReconciliationSucceeded",
            metadata={"revision": "latest@sha256:3b6c", "originRevision": f"main@sha1:{TWO}"},
        ),
        ("oci", "apps", "", TWO, "success"),
    ),
    (
        event(
            "Kustomization",
            "podinfo-kust",
            "ReconciliationSucceeded",
            metadata={"revision": f"6.2.0/{ONE}", "environment": "staging"},
        ),
        ("podinfo-kust", "staging", "6.2.0", ONE, "success"),
    ),
    (
        helm("podinfo", "InstallSucceeded", "6.5.3", INSTALLED, **{"app-version": "6.5.3"}),
        ("podinfo", "apps", "6.5.3", "", "success"),
    ),
    (
        helm("podinfo", "UpgradeSucceeded", "6.6.0", UPGRADED, 10),
        ("podinfo", "apps", "6.6.0", "", "success"),
    ),
    (
        helm("podinfo", "UpgradeFailed", "6.7.0", UPGRADE_FAILED, 20),
        ("podinfo", "apps", "6.7.0", "", "failure"),
    ),
    (
        helm("podinfo", "RollbackSucceeded", "6.6.0", ROLLED_BACK, 21),
        ("podinfo", "apps", "6.6.0", "", "success"),
    ),
]


def test_ten_deployments_by_hand() -> None:
    for told, expected in TEN:
        (found,) = seen_of(told).shown("deployments")
        columns = ("service", "environment", "version", "sha", "status")
        assert tuple(found[name] for name in columns) == expected, told
        at = dt.datetime.fromisoformat(told["timestamp"])
        assert (found["started_at"], found["finished_at"]) == (at, at)
    assert len(seen_of(*(told for told, _ in TEN)).shown("deployments")) == 10


def test_a_revision_that_is_told_at_every_interval_is_one_deployment_at_its_first_success() -> None:
    told = [kustomization("shop", "ReconciliationSucceeded", f"main@sha1:{ONE}", 10 * n) for n in range(3)]
    for order in itertools.permutations(told):
        (found,) = seen_of(*order).shown("deployments")
        assert found["finished_at"] == NOON
    names = {source().name_of(webhook(one)) for one in told}
    assert len(names) == 1, "so that the later ones are not even kept"


def test_a_revision_that_failed_until_it_succeeded_is_a_success_when_it_did_and_stays_one() -> None:
    told = [
        kustomization("shop", "BuildFailed", f"main@sha1:{ONE}", 0, severity="error"),
        kustomization("shop", "ReconciliationSucceeded", f"main@sha1:{ONE}", 5),
        kustomization("shop", "HealthCheckFailed", f"main@sha1:{ONE}", 600, severity="error"),
    ]
    for order in itertools.permutations(told):
        (found,) = seen_of(*order).shown("deployments")
        assert (found["status"], found["finished_at"]) == ("success", after(5))


def test_one_commit_in_two_objects_is_two_deployments() -> None:
    told = [kustomization(name, "ReconciliationSucceeded", f"main@sha1:{ONE}") for name in ("shop", "pay")]
    assert len(seen_of(*told).shown("deployments")) == 2


def test_a_commit_that_the_object_names_is_the_commit() -> None:
    """``event.toolkit.fluxcd.io/commit`` of its annotations, which the controller passes on as ``commit``."""
    told = kustomization("preview", "ReconciliationSucceeded", "latest@sha256:3b6c")
    told["metadata"] |= {"commit": TWO}
    (found,) = seen_of(told).shown("deployments")
    assert found["sha"] == TWO
    told["metadata"] |= {"originRevision": f"main@sha1:{ONE}"}
    (found,) = seen_of(told).shown("deployments")
    assert found["sha"] == TWO, "as the controller ranks them"


def test_service_and_environment_are_what_the_options_say() -> None:
    told = kustomization("shop", "ReconciliationSucceeded", f"main@sha1:{ONE}")
    told["metadata"] |= {"team-service": "checkout", "tier": "live"}
    (found,) = seen_of(told, service_label="team-service", environment_label="tier").shown("deployments")
    assert (found["service"], found["environment"]) == ("checkout", "live")
    (found,) = seen_of(told, environment="production").shown("deployments")
    assert (found["service"], found["environment"]) == ("shop", "production")


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (event("GitRepository", "shop", "NewArtifact"), "a GitRepository deploys nothing"),
        (
            kustomization("shop", "Progressing", f"main@sha1:{ONE}"),
            "Progressing is neither success nor failure of a deployment",
        ),
        (
            kustomization("shop", "DependencyNotReady", f"main@sha1:{ONE}"),
            "DependencyNotReady is neither success nor failure of a deployment",
        ),
        (
            helm("podinfo", "TestFailed", "6.5.3", "Helm test failed"),
            "TestFailed is neither success nor failure of a deployment",
        ),
        (event("Kustomization", "shop", "AccessDenied", severity="error"), "AccessDenied tells no revision"),
    ],
)
def test_what_is_no_deployment_is_ignored_with_the_reason(told: dict[str, Any], why: str) -> None:
    taken = source().receive(webhook(told))
    assert (taken.why_ignored, dict(taken.rows)) == (why, {})


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"involvedObject": 7}', b'{"client_payload": {}}'])
def test_what_is_no_event_is_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(UserError, match="not what this source expects"):
        source().receive(Incoming({}, body, NOON))
    assert source().name_of(Incoming({}, body, NOON))


def test_the_signature_is_the_one_that_the_controllers_own_test_expects() -> None:
    body = (
        b'{"involvedObject":{"kind":"GitRepository","namespace":"gitops-system","name":"webapp"},'
        b'"severity":"info","timestamp":"2022-09-30T06:40:29Z","message":"message","reason":"reason",'
        b'"metadata":{"test":"metadata"},"reportingController":"source-controller",'
        b'"reportingInstance":"source-controller-xyz"}'
    )
    key = "7152fed34dd6149a7c75a276c510da27cb6f82b0"
    signature = "sha256=65b018549b1254e7226d1c08f9567ee45bc9de0fc4e7b1a40253f9a018b08be7"
    source().verify(Incoming({"x-signature": signature}, body, NOON), key)
    source().verify(Incoming({"authorization": f"Bearer {key}"}, body, NOON), key)
    for headers in (
        {},
        {"x-signature": signature[:-1] + "8"},
        {"x-signature": ""},
        {"authorization": "Bearer x"},
    ):
        with pytest.raises(SignatureError):
            source().verify(Incoming(headers, body, NOON), key)
    both = {"x-signature": "sha256=00", "authorization": f"Bearer {key}"}
    with pytest.raises(SignatureError, match="does not match"):
        source().verify(Incoming(both, body, NOON), key)


def test_what_githubdispatch_passes_on_is_read_like_the_event_itself() -> None:
    told = TEN[1][0]
    dispatch = {"action": "Kustomization/shop.apps", "branch": "main", "client_payload": told}
    taken = source().receive(webhook(dispatch))
    assert (
        taken.rows["deployments"].to_pylist()
        == source().receive(webhook(told)).rows["deployments"].to_pylist()
    )


@pytest.mark.parametrize(
    ("revision", "commit", "version"),
    [
        (f"main@sha1:{ONE}", ONE, ""),
        (f"refs/heads/main@sha1:{ONE}", ONE, ""),
        (f"refs/tags/pay-1@sha1:{ONE}", ONE, "pay-1"),
        (f"sha1:{ONE}", ONE, ""),
        (f"main/{ONE}", ONE, ""),
        ("0.1.4+abc1234", "abc1234", "0.1.4+abc1234"),
        ("1.2.3+build.7", "", "1.2.3+build.7"),
        ("v2@sha256:ab", "", "v2"),
        ("latest@sha256:ab", "", "sha256:ab"),
        ("", "", ""),
    ],
)
def test_commit_and_version_are_read_from_every_kind_of_revision(
    revision: str, commit: str, version: str
) -> None:
    assert (commit_of(revision), version_of(revision)) == (commit, version)


def test_what_is_to_be_pasted_names_the_address() -> None:
    made: Hooked = source()
    assert "address: ADDRESS" in made.setup.paste
