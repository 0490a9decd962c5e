"""Loads ``vocabulary.toml``: what tools call columns and states. Read by ``fields``, ``matching``, ``states``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any


def _load() -> dict[str, Any]:
    return tomllib.loads(resources.files("ktlo.sources.csv").joinpath("vocabulary.toml").read_text("utf-8"))


_ALL = _load()


def words_of(section: str) -> Mapping[str, tuple[str, ...]]:
    """Words by what they mean, of one section; raises KeyError when there is no such section."""
    return {meaning: tuple(words) for meaning, words in _ALL[section].items()}


def described(kind: str) -> Mapping[str, Mapping[str, Any]]:
    """Fields of a noun (or ``event``) by name, with ``reading``, ``required`` and ``names`` spelt out."""
    return {
        name: {**said, "names": tuple(word for names in said["names"] for word in _spelt_out(names))}
        for name, said in _ALL["fields"][kind].items()
    }


def _spelt_out(word: str) -> list[str]:
    """A word, or the shared list it stands for."""
    return list(_ALL["shared"][word[1:]]) if word.startswith("@") else [word]
