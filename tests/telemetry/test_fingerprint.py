"""What makes two errors one: stacks of real languages beside the frames that are kept of them (folder ``stacks``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ktlo.store.streams import fingerprint

STACKS = Path(__file__).with_name("stacks")

ASK = f"""
WITH {fingerprint.marked_frames("{stack:String}")} AS marked, {fingerprint.frames("marked")} AS frames,
  {fingerprint.basis("marked", "{exception:UInt8}")} AS basis
SELECT frames, basis, {
    fingerprint.fingerprint(
        basis="basis", service="{service:String}", operation="{operation:String}", kind="{type:String}",
        frames="frames", message="{message:String}",
    )
} AS fingerprint"""  # fmt: skip


def judged(store: Any, stack: str, **said: Any) -> dict[str, Any]:
    given = {"service": "web", "operation": "GET /", "type": "E", "message": "", "exception": 1, **said}
    (row,) = store.query(ASK, {"stack": stack, **given}).to_pylist()
    return dict(row)


def read(name: str) -> tuple[str, str]:
    stack, _, wanted = (STACKS / f"{name}.txt").read_text().partition("====\n")
    return stack, wanted


NAMES = sorted(file.stem for file in STACKS.glob("*.txt"))


@pytest.mark.parametrize("name", NAMES)
def test_of_a_stack_the_frames_that_count_are_kept(store, name):
    stack, wanted = read(name)
    made = judged(store, stack)
    assert "\n".join([made["basis"], *made["frames"]]) + "\n" == wanted


@pytest.mark.parametrize("name", NAMES)
def test_line_numbers_addresses_and_build_numbers_change_nothing(store, name):
    stack, _ = read(name)
    later = stack.translate(str.maketrans("0123456789", "3456789012"))
    assert judged(store, later)["frames"] == judged(store, stack)["frames"]
    assert (
        judged(store, later, message=later)["fingerprint"]
        == judged(store, stack, message=stack)["fingerprint"]
    )


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stack=st.text(max_size=300), name=st.sampled_from(NAMES), shift=st.integers(1, 9))
def test_whatever_stands_in_a_stack_any_digit_is_as_good_as_any_other(store, stack, name, shift):
    both = read(name)[0] + stack.replace("\0", "")
    digits = "0123456789"
    other = both.translate(str.maketrans(digits, digits[shift:] + digits[:shift]))
    assert (
        judged(store, both, message=both)["fingerprint"] == judged(store, other, message=other)["fingerprint"]
    )


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("requests.exceptions.HTTPError", "HTTPError", True),
        ("java.net.SocketTimeoutException", "SocketTimeoutException", True),
        ("System.Net.Http.HttpRequestException", "HttpRequestException", True),
        ("ActiveRecord::RecordNotFound", "RecordNotFound", True),
        ("App\\Exceptions\\Closed", "Closed", True),
        ("HTTPError", "URLError", False),
        ("requests.exceptions.HTTPError", "requests.exceptions.URLError", False),
        ("500", "Error", False),
    ],
)
def test_a_type_told_with_its_module_and_without_is_one(store, one, other, are_one):
    stack, _ = read("python")
    both = {judged(store, stack, type=each)["fingerprint"] for each in (one, other)}
    assert len(both) == (1 if are_one else 2)


def test_own_frames_are_one_error_in_every_service_and_library_frames_in_one(store):
    own, library = read("python")[0], read("python-library-only")[0]
    assert judged(store, own)["fingerprint"] == judged(store, own, service="pay")["fingerprint"]
    assert judged(store, library)["fingerprint"] != judged(store, library, service="pay")["fingerprint"]


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("order 17 is closed", "order 4711 is closed", True),
        ('user "ann" is unknown', 'user "bob" is unknown', True),
        ("no host 10.0.0.7:5432", "no host 10.9.0.12:5432", True),
        ("id 7b2f41aa-0c1d-4e6f-9a8b-000000000001", "id 0b2f41aa-1c1d-4e6f-9a8b-000000000002", True),
        ("order is closed", "order is paid", False),
    ],
)
def test_without_frames_the_message_stands_in_with_its_variable_parts_masked(store, one, other, are_one):
    first, second = (judged(store, "", message=said)["fingerprint"] for said in (one, other))
    assert (first == second) is are_one


def test_type_and_operation_tell_errors_apart_where_they_count(store):
    stack = read("java")[0]
    assert judged(store, stack)["fingerprint"] != judged(store, stack, type="F")["fingerprint"]
    assert judged(store, stack)["fingerprint"] == judged(store, stack, operation="POST /")["fingerprint"]
    failed = judged(store, "", exception=0, message="HTTP 503")
    assert failed["basis"] == "operation"
    assert (
        failed["fingerprint"]
        != judged(store, "", exception=0, message="HTTP 503", operation="x")["fingerprint"]
    )


def test_an_identifier_says_which_rules_made_it(store):
    made = judged(store, read("go")[0])["fingerprint"]
    version, _, digits = made.partition("-")
    assert (version, len(digits)) == (str(fingerprint.VERSION), 16)


def test_a_huge_stack_is_read_in_part_and_in_time(store):
    stack = read("java")[0] + "\tat com.acme.shop.Deep.dive(Deep.java:1)\n" * 100_000
    assert len(judged(store, stack)["frames"]) <= fingerprint.MOST_FRAMES
