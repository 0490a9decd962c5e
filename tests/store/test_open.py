"""Which backend settings choose, and what is said when they are wrong."""

from __future__ import annotations

import pytest

from ktlo.errors import StoreError, UserError
from ktlo.settings import Settings, StoreSettings
from ktlo.store.clickhouse import ClickHouseStore
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.open import open_state, open_store


def test_without_an_address_the_folder_is_used(tmp_path):
    store = open_store(Settings(), tmp_path)
    try:
        assert isinstance(store, EmbeddedStore)
    finally:
        store.close()


def test_an_address_means_a_server_and_an_unreachable_one_is_named(tmp_path):
    settings = Settings(store=StoreSettings(url="http://reader@127.0.0.1:1/ktlo"))
    with pytest.raises(StoreError, match=r"http://127\.0\.0\.1:1: the ClickHouse server cannot be reached"):
        open_store(settings, tmp_path)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("localhost:8123", "no address"),
        ("tcp://localhost:9000", "no address"),
        ("https://", "no address"),
        ("https://host/my-database", "no name of a database"),
        ("https://host/ktlo;DROP", "no name of a database"),
    ],
)
def test_what_is_no_address_is_told(url, says):
    with pytest.raises(UserError, match=says):
        ClickHouseStore(url)


def test_a_password_in_the_address_is_refused_and_not_repeated():
    with pytest.raises(UserError, match="KTLO_STORE_PASSWORD") as refused:
        ClickHouseStore("https://me:hunter2@host/ktlo")
    assert "hunter2" not in str(refused.value)


def test_a_cluster_has_a_name_and_not_a_statement():
    with pytest.raises(UserError, match="no name of a cluster"):
        ClickHouseStore("https://host/ktlo", cluster="a` ENGINE = Memory")


def test_the_state_is_in_the_folder_unless_settings_say_otherwise(tmp_path):
    open_state(Settings(), tmp_path / "one").close()
    assert (tmp_path / "one" / "state.sqlite").exists()
    elsewhere = Settings(store=StoreSettings(state=f"sqlite:///{tmp_path}/elsewhere.sqlite"))
    open_state(elsewhere, tmp_path / "two").close()
    assert (tmp_path / "elsewhere.sqlite").exists()
    assert not (tmp_path / "two").exists()
