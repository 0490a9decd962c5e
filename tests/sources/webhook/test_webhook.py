"""A webhook of one's own: the mapping, the guess from a sample, proofs, and bodies that are not what was said."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
import json
from typing import Any

import pytest
from collected_rows import Seen
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ktlo.errors import SignatureError, UserError
from ktlo.sources.csv.fields import Noun
from ktlo.sources.hooked import Incoming
from ktlo.sources.protocol import Status
from ktlo.sources.registry import make_source
from ktlo.sources.webhook import WebhookSource
from ktlo.sources.webhook.config import WebhookConfig
from ktlo.sources.webhook.proposal import parse, propose

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
PAGER = {
    "type": "incident.updated",
    "incident": {
        "ref": "INC-7",
        "summary": "Checkout is <b>down</b> 🔥",
        "service": {"name": "checkout"},
        "priority": "P1",
        "status": "resolved",
        "opened": "2026-09-01T10:00:00Z",
        "acked": "2026-09-01T10:04:00Z",
        "fixed": "2026-09-01T11:00:00Z",
        "people": [{"mail": "ada@example.org"}, {"mail": "grace@example.org"}],
    },
}
MAPPING = {
    "external_id": "incident.ref",
    "title": "incident.summary",
    "service": "incident.service.name",
    "severity": "incident.priority",
    "state": "incident.status",
    "detected_at": "incident.opened",
    "acknowledged_at": "incident.acked",
    "resolved_at": "incident.fixed",
    "responders": "incident.people[].mail",
}


def source(**options: Any) -> WebhookSource:
    given = {"name": "pager", "noun": "incidents", "mapping": MAPPING, "event": "type"}
    return WebhookSource(WebhookConfig(**{**given, **options}))


def incoming(body: Any, **headers: str) -> Incoming:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Incoming({name.replace("_", "-"): value for name, value in headers.items()}, text, NOON)


def test_each_field_comes_from_where_the_mapping_says() -> None:
    taken, seen = source().receive(incoming(PAGER)), Seen()
    seen.take(taken)
    found = seen.item("INC-7")
    assert taken.event == "incident.updated"
    assert (found["title"], found["service"], found["severity"]) == (
        "Checkout is <b>down</b> 🔥",
        "checkout",
        "P1",
    )
    assert (found["state"], found["source"]) == ("resolved", "webhook:pager")
    assert found["acknowledged_at"] == dt.datetime(2026, 9, 1, 10, 4, tzinfo=dt.UTC)
    assert found["resolved_at"] == dt.datetime(2026, 9, 1, 11, tzinfo=dt.UTC)
    assert found["responders"] == ["ada@example.org", "grace@example.org"]


def test_a_list_of_items_makes_a_record_each_and_a_bad_one_costs_itself_only() -> None:
    body = {
        "deployments": [
            {"app": "shop", "env": "production", "at": "2026-09-01T10:00:00Z", "outcome": "succeeded"},
            {"app": "shop", "env": "production", "at": "later", "outcome": "failed"},
            {"app": "shop", "env": "production", "at": "2026-09-01T11:00:00Z", "outcome": "failed"},
        ]
    }
    mapping = {
        "service": "app",
        "environment": "env",
        "started_at": "at",
        "finished_at": "at",
        "state": "outcome",
    }
    taken = source(noun="deployments", items="deployments", mapping=mapping, event="").receive(incoming(body))
    assert taken.rows["deployments"]["status"].to_pylist() == ["success", "failure"]
    assert [one.place for one in taken.rejected] == ["webhook, item 2"]
    assert "'later'" in taken.rejected[0].reason


def test_what_only_rules_out_is_ignored_with_the_condition() -> None:
    made = source(only="type == 'incident.created'")
    assert "incident.created" in made.receive(incoming(PAGER)).why_ignored
    assert not made.receive(incoming({**PAGER, "type": "incident.created"})).why_ignored


def test_a_newer_change_holds_whatever_comes_first() -> None:
    made = source(mapping={**MAPPING, "updated_at": "incident.changed"})
    early = {
        "incident": {**PAGER["incident"], "status": "open", "fixed": None, "changed": "2026-09-01T10:01:00Z"}
    }
    late = {"incident": {**PAGER["incident"], "changed": "2026-09-01T11:01:00Z"}}
    for order in ((early, late), (late, early)):
        seen = Seen()
        for body in order:
            seen.take(made.receive(incoming(body)))
        assert seen.item("INC-7")["state"] == "resolved"


@pytest.mark.parametrize("noun", ["incidents", "issues", "deployments", "outages"])
def test_what_is_told_to_be_gone_is_removed_in_any_order_until_it_is_told_of_again(noun: str) -> None:
    begins = {"incidents": "detected_at", "issues": "created_at"}.get(noun, "started_at")
    mapping = {"external_id": "key", begins: "at", "service": "service"}
    if noun in ("incidents", "issues"):
        mapping["updated_at"] = "changed"
    made = source(noun=noun, mapping=mapping, deleted="type == 'deleted'", event="")
    told = {"key": "7", "service": "shop", "at": "2026-09-01T10:00:00Z"}

    def received(kind: str, minute: int) -> Incoming:
        body = {"type": kind, **told, "changed": f"2026-09-01T11:{minute:02d}:00Z"}
        return Incoming({}, json.dumps(body).encode(), NOON + dt.timedelta(minutes=minute))

    first, gone, again = received("changed", 1), received("deleted", 1), received("changed", 3)
    for order in ((first, gone), (gone, first)):
        seen = Seen()
        for each in order:
            seen.take(made.receive(each))
        assert seen.shown(noun) == []
        seen.take(made.receive(again))
        assert len(seen.shown(noun)) == 1


def test_what_is_gone_needs_no_more_than_its_key_and_is_none_without_it() -> None:
    made = source(deleted="gone")
    assert not made.receive(incoming({"incident": {"ref": "INC-7"}, "gone": True})).rejected
    taken = made.receive(incoming({"incident": {}, "gone": True}))
    assert not taken.rows
    assert "external_id is empty" in taken.why_ignored


@pytest.mark.parametrize(
    "body",
    [[], 7, "text", None, {}, {"incident": 7}, {"incident": {"ref": {}, "opened": []}}, {"incident": None}],
)
def test_a_body_without_the_fields_is_turned_away_with_the_field(body: Any) -> None:
    taken = source().receive(incoming(body))
    assert not taken.rows
    assert taken.why_ignored
    assert taken.rejected


def test_values_of_a_list_beyond_those_that_are_kept_are_told_of_the_item() -> None:
    people = [{"mail": f"{number}@example.org"} for number in range(1_200)]
    taken = source().receive(incoming({"incident": {**PAGER["incident"], "people": people}}))
    assert len(taken.rows["incidents"]["responders"][0].as_py()) == 1_000
    [told] = taken.rejected
    assert (told.place, told.is_kept) == ("webhook", True)
    assert told.reason == "responders holds 1,200 values: the first 1,000 are kept"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(UserError):
        source().receive(incoming(body))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_no_json_breaks_the_reading(value: Any) -> None:
    body = {"incident": dict.fromkeys(PAGER["incident"], value)}
    source().receive(incoming(body))


def test_a_cloudevent_is_mapped_alike_in_structured_and_in_binary_mode() -> None:
    attributes = {
        "specversion": "1.0",
        "type": "com.github.pull_request.opened",
        "source": "https://github.com/cloudevents/spec/pull",
        "id": "A234-1234-1234",
        "time": "2018-04-05T17:31:00Z",
    }
    mapping = {"external_id": "id", "detected_at": "time", "title": "data.title", "service": "subject"}
    made = source(mapping=mapping, event="type", delivery="id")
    told = {"title": "Slow"}
    structured = incoming({**attributes, "subject": "é", "datacontenttype": "application/json", "data": told})
    binary = incoming(
        told, **{f"ce-{name}": value for name, value in attributes.items()}, ce_subject="%C3%A9"
    )
    for each in (structured, binary):
        seen, taken = Seen(), made.receive(each)
        seen.take(taken)
        found = seen.item("A234-1234-1234")
        assert (found["title"], found["service"], taken.event) == ("Slow", "é", attributes["type"])
        assert found["detected_at"] == dt.datetime(2018, 4, 5, 17, 31, tzinfo=dt.UTC)
        assert made.name_of(each) == "A234-1234-1234"
    assert {f"ce-{name}" for name in attributes} <= set(made.setup.kept_headers), "so that it can be replayed"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mapping": {"external_id": "a["}}, "JMESPath"),
        ({"mapping": {**MAPPING, "colour": "a"}}, "no field 'colour'"),
        ({"mapping": {"external_id": "a"}}, "detected_at"),
        ({"items": "]["}, "JMESPath"),
        ({"deleted": "]["}, "JMESPath"),
        (
            {"noun": "outages", "mapping": {"service": "a", "started_at": "b"}, "deleted": "c"},
            "needs external_id",
        ),
        ({"name": "a b/c"}, "letters"),
        ({"webhook_secret": "hunter2"}, "by reference"),
        ({"mapping": {**MAPPING, "title": "a." * 400 + "b"}}, "at most"),
    ],
)
def test_options_that_make_no_sense_are_a_sentence(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as raised:
        source(**options)
    assert words in str(raised.value)
    assert "hunter2" not in raised.value.errors()[0]["msg"]


BODY = b'{"a": 1}'


def digest(encoding: str) -> str:
    raw = hmac.new(b"k", BODY, hashlib.sha256).digest()
    return raw.hex() if encoding == "hex" else base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    ("options", "headers"),
    [
        ({}, {"authorization": "Bearer k"}),
        ({}, {"authorization": "k"}),
        ({"proof_header": "X-Token"}, {"x-token": "k"}),
        ({"proof": "hmac_sha256", "proof_header": "X-Sig"}, {"x-sig": digest("hex")}),
        (
            {"proof": "hmac_sha256", "proof_header": "X-Sig", "proof_prefix": "sha256="},
            {"x-sig": f"sha256={digest('hex')}"},
        ),
        ({"proof": "hmac_sha256_base64", "proof_header": "X-Sig"}, {"x-sig": digest("base64")}),
    ],
)
def test_each_kind_of_proof_is_accepted_and_its_lack_is_not(
    options: dict[str, str], headers: dict[str, str]
) -> None:
    made = source(**options)
    made.verify(Incoming(headers, BODY, NOON), "k")
    with pytest.raises(SignatureError):
        made.verify(
            Incoming(headers, BODY + b" ", NOON), "k" if "hmac" in options.get("proof", "") else "other"
        )
    with pytest.raises(SignatureError):
        made.verify(Incoming({}, BODY, NOON), "k")


def test_the_guess_from_a_sample_is_a_mapping_that_reads_it() -> None:
    sample = {
        "alerts": [
            {
                "id": "a1",
                "title": "Slow",
                "service": {"name": "checkout"},
                "severity": "high",
                "status": "resolved",
                "created_at": "2026-09-01T10:00:00Z",
                "resolved_at": "2026-09-01T10:30:00Z",
            }
        ],
        "version": "1",
    }
    options = propose(sample, Noun.INCIDENTS)
    assert options["items"] == "alerts"
    made = source(**options, event="")
    seen = Seen()
    seen.take(made.receive(incoming(sample)))
    found = seen.item("a1")
    assert (found["title"], found["service"], found["state"]) == ("Slow", "checkout", "resolved")


def test_what_stands_deep_in_a_message_is_guessed_by_the_last_of_its_names() -> None:
    sample = {
        "type": "incident.updated",
        "incident": {
            "ref": "P-77",
            "summary": "Refunds fail",
            "status": "resolved",
            "opened": "2026-11-20T10:00:00+01:00",
            "fixed": "2026-11-20T11:15:00+01:00",
            "service": {"name": "payments"},
        },
    }
    assert propose(sample, Noun.INCIDENTS)["mapping"] == {
        "external_id": "incident.ref",
        "title": "incident.summary",
        "service": "incident.service.name",
        "state": "incident.status",
        "detected_at": "incident.opened",
        "resolved_at": "incident.fixed",
    }


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({}, "say where in the body external_id, detected_at are"),
        ({"external_id": "id"}, "say where in the body detected_at is"),
        ({"external_id": "id", "detected_at": "a.[b"}, "'a.[b' is no JMESPath: Incomplete expression\n"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_what_of_the_body_is_needed(mapping, said) -> None:
    with pytest.raises(UserError) as caught:
        make_source("webhook", {"name": "n", "noun": "incidents", "mapping": mapping})
    assert said.rstrip("\n") in caught.value.what
    assert ":." not in str(caught.value)


def test_names_that_are_no_words_are_quoted_in_the_guess() -> None:
    sample = {"fields": {"created-at": "2026-09-01T10:00:00Z", "key": "A-1", "summary": "x"}}
    mapping = propose(sample, Noun.ISSUES)["mapping"]
    assert mapping["created_at"] == 'fields."created-at"'
    assert mapping["external_id"] == "fields.key"


@pytest.mark.parametrize("sample", ["", "{", "nonsense", "[" * 100_000, "x" * 2_000_000])
def test_a_sample_that_is_none_says_so(sample: str) -> None:
    with pytest.raises(UserError):
        parse(sample)


def test_the_check_says_that_nothing_can_be_asked() -> None:
    health = asyncio.run(source().check())
    assert health.status is Status.LIMITED
    assert [one.what for one in health.missing] == ["a way to ask", "webhook_secret"]


def test_a_delivery_is_named_by_its_place_or_its_content() -> None:
    assert source(delivery="incident.ref").name_of(incoming(PAGER)) == "INC-7"
    assert source().name_of(incoming(PAGER)) == incoming(PAGER).digest
    # A function of a value of another type finds nothing there.
    assert source(delivery="join('-', incident)").name_of(incoming(PAGER)) == incoming(PAGER).digest


@pytest.mark.parametrize(("said", "is_gone"), [("false", False), ("No", False), ("0", False), ("true", True)])
def test_truth_that_is_sent_as_text_is_understood(said: str, is_gone: bool) -> None:
    seen = Seen()
    seen.take(source().receive(incoming(PAGER)))
    seen.take(source(deleted="gone").receive(incoming({**PAGER, "gone": said})))
    assert (seen.shown("incidents") == []) is is_gone
