"""Sources that come, go and change while ktlo runs: left-overs, duplicates, reading at once."""

from __future__ import annotations

from typing import Any

import pytest

from ktlo.errors import NotFoundError
from ktlo.server.freshness import removed_states, rows_by_source
from ktlo.server.places import place_of
from ktlo.server.runtime import AlreadyReadError, Records
from ktlo.sources.registry import make_source


def test_records_of_a_source_removed_before_are_listed_and_can_still_be_forgotten(house, runtime, house_copy):
    options = {"path": str(house_copy / "shop"), "name": "acme/gone"}
    assert house.post("/api/v1/sources", json={"kind": "git", "options": options}).status_code == 201
    collecting = house.app.state.collecting
    collecting.start(("git:acme/gone",))
    collecting.wait(60)

    def remove(records: str) -> Any:
        return house.ask("DELETE", "/api/v1/sources", params={"source": "git:acme/gone", "records": records})

    assert remove("keep").status_code == 204
    listed = {one["source_id"]: one for one in house.get("/api/v1/sources").json()}["git:acme/gone"]
    assert (listed["status"], listed["origin"], listed["rows"]["commits"]) == ("removed", "removed", 2)
    assert "--forget" in remove("keep").json()["fix"]
    assert remove("forget").status_code == 204
    assert "git:acme/gone" not in rows_by_source(runtime.store)
    assert "git:acme/gone" not in [state.source_id for state in removed_states(runtime)]
    with pytest.raises(NotFoundError, match="there is no source"):
        runtime.remove_source("git:acme/gone", Records.FORGET)


def test_a_folder_is_not_read_twice_under_two_names(runtime, house_copy, tmp_path):
    runtime.add_source("git", {"path": str(house_copy / "shop"), "name": "acme/one"})
    link = tmp_path / "link"
    link.symlink_to(house_copy / "shop")
    for same in (house_copy / "shop", house_copy / "shop" / ".git", link):
        with pytest.raises(AlreadyReadError, match="git:acme/one already reads this"):
            runtime.add_source("git", {"path": str(same), "name": "acme/two"})
    runtime.add_source("git", {"path": str(house_copy / "shop"), "name": "acme/one", "refs": "all"})
    runtime.remove_source("git:acme/one")


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (
            "git",
            {"path": "https://git.example/acme/shop"},
            {"path": "git@git.example:acme/shop.git", "name": "x"},
        ),
        ("git", {"path": "https://GIT.example/acme/shop.git"}, {"path": "ssh://u@git.example/acme/shop/"}),
        ("github", {"repository": "acme/shop"}, {"repository": "https://github.com/Acme/Shop"}),
    ],
)
def test_spellings_of_one_place_are_the_same_place(kind, one, other):
    assert place_of(make_source(kind, one), one) == place_of(make_source(kind, other), other)


def test_repositories_of_one_name_on_two_hosts_are_two_places():
    one, other = {"path": "https://a.example/acme/shop"}, {"path": "https://b.example/acme/shop"}
    assert place_of(make_source("git", one), one) != place_of(make_source("git", other), other)


def test_a_server_reads_a_new_source_at_once_and_a_command_in_its_own_process_does_not(house, house_copy):
    options = {"path": str(house_copy / "shop"), "name": "acme/at-once"}
    sent = {"kind": "git", "options": options}
    assert house.post("/api/v1/sources", json=sent).json()["is_being_read"] is False
    collecting = house.app.state.collecting
    collecting.schedule(60)
    collecting.wait(60)
    assert house.post("/api/v1/sources", json=sent).json()["is_being_read"] is True
    assert "git:acme/at-once" in [step.name for step in collecting.wait(60).steps]


def test_the_settings_file_is_told_only_to_who_may_ask(house, guarded):
    assert house.get("/api/v1/settings").json() == {"file": "", "problem": ""}
    assert guarded.get("/api/v1/settings").status_code == 401
