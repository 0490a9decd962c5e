"""Stacks as text in the form of the agent's language, as an OpenTelemetry SDK would have told them.

So an exception is the same text, and gets the same group, whoever reports it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ktlo.receivers.elastic.events import Exceptional, Frame

_DEEPEST = 20
"""Causes of an exception that are followed."""
_OWN = frozenset(("builtins", "__builtin__", "exceptions"))


def text_of(frames: Sequence[Frame], language: str) -> str:
    """Frames, one or two lines each, in the order in which they came."""
    return "\n".join(
        _python_frame(frame) if language == "python" else _frame(frame, language) for frame in frames
    )


def type_of(exception: Exceptional) -> str:
    """An exception's type with its module, as ``exception.type`` has it: ``requests.exceptions.HTTPError``."""
    name, module = exception.type or "", exception.module or ""
    if not module or module in _OWN or name.startswith(f"{module}."):
        return name
    return f"{module}.{name}" if name else module


def message_of(exception: Exceptional) -> str:
    """An exception's message, without its type that some agents write before it."""
    message, name = exception.message or "", exception.type or ""
    return message.removeprefix(f"{name}: ") if name else message


def stack_of(exception: Exceptional, language: str) -> str:
    """An exception with its frames and causes, the way its language prints it; empty when it has no frames."""
    if not exception.stacktrace and not exception.cause:
        return ""
    chain, following = [exception], exception.cause
    while following and len(chain) < _DEEPEST:
        chain.append(following[0])
        following = following[0].cause
    if language == "python":
        told = "\n\nThe above exception was the direct cause of the following exception:\n\n"
        return told.join(_python(one) for one in reversed(chain))
    texts = []
    for one in chain:
        head = f"{type_of(one)}: {message_of(one)}".strip(": ")
        texts.append("\n".join((head, text_of(one.stacktrace or (), language))).rstrip())
    return "\nCaused by: ".join(texts)


def _python(exception: Exceptional) -> str:
    lines = ["Traceback (most recent call last):"] if exception.stacktrace else []
    if exception.stacktrace:
        lines.append(text_of(exception.stacktrace, "python"))
    lines.append(f"{type_of(exception)}: {message_of(exception)}".removesuffix(": "))
    return "\n".join(lines)


def _python_frame(frame: Frame) -> str:
    file = frame.abs_path or frame.filename or frame.module or "?"
    line = f'  File "{file}", line {frame.lineno or 0}, in {frame.function or "?"}'
    return f"{line}\n    {frame.context_line.strip()}" if frame.context_line else line


def _frame(frame: Frame, language: str) -> str:
    file = frame.filename or frame.abs_path or "?"
    if language == "nodejs":
        file = frame.abs_path or file
    place = file if frame.lineno is None else f"{file}:{frame.lineno}"
    if frame.colno is not None:
        place = f"{place}:{frame.colno}"
    owner = frame.classname or (frame.module if language == "java" else None)
    function = frame.function or "<anonymous>"
    indent = "\tat " if language == "java" else "    at "
    return f"{indent}{owner}.{function}({place})" if owner else f"{indent}{function} ({place})"
