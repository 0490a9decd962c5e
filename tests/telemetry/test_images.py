"""What the name of an image says, and the deployments that follow from images. Minutes are from any origin."""

from __future__ import annotations

import numpy as np
import pytest

from ktlo.telemetry.images import (
    Image,
    are_comparable,
    commit_of,
    image_arrivals,
    read_image,
    short,
    short_image,
    together,
)
from ktlo.telemetry.rollouts import Outcome, rollouts

OLD, NEW = "sha256:" + "a1" * 32, "sha256:" + "b2" * 32


def minutes(*stretches: tuple[int, int]):
    return np.concatenate([np.arange(first, after, dtype=np.int64) for first, after in stretches])


def told(found):
    return [
        (
            one.rollout.version,
            one.rollout.previous,
            one.rollout.started,
            str(one.rollout.outcome),
            one.named_by,
        )
        for one in found
    ]


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("acme/pay:1.4.2", Image("pay", "1.4.2", "")),
        ("registry.example:5000/acme/Pay:1.4,1.4.2,latest", Image("pay", "1.4.2", "")),
        (f"acme/pay:1.4.2@{OLD}", Image("pay", "1.4.2", OLD)),
        (f"acme/pay:latest@{OLD}", Image("pay", OLD, OLD)),
        (f"acme/pay:main@{OLD}", Image("pay", OLD, OLD)),
        ("acme/pay:main", Image("pay", "main", "")),
        ("acme/pay:latest", Image("pay", "", "")),
        ("registry.example:5000/pay", Image("pay", "", "")),
        (f"@{OLD}", Image("", OLD, OLD)),
        (":abcdefa", Image("", "abcdefa", "")),
    ],
)
def test_a_tag_names_a_version_and_where_it_moves_the_digest_does(text, image):
    assert read_image(text) == image


@pytest.mark.parametrize(
    ("tag", "commit"),
    [
        ("sha-9f8e7d6", "9f8e7d6"),
        ("main-9f8e7d6-1700000000", "9f8e7d6"),
        ("9F8E7D6" + "0" * 33, "9f8e7d6" + "0" * 33),
        ("20241126", ""),
        ("v1.4.2", ""),
    ],
)
def test_a_commit_stands_in_a_tag_as_a_word_of_its_own(tag, commit):
    assert commit_of(tag) == commit


@pytest.mark.parametrize(
    ("one", "other", "comparable"),
    [
        ("1.4.2", "v1.4.3", True),
        ("1.4", "v1.4.3", True),
        ("sha-9f8e7d6", "a" * 39 + "0", True),
        (OLD, NEW, True),
        ("4711", "a" * 39 + "0", False),
        ("4711", "v1.4.3", False),
        (OLD, "1.4.3", False),
        ("1.4.2", "main", False),
    ],
)
def test_names_of_different_kinds_say_nothing_of_each_other(one, other, comparable):
    assert are_comparable(one, other) is comparable


def test_a_rolling_update_is_one_deployment_and_a_restart_is_none():
    assert told(image_arrivals({":1.1": minutes((0, 70)), ":1.2": minutes((60, 200))})) == [
        ("1.2", "1.1", 60, Outcome.COMPLETE, "image")
    ]
    assert image_arrivals({":1.1": minutes((0, 70), (90, 200))}) == []


def test_going_back_to_an_older_image_is_a_deployment_and_a_rollback():
    found = image_arrivals({":1.1": minutes((0, 60), (120, 200)), ":1.2": minutes((60, 120))})
    assert [(one.rollout.version, one.rollout.is_rollback) for one in found] == [
        ("1.2", False),
        ("1.1", True),
    ]


def test_latest_is_no_version_and_its_digest_is():
    assert told(
        image_arrivals({f"pay:latest@{OLD}": minutes((0, 60)), f"pay:latest@{NEW}": minutes((60, 200))})
    ) == [(NEW, OLD, 60, Outcome.COMPLETE, "image")]
    assert image_arrivals({"pay:latest": minutes((0, 60)), "pay": minutes((60, 200))}) == []


def test_one_image_that_is_reported_in_two_ways_is_one():
    same = {
        f"pay:1.1@{OLD}": minutes((0, 60)),
        f"pay@{OLD}": minutes((60, 120)),
        "pay:1.1": minutes((120, 200)),
    }
    assert image_arrivals(same) == []


def test_images_of_two_names_are_followed_alone_and_what_changes_together_is_one():
    web_alone = {
        f"web@{OLD}": minutes((0, 60)), f"web@{NEW}": minutes((60, 200)), f"worker@{OLD}": minutes((0, 200)),
    }  # fmt: skip
    assert told(image_arrivals(web_alone)) == [(NEW, OLD, 60, Outcome.COMPLETE, "image")]
    both = {
        f"web@{OLD}": minutes((0, 60)), f"web@{NEW}": minutes((60, 400)),
        f"worker@{NEW}": minutes((0, 62)), f"worker@{OLD}": minutes((62, 400)),
    }  # fmt: skip
    assert len(image_arrivals(both)) == 1
    later = {
        "web:1.1": minutes((0, 60)), "web:1.2": minutes((60, 400)),
        "worker:1.1": minutes((0, 180)), "worker:1.2": minutes((180, 400)),
    }  # fmt: skip
    assert told(image_arrivals(later)) == [("1.2", "1.1", 60, Outcome.COMPLETE, "image")]


def test_what_changes_by_version_and_image_is_one_and_either_alone_is_one_too():
    versions = rollouts({"1.1": minutes((0, 60)), "1.2": minutes((60, 500))})
    images = image_arrivals(
        {"pay:71": minutes((0, 60)), "pay:72": minutes((60, 300)), "pay:73": minutes((300, 500))}
    )
    found = together(versions, images)
    assert told(found) == [
        ("1.2", "1.1", 60, Outcome.COMPLETE, "service.version"),
        ("73", "72", 300, Outcome.COMPLETE, "image"),
    ]
    assert [one.image for one in found] == ["pay:72", "pay:73"]


def test_long_names_are_cut_for_people():
    assert short(OLD) == "sha256:a1a1a1a1a1a1"
    assert short("a" * 40) == "a" * 12
    assert short("1.4.2") == "1.4.2"
    assert short_image(f"registry.example/acme/pay:latest@{OLD}") == "pay:latest@sha256:a1a1a1a1a1a1"
    assert short_image(f"acme/pay:1.4.2@{OLD}") == "pay:1.4.2"
    assert short_image(f"@{OLD}") == "@sha256:a1a1a1a1a1a1"
