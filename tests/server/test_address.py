"""A command finds the server of its data folder, and is not fooled by what an old one left behind."""

from __future__ import annotations

import os

from ktlo.server.address import Address, announce, find


def test_a_server_that_has_the_store_open_is_found(runtime):
    here = Address("http://127.0.0.1:5856", "", os.getpid())
    announce(runtime.folder, here)
    assert find(runtime.folder) == here


def test_a_process_number_that_now_belongs_to_another_program_is_no_server(tmp_path):
    (tmp_path / "ktlo.lock").write_text(str(os.getpid()))
    announce(tmp_path, Address("http://127.0.0.1:5856", "", os.getpid()))
    assert find(tmp_path) is None


def test_a_file_that_makes_no_sense_is_no_server(tmp_path):
    (tmp_path / "server.json").write_text("[")
    assert find(tmp_path) is None
