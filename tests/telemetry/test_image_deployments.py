"""Deployments found by the image that a service reports, from spans to the rows that metrics count."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from otlp_requests import TEN, segment
from versioned import Ran, reports

from ktlo.delivery.derive import derive_delivery
from ktlo.effort.reported import read_reported
from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.code import Commit, Tag
from ktlo.records.services import ServiceMember
from ktlo.records.work import Deployment
from ktlo.settings import Settings
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import TRACES
from ktlo.telemetry.deployments import derive_deployments, marks, seen_deployments
from ktlo.telemetry.interval import Interval

ZERO = dt.datetime.fromtimestamp(TEN // 10**9, dt.UTC)
DAY = Interval(ZERO, ZERO + dt.timedelta(days=1))
OLD, NEW = "sha256:" + "a1" * 32, "sha256:" + "b2" * 32
LISTED = json.dumps(["1.1", "latest"])
COMMIT = "9f8e7d6" + "0" * 33


def after(minutes: int) -> dt.datetime:
    return (ZERO + dt.timedelta(minutes=minutes)).replace(second=0, microsecond=0)


def ran(first: int, until: int, version: str = "", **image: object) -> Ran:
    resource = {f"container.image.{name}": said for name, said in image.items()}
    return Ran(version, first, until, resource=resource)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    opened = EmbeddedStore(folder / "store")
    opened.migrate()
    digests = {name: json.dumps([f"acme/till@{digest}"]) for name, digest in (("old", OLD), ("new", NEW))}
    plans = [
        # no version: only the image says that something changed
        *reports("pay", [ran(0, 65, name="acme/pay", tag="1.0"), ran(60, 200, name="acme/pay", tags=LISTED)]),
        # a version that never changes, and a tag that never does
        *reports("till", [
            ran(0, 60, "0.0.1-SNAPSHOT", name="acme/till", tags='["latest"]', repo_digests=digests["old"]),
            ran(60, 120, "0.0.1-SNAPSHOT", name="acme/till", tags='["latest"]', repo_digests=digests["new"]),
            ran(120, 300, "0.0.1-SNAPSHOT", name="acme/till", tags='["latest"]', repo_digests=digests["old"]),
        ]),
        # both, and they change together
        *reports("web", [ran(0, 60, "2.0", name="web", tag="20"), ran(60, 300, "2.1", name="web", tag="21")]),
        # the tag is a commit
        *reports("mail", [ran(0, 60, name="mail", tag="1"), ran(60, 300, name="mail", tag="sha-9f8e7d6")]),
        # the tag is one of the repository
        *reports("book", [ran(0, 60, name="book", tag="3.0"), ran(60, 300, name="book", tag="3.1")]),
        # one image, twice started
        *reports("post", [ran(0, 60, name="post", tag="1"), ran(90, 300, name="post", tag="1")]),
    ]  # fmt: skip
    file = folder / "one.segment"
    file.write_bytes(segment(*plans))
    opened.load(TRACES, file, "one")
    yield opened
    opened.close()


def told(found):
    return [
        (one.version, one.previous, one.outcome, one.is_rollback, one.named_by, one.image) for one in found
    ]


def test_a_service_without_a_version_is_deployed_when_its_image_changes(store):
    (one,) = seen_deployments(store, DAY, "pay")
    assert told([one]) == [("1.1", "1.0", "complete", False, "image", "acme/pay:1.1,latest")]
    assert (one.started_at, one.finished_at) == (after(60), after(65))


def test_behind_a_version_and_a_tag_that_never_change_the_digest_tells(store):
    assert told(seen_deployments(store, DAY, "till")) == [
        (NEW, OLD, "complete", False, "image", f"acme/till:latest@{NEW}"),
        (OLD, NEW, "complete", True, "image", f"acme/till:latest@{OLD}"),
    ]


def test_version_and_image_together_are_one_deployment_and_a_restart_is_none(store):
    assert told(seen_deployments(store, DAY, "web")) == [
        ("2.1", "2.0", "complete", False, "service.version", "web:21")
    ]
    assert seen_deployments(store, DAY, "post") == []


def test_charts_mark_it_and_name_the_image(store):
    (first, _) = marks(store, DAY, "till")
    assert first.label == "deployed sha256:b2b2b2b2b2b2"
    assert first.known_from == "telemetry, image till:latest@sha256:b2b2b2b2b2b2"


def deployment(service: str, minutes: int, **said: str) -> Deployment:
    given = {"version": "", "sha": ""} | said
    return Deployment(
        source="forge", external_id=f"{service} {minutes}", repository="", service=service, environment="production",
        status="success", actor="", started_at=after(minutes), finished_at=after(minutes), url="", **given,
    )  # fmt: skip


@pytest.fixture(scope="module")
def delivered(store):
    store.insert(
        TABLES["deployments"],
        to_arrow(
            [
                deployment("till", 58, sha=COMMIT, version="v7"),  # cannot be held against a digest
                deployment("mail", 57, sha=COMMIT),
                deployment("pay", 59, version="1.0.9"),  # another release
                deployment("pay", 61, version="v1.1"),
            ],
            Deployment,
        ),
    )
    tag = Tag(source="git", repository="acme/book", name="v3.1", sha="c" * 40, tagged_at=after(0))
    store.insert(TABLES["tags"], to_arrow([tag], Tag))
    derive_deployments(store, ZERO + dt.timedelta(days=2))
    member = ServiceMember(
        kind="repository", member="acme/book", service="book", team="", found_in="ktlo.yaml"
    )
    store.replace(TABLES["service_members"], [to_arrow([member], ServiceMember)])
    derive_delivery(store, Settings(), [])
    return {
        name: store.query(
            "SELECT version, sha, source, told_by, image, is_rollback FROM ktlo.service_deployments"
            " WHERE service = {name:String} ORDER BY at",
            {"name": name},
        ).to_pylist()
        for name in ("pay", "till", "web", "mail", "post", "book")
    }


def test_an_image_is_matched_to_what_a_forge_told_and_to_the_tag_of_the_repository(delivered):
    (other, pay) = delivered["pay"]
    assert (other["version"], other["image"]) == ("1.0.9", "")
    assert (pay["version"], len(pay["told_by"]), pay["image"]) == ("v1.1", 2, "acme/pay:1.1,latest")
    (book,) = delivered["book"]
    assert (book["source"], book["version"], book["sha"]) == ("telemetry", "3.1", "c" * 40)
    (mail,) = delivered["mail"]
    assert (mail["sha"], len(mail["told_by"]), mail["image"]) == (COMMIT, 2, "mail:sha-9f8e7d6")


def test_a_digest_near_a_commit_is_one_deployment_and_the_way_back_another(delivered):
    one, back = delivered["till"]
    assert (one["version"], one["sha"], len(one["told_by"]), one["image"]) == (
        "v7",
        COMMIT,
        2,
        f"acme/till:latest@{NEW}",
    )
    assert (back["source"], back["version"], back["is_rollback"]) == ("telemetry", OLD, True)


def test_what_nothing_else_told_counts_once(delivered):
    assert [(one["source"], one["version"]) for one in delivered["web"]] == [("telemetry", "2.1")]
    assert delivered["post"] == []


def test_a_commit_in_an_images_tag_says_of_which_repository_a_service_is(store):
    commit = Commit(
        source="git", repository="acme/mail", sha=COMMIT, parents=(), authored_at=ZERO, committed_at=ZERO,
        authored_offset=0, author_name="", author_email="", committer_name="", committer_email="", co_authors=(),
        subject="", body="", is_merge=False, files_changed=0, lines_added=0, lines_deleted=0,
        paths=(), dated_by="commit",
    )  # fmt: skip
    store.insert(TABLES["commits"], to_arrow([commit], Commit))
    assert {one.name: one.commits_of for one in read_reported(store) if one.commits_of} == {
        "mail": ("acme/mail",)
    }
