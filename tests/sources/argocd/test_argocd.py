"""Argo CD's notifications: ten syncs by hand, through the template that is shipped, and what is no deployment.

The applications have the fields of the published Application (``manifests/crds/application-crd.yaml`` and
``controller/testdata/diff-cache.yaml`` of argoproj/argo-cd). The template is rendered by Go's own ``text/template``,
which argocd-notifications uses, where there is a Go.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from collected_rows import Seen

from ktlo.errors import SignatureError, UserError
from ktlo.sources.argocd import ArgoCdSource
from ktlo.sources.argocd.mapping import ArgoCdConfig
from ktlo.sources.argocd.payloads import tag_of
from ktlo.sources.hooked import Incoming

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
SYNCED = {
    "group": "",
    "kind": "Service",
    "name": "velero",
    "namespace": "backup",
    "status": "Synced",
    "version": "v1",
}
ONE, TWO = "ea8759964626a583667a2bfd08f334ec2070040a", "041eab7439ece92c99b043f0e171788185b8fc1d"


def at(minutes: float) -> str:
    return (NOON + dt.timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def application(
    phase: str = "Succeeded", health: str = "Healthy", revision: str = ONE, start: float = 0, **given: Any
) -> dict[str, Any]:
    """An application as ``kubectl get app -o json`` prints it; ``given`` replaces by dotted path with ``__``."""
    made: dict[str, Any] = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": "velero",
            "namespace": "argo-cd",
            "labels": {"cloud_provider": "gcp", "stack": "gke-v2"},
            "annotations": {"argocd.argoproj.io/compare-options": "ServerSideDiff=true"},
        },
        "spec": {
            "destination": {"name": "gke-alpha-01-europe-west1", "namespace": "backup"},
            "project": "sre",
            "source": {"path": "instances/test", "repoURL": "https://github.com/foo/manifests-velero.git"},
        },
        "status": {
            "controllerNamespace": "argo-cd",
            "health": {"status": health, "lastTransitionTime": at(start + 3)},
            "operationState": {
                "finishedAt": at(start + 1),
                "message": "successfully synced (all tasks run)",
                "operation": {
                    "initiatedBy": {"username": "foo@example.com"},
                    "retry": {"limit": 10},
                    "sync": {"revision": revision, "syncStrategy": {"hook": {}}},
                },
                "phase": phase,
                "startedAt": at(start),
                "syncResult": {"resources": [SYNCED], "revision": revision},
            },
            "summary": {"images": ["docker.io/velero/velero:v1.14.0"]},
            "sync": {"revision": "rev1", "status": "Synced"},
        },
    }
    for path, value in given.items():
        *folders, last = path.split("__")
        place = made
        for folder in folders:
            place = place[folder]
        if value is None:
            place.pop(last)
        else:
            place[last] = value
    return made


SYNC = "status__operationState__operation__sync"
TEN: list[tuple[dict[str, Any], tuple[str, str, str, str, str, str]]] = [
    # application, then: service, environment, version, commit, status, actor
    (application(), ("velero", "backup", "v1.14.0", ONE, "success", "foo@example.com")),
    (application("Failed"), ("velero", "backup", "v1.14.0", ONE, "failure", "foo@example.com")),
    (
        application("Error", "Missing", status__operationState__syncResult=None),
        ("velero", "backup", "v1.14.0", ONE, "failure", "foo@example.com"),
    ),
    (
        application("Succeeded", "Degraded"),
        ("velero", "backup", "v1.14.0", ONE, "degraded", "foo@example.com"),
    ),
    (
        application(status__operationState__operation__initiatedBy={"automated": True}),
        ("velero", "backup", "v1.14.0", ONE, "success", ""),
    ),
    (
        application(metadata__labels={"environment": "staging"}),
        ("velero", "staging", "v1.14.0", ONE, "success", "foo@example.com"),
    ),
    (
        application(
            status__operationState__syncResult={"revision": "", "revisions": ["1.4.2", TWO]},
            status__summary=None,
        ),
        ("velero", "backup", "1.4.2", TWO, "success", "foo@example.com"),
    ),
    (
        application(
            status__summary={"images": ["ghcr.io/acme/velero@sha256:0b31", "busybox:1.36", "acme/velero:2.0"]}
        ),
        ("velero", "backup", "", ONE, "success", "foo@example.com"),
    ),
    (
        application(status__summary={"images": ["nginx:latest"]}),
        ("velero", "backup", "", ONE, "success", "foo@example.com"),
    ),
    (
        application(metadata__labels=None, spec__destination={"server": "https://kubernetes.default.svc"}),
        ("velero", "", "v1.14.0", ONE, "success", "foo@example.com"),
    ),
]

Render = Callable[[dict[str, Any]], bytes]

_RENDER = """package main

import (
	"encoding/json"
	"os"
	"text/template"
)

func main() {
	var given struct {
		Template string
		Apps     []map[string]interface{}
	}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	functions := template.FuncMap{"toJson": func(value interface{}) string {
		text, _ := json.Marshal(value)
		return string(text)
	}}
	made := template.Must(template.New("body").Funcs(functions).Parse(given.Template))
	for _, app := range given.Apps {
		context := map[string]string{"argocdUrl": "https://cd.example.org"}
		if err := made.Execute(os.Stdout, map[string]interface{}{"app": app, "context": context}); err != nil {
			panic(err)
		}
		os.Stdout.WriteString("\\x00")
	}
}
"""


def config_map() -> dict[str, str]:
    found: dict[str, str] = yaml.safe_load(ArgoCdSource.setup.paste)["data"]
    return found


@pytest.fixture(scope="module")
def render(tmp_path_factory: pytest.TempPathFactory) -> Render:
    """The shipped template on one application, by Go."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("needs Go, whose text/template argocd-notifications uses")
    folder: Path = tmp_path_factory.mktemp("go")
    (folder / "main.go").write_text(_RENDER)
    subprocess.run([go, "build", "-o", "render", "main.go"], cwd=folder, check=True, timeout=300)
    body = yaml.safe_load(config_map()["template.ktlo"])["webhook"]["ktlo"]["body"]

    def run(app: dict[str, Any]) -> bytes:
        given = json.dumps({"Template": body, "Apps": [app]}).encode()
        done = subprocess.run([folder / "render"], input=given, capture_output=True, check=True, timeout=60)
        return done.stdout.rstrip(b"\0")

    return run


def source(**options: Any) -> ArgoCdSource:
    return ArgoCdSource(ArgoCdConfig(**options))


def plain(app: dict[str, Any], minutes: float = 3) -> Incoming:
    """The whole application, as a template of one's own may send it: ``{"app": {{toJson .app}}}``."""
    return Incoming({}, json.dumps({"app": app}).encode(), NOON + dt.timedelta(minutes=minutes))


def seen_of(*apps: dict[str, Any], **options: Any) -> Seen:
    seen = Seen()
    for app in apps:
        seen.take(source(**options).receive(plain(app)))
    return seen


COLUMNS = ("service", "environment", "version", "sha", "status", "actor")


def test_ten_syncs_by_hand() -> None:
    for app, expected in TEN:
        (found,) = seen_of(app).shown("deployments")
        assert tuple(found[name] for name in COLUMNS) == expected, app
        assert (found["started_at"], found["finished_at"]) == (NOON, NOON + dt.timedelta(minutes=1))


def test_the_shipped_template_says_the_same_of_all_ten(render: Render) -> None:
    for app, _ in TEN:
        body = render(app)
        by_template = source().receive(Incoming({}, body, NOON + dt.timedelta(minutes=3)))
        (row,) = by_template.rows["deployments"].to_pylist()
        assert row.pop("url") == "https://cd.example.org/applications/velero"
        (whole,) = source().receive(plain(app)).rows["deployments"].to_pylist()
        assert whole.pop("url") == ""
        assert row == whole


def test_texts_with_quotes_newlines_and_markup_come_through_the_template(render: Render) -> None:
    message = 'error: "x"\n</script>\\ {{.app}} ☃'
    app = application("Failed", status__operationState__message=message)
    assert json.loads(render(app))["app"]["status"]["operationState"]["message"] == message


def test_the_template_sends_nothing_of_parameters_and_manifests(render: Render) -> None:
    app = application()
    app["spec"]["source"]["helm"] = {"parameters": [{"name": "password", "value": "hunter2"}]}
    app["status"]["operationState"]["operation"]["sync"]["manifests"] = ["kind: Secret # hunter2"]
    assert b"hunter2" not in render(app)


def test_the_config_map_is_whole() -> None:
    said = config_map()
    service = yaml.safe_load(said["service.webhook.ktlo"])
    assert service["url"] == "ADDRESS"
    assert {one["name"]: one["value"] for one in service["headers"]}["Authorization"] == "Bearer $ktlo-secret"
    triggers = yaml.safe_load(said["trigger.ktlo"])
    assert all(one["send"] == ["ktlo"] and one["oncePer"] for one in triggers)
    assert yaml.safe_load(said["subscriptions"]) == [{"recipients": ["ktlo"], "triggers": ["ktlo"]}]


def told(health: str, minutes: float) -> dict[str, Any]:
    made = application("Succeeded", health)
    made["status"]["health"]["lastTransitionTime"] = at(minutes)
    return made


@pytest.mark.parametrize(
    ("story", "status"),
    [
        ([("Progressing", 1), ("Healthy", 5)], "success"),
        ([("Healthy", 1), ("Degraded", 12)], "degraded"),
        ([("Degraded", 2), ("Healthy", 9)], "success"),
        ([("Degraded", 2), ("Healthy", 600)], "degraded"),
        ([("Healthy", 90)], "success"),
        ([("Degraded", 70)], "success"),
        ([("Healthy", 2), ("Degraded", 70)], "success"),
        ([("Degraded", 5), ("Degraded", 70)], "degraded"),
        ([("Progressing", 1)], "success"),
    ],
)
def test_the_last_word_of_its_first_hour_is_the_verdict_on_a_sync(
    story: list[tuple[str, float]], status: str
) -> None:
    for order in itertools.permutations(story):
        (found,) = seen_of(*itertools.starmap(told, order)).shown("deployments")
        assert found["status"] == status


def test_without_a_time_of_its_health_it_is_when_it_came() -> None:
    app = application("Succeeded", "Degraded", status__health={"status": "Degraded"})
    assert source().receive(plain(app, 5)).rows
    late = source().receive(plain(app, 65))
    assert late.rows["deployments"]["status"].to_pylist() == ["success"]


def test_a_sync_that_is_told_twice_is_one_deployment_and_a_second_sync_another() -> None:
    again = application(start=30)
    assert len(seen_of(application(), application(), again).shown("deployments")) == 2


def test_the_tag_of_the_image_names_the_code_where_manifests_are_elsewhere() -> None:
    (found,) = seen_of(application(), code="image").shown("deployments")
    assert (found["version"], found["sha"]) == ("v1.14.0", "")
    app = application(status__summary={"images": ["acme/api:3.1", "acme/worker:3.0"]})
    (found,) = seen_of(app, code="image", image="worker").shown("deployments")
    assert found["version"] == "3.0"


@pytest.mark.parametrize(
    ("app", "why"),
    [
        (application("Running"), "the sync is not over: Running"),
        (application(status__operationState=None), "the application was never synced"),
        (application(**{f"{SYNC}__dryRun": True}), "a dry run deploys nothing"),
        (
            application(**{f"{SYNC}__autoHealAttemptsCount": 1}),
            "Argo put back what had been changed by hand (self-heal): no deployment",
        ),
    ],
)
def test_what_is_no_deployment_is_ignored_with_the_reason(app: dict[str, Any], why: str) -> None:
    taken = source().receive(plain(app))
    assert (taken.why_ignored, dict(taken.rows)) == (why, {})


@pytest.mark.parametrize("body", [b"", b"{}", b'{"app": {}}', b'{"app": {"metadata": {"name": 7}}}', b"x=1"])
def test_what_is_no_application_is_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(UserError, match="not what this source expects"):
        source().receive(Incoming({}, body, NOON))


def test_the_secret_is_the_proof() -> None:
    source().verify(Incoming({"authorization": "Bearer k"}, b"", NOON), "k")
    for headers in ({}, {"authorization": "Bearer j"}):
        with pytest.raises(SignatureError):
            source().verify(Incoming(headers, b"", NOON), "k")


@pytest.mark.parametrize(
    ("image", "name", "tag"),
    [
        ("registry:5000/team/app:1.2@sha256:ab", "app", "1.2"),
        ("app", "app", ""),
        ("registry:5000/app", "app", ""),
        ("app@sha256:ab", "app", ""),
    ],
)
def test_an_image_is_a_name_and_a_tag(image: str, name: str, tag: str) -> None:
    assert tag_of(image) == (name, tag)
