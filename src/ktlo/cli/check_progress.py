"""The progress line of ``ktlo check``: which checks still run. On standard error, and only on a terminal."""

from __future__ import annotations

from typing import TextIO


class Progress:
    """One line that is written over and gone before the report.

    Args:
        stream: where to; nothing is written when it is no terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shows = stream.isatty()
        self._running: list[str] = []
        self._ended = 0

    def told(self, name: str, is_done: bool) -> None:
        """A check began or ended."""
        if is_done:
            self._ended += 1
            self._running = [one for one in self._running if one != name]
        else:
            self._running.append(name)
        if self._shows:
            waiting = ", ".join(self._running)
            line = f"checking: {waiting}" if waiting else "checking"
            self._stream.write(f"\r\x1b[K{self._ended}/{self._ended + len(self._running)} {line}"[:118])
            self._stream.flush()

    def clear(self) -> None:
        """Leave an empty line behind."""
        if self._shows and (self._running or self._ended):
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._running, self._ended = [], 0
