"""A site that counts nothing, for functions of an instrumented module that were left out."""

from __future__ import annotations

from typing import Any


class Uncounted:
    """Answers as a site and as an activation, and does nothing."""

    __slots__ = ()

    def __reduce__(self) -> str:
        return "UNCOUNTED"

    def enter(self) -> None:
        """Nothing."""

    def fail(self, entry: None = None) -> None:
        """Nothing, as a site's with what its entry gave, as an activation's without."""

    exit = fail

    def begin(self) -> Uncounted:
        """Itself."""
        return self

    def off(self, value: Any) -> Any:
        """The value."""
        return value

    on = watch = relay = each = within = off

    def hide(self, names: Any) -> Any:
        """Without our variables."""
        from ktlo_instrument.pure import hide

        return hide(names)


UNCOUNTED = Uncounted()
