"""Representations: bounded, and without running a line of the application's."""

import collections
import dataclasses
import datetime
import decimal
import enum
import itertools
import json
import uuid

import pytest

from ktlo_instrument.clock import Clock
from ktlo_instrument.redaction import REDACTED, Redaction
from ktlo_instrument.representation import MOST_NANOSECONDS, MOST_NODES, Representation


def shown(given, *opened):
    found = Representation(Redaction(), opened).of(given)
    json.dumps(found)
    return found


class Trap:
    """Everything that Python calls by itself fails the test."""

    def __init__(self):
        object.__setattr__(self, "touched", [])

    def _trap(self, *given, **more):
        raise AssertionError("the application's code was run")

    __repr__ = __str__ = __len__ = __iter__ = __getattr__ = __bool__ = __eq__ = __hash__ = _trap
    __getitem__ = __contains__ = __format__ = __index__ = __bytes__ = __dir__ = __setattr__ = _trap

    @property
    def secret(self):
        self._trap()


class TrapMeta(type):
    def _trap(cls, *given):
        raise AssertionError("the application's metaclass was run")

    __repr__ = __eq__ = __instancecheck__ = __subclasscheck__ = __getattribute__ = _trap

    def __hash__(cls):
        raise AssertionError("the application's metaclass was run")


def test_built_in_values_are_shown():
    given = {"n": 1, "f": 1.5, "t": True, "x": None, "s": "text", "l": [1, (2, 3)], "b": b"abc", "c": 1j}
    assert shown(given) == {
        "n": 1, "f": 1.5, "t": True, "x": None, "s": "text", "l": [1, [2, 3]], "b": "<bytes of 3 bytes>", "c": "1j",
    }  # fmt: skip
    assert shown({1, 2}) == [1, 2]
    assert shown(float("nan")) == "nan"
    assert shown(float("inf")) == "inf"
    assert shown(datetime.date(2026, 11, 26)) == "2026-11-26"
    assert shown(decimal.Decimal("1.50")) == "1.50"
    assert shown(uuid.UUID(int=0)) == "00000000-0000-0000-0000-000000000000"


def test_no_code_of_the_application_is_run():
    trap = Trap()
    assert shown(trap).endswith("Trap>")
    assert shown([trap, {"k": trap}])[1]["k"].endswith("Trap>")
    kind = TrapMeta("Kind", (), {})
    assert isinstance(shown(kind), str)
    assert shown(type.__call__(kind)).endswith("Kind>")


def test_keys_with_their_own_hash_are_not_looked_up():
    class Key:
        armed = False

        def __hash__(self):
            assert not Key.armed
            return hash("name")

        def __eq__(self, other):
            assert not Key.armed
            return False

        def __repr__(self):
            raise AssertionError

    given = {Key(): 1, "name": 2}
    Key.armed = True
    found = shown(given)
    assert found["name"] == 2
    assert [value for key, value in found.items() if key.endswith("Key>")] == [1]


def test_subclasses_of_built_in_types_are_not_opened():
    class Loud(dict):
        def items(self):
            raise AssertionError

    class Text(str):
        __slots__ = ()

        def __str__(self):
            raise AssertionError

    assert shown(Loud(a=1)).endswith("Loud>")
    assert shown(Text("x")).endswith("Text>")
    assert shown(collections.OrderedDict(a=1)) == "<collections.OrderedDict>"


def test_what_recurses_blocks_or_is_huge_is_cut():
    ring = []
    ring.append(ring)
    assert shown(ring) == ["<itself>"]
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert "<list of 1>" in json.dumps(shown(deep))
    wide = shown(list(range(1_000_000)))
    assert wide[:2] == [0, 1]
    assert wide[-1] == "… 999980 more"
    assert len(json.dumps(shown([["x" * 10_000] * 100] * 100))) < 60_000
    assert shown("x" * 10_000_000).endswith("(10000000 characters)")
    assert shown(1 << 10_000_000) == "<int of 10000001 bits>"
    assert shown(b"x" * 10) == "<bytes of 10 bytes>"


class Counting(Redaction):
    """Counts the texts that are looked at."""

    texts = 0

    def text(self, given):
        self.texts += 1
        return super().text(given)


def test_of_many_texts_as_many_are_looked_at_as_values_are_shown(monkeypatch):
    monkeypatch.setattr(Clock, "nanoseconds", staticmethod(lambda: 0))  # The other limit is of time.
    redaction = Counting()
    given = {str(n): {str(m): ["x@y.zz" * 600] * 20 for m in range(20)} for n in range(20)}
    Representation(redaction).of(given)
    assert 0 < redaction.texts <= MOST_NODES


def test_values_of_secret_names_are_never_looked_at():
    class Bomb:
        def __class_getitem__(cls, item):
            raise AssertionError

    found = Representation(Redaction()).of_named(
        {"password": Bomb(), "n": 1, "headers": {"Authorization": "x", "a": 1}}
    )
    assert found == {"password": REDACTED, "n": 1, "headers": {"Authorization": REDACTED, "a": 1}}


def test_secrets_under_innocent_names_are_taken_out():
    found = Representation(Redaction()).of_named(
        {"note": "card 4111111111111111", "n": 4111111111111111, "u": ["Bearer abcdefgh1234"]}
    )
    assert found == {"note": f"card {REDACTED}", "n": REDACTED, "u": [REDACTED]}


def test_enumerations_show_their_member():
    class Colour(enum.Enum):
        RED = 1

    assert shown(Colour.RED).endswith("Colour.RED")


@dataclasses.dataclass
class Order:
    number: int
    password: str

    @property
    def total(self):
        raise AssertionError


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self):
        self.a = 1

    def __getattribute__(self, name):
        raise AssertionError


def test_classes_are_opened_only_when_they_were_opted_in():
    assert shown(Order(1, "x")).endswith("Order>")
    name = f"{Order.__module__}.Order"
    assert shown(Order(1, "x"), name) == {"": f"<{name}>", "number": 1, "password": REDACTED}
    name = f"{Slotted.__module__}.Slotted"
    assert shown(Slotted(), name) == {"": f"<{name}>", "a": 1}


def test_arrays_show_their_shape_only_when_they_are_the_real_ones():
    numpy = pytest.importorskip("numpy")
    assert shown(numpy.zeros((2, 3))) == "<numpy.ndarray of shape (2, 3)>"
    fake = type("ndarray", (), {"__module__": "numpy", "shape": property(lambda self: 1 / 0)})
    assert shown(fake()) == "<numpy.ndarray>"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ([("Cookie", "a=1"), ("Accept", "b")], [["Cookie", REDACTED], ["Accept", "b"]]),
        (["login", "--password", "hunter2", "-v"], ["login", "--password", REDACTED, "-v"]),
        ({b"authorization": "hunter2"}, {"<bytes of 13 bytes>": REDACTED}),
        ([4111111111111111.0, -4111111111111111, 1.5], [REDACTED, REDACTED, 1.5]),
        (("token", [1]), ["token", REDACTED]),
        (["a token", "of", "love"], ["a token", "of", "love"]),
    ],
)
def test_secrets_in_headers_options_and_numbers_are_taken_out(given, shown):
    assert Representation(Redaction()).of(given) == shown


def test_when_its_time_is_over_no_text_is_looked_at_any_more(monkeypatch):
    each = 100_000  # nanoseconds from one look at the clock to the next
    times = itertools.count(0, each)
    monkeypatch.setattr(Clock, "nanoseconds", staticmethod(lambda: next(times)))
    redaction = Counting()
    shown = Representation(redaction).of([["1 " * 2048] * 20] * 10)
    assert 0 < redaction.texts <= MOST_NANOSECONDS // each
    assert "<cut: too much>" in shown[0]
    assert shown[-1] == "<cut: too much>"
