"""No reader ever raises anything but the sentence for people, whatever the bytes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ktlo.guard.lockfiles.protocol import Format, Limits, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.registry import FORMATS, format_of
from ktlo.guard.lockfiles.tree import Tree

from .conftest import cases

LIMITS = Limits(values=5_000, dependencies=500)


def attempt(form: Format, data: bytes, root: Path) -> Reading | None:
    try:
        return form.read(LockFile(PurePosixPath("lock"), data, Tree(root, LIMITS), LIMITS))
    except UnreadableError:
        return None


@pytest.mark.parametrize(
    "form", FORMATS, ids=lambda form: f"{form.name}{form.within and ' in ' + form.within}"
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_arbitrary_bytes_are_read_or_refused(form: Format, data: bytes, tmp_path: Path) -> None:
    attempt(form, data, tmp_path)


SAMPLES = [
    (form, content)
    for case in cases()
    for name, content in case.files.items()
    if (form := format_of(PurePosixPath(name).name, PurePosixPath(name).parent.as_posix())) is not None
]
SCRAPS = [
    "",
    "\n",
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    ":",
    ",",
    "=",
    "@",
    "/",
    "..",
    "#",
    "null",
    "-1",
    "\x00",
    "é",
    "(",
    ")",
]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sample=st.sampled_from(SAMPLES),
    cuts=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(SCRAPS)), min_size=1, max_size=4
    ),
)
def test_a_real_file_with_pieces_replaced_is_read_or_refused(
    sample: tuple[Format, str], cuts: list[tuple[float, int, str]], tmp_path: Path
) -> None:
    form, text = sample
    for where, length, scrap in cuts:
        at = int(where * len(text))
        text = text[:at] + scrap + text[at + length :]
    attempt(form, text.encode("utf-8", "surrogatepass"), tmp_path)
