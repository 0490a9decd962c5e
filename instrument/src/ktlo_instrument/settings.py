"""What is said about instrumentation: defaults, then `pyproject.toml` or `ktlo-instrument.toml`, then the environment.

The server may change the rules while the application runs (`rules.py`). Anything that cannot be understood
is told once on standard error and left at its default: a typing error must not stop an application.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "ktlo-instrument.toml"
PREFIX = "KTLO_INSTRUMENT_"
ENDPOINT = "http://127.0.0.1:4318"


@dataclass(frozen=True)
class Settings:
    """Everything one may say.

    Attributes:
        endpoint: of OTLP/HTTP, without `/v1/metrics`.
        rules: of the ktlo server, whose rules are followed; empty follows none.
        key: ingest key.
        packages: patterns of modules (`shop`, `shop.*`); empty takes the application's own code.
        exclude: patterns of modules or functions that are left alone.
        interval: seconds between two folds.
        detail: whether single calls are told.
        quiet: patterns of functions whose single calls are never told.
        sample: one call in so many is told; 0 tells none.
        slow_quantile: of a function's own history, above which a call is slow…
        slow_factor: …when it takes this many times as long…
        slow_floor_ms: …and at least so many milliseconds.
        details_per_second: calls told per second, all functions together.
        redact: names (regular expressions) whose values are never shown, besides those built in.
        redact_emails: whether e-mail addresses are taken out.
        open_types: fully qualified names of dataclasses, attrs or slots classes that may be opened.
        functions: ceiling of functions counted apart.
        cache: whether compiled code is kept beside Python's own cache.
        frameworks: whether routes are read from Flask, Starlette and Django.
        tracing: whether requests are traced with the OpenTelemetry SDK when it is installed.
        engine: `c`, `python` or empty.
        coverage: whether it is told which functions and lines never ran.
        coverage_interval: seconds between two reports of that, at least.
    """

    endpoint: str = ENDPOINT
    rules: str = ""
    key: str = dataclasses.field(default="", repr=False)
    packages: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    interval: float = 10.0
    detail: bool = True
    quiet: tuple[str, ...] = ()
    sample: int = 10_000
    slow_quantile: float = 0.99
    slow_factor: float = 2.0
    slow_floor_ms: float = 1.0
    details_per_second: int = 20
    redact: tuple[str, ...] = ()
    redact_emails: bool = True
    open_types: tuple[str, ...] = ()
    functions: int = 20_000
    cache: bool = True
    frameworks: bool = True
    tracing: bool = True
    engine: str = ""
    coverage: bool = True
    coverage_interval: float = 300.0


def changed(base: Settings, said: Mapping[str, Any], where: str) -> Settings:
    """With what is said in a file, the environment or by the server; wrong values are told and left out."""
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    new: dict[str, Any] = {}
    for name, value in said.items():
        if name not in fields:
            complain(f"{where}: there is no setting {name!r}; there are {', '.join(sorted(fields))}")
            continue
        try:
            new[name] = _as(getattr(Settings(), name), value)
        except (TypeError, ValueError):
            complain(f"{where}: {name} cannot be {value!r}; it stays {getattr(base, name)!r}")
    return dataclasses.replace(base, **new)


def _as(example: Any, value: Any) -> Any:
    """The value in the type of the example.

    Raises:
        ValueError: it cannot be read as that.
    """
    if isinstance(example, tuple):
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
            return tuple(value)
        raise ValueError(value)
    if isinstance(example, bool):
        if isinstance(value, bool):
            return value
        words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False}
        words.update(no=False, off=False)
        if str(value).lower() not in words:
            raise ValueError(value)
        return words[str(value).lower()]
    if isinstance(example, str):
        if not isinstance(value, str):
            raise ValueError(value)
        return value
    number = type(example)(value)
    if not 0 <= number < 1e12:
        raise ValueError(value)
    return number


def read(folder: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings of this process."""
    given = os.environ if environment is None else environment
    settings = Settings()
    standard = given.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if standard:
        settings = dataclasses.replace(settings, endpoint=standard)
    for part in given.get("OTEL_EXPORTER_OTLP_HEADERS", "").split(","):
        name, _, value = part.partition("=")
        if name.strip().lower() == "authorization" and value.strip()[:7].lower() in ("bearer ", "bearer%"):
            settings = dataclasses.replace(settings, key=value.strip()[6:].replace("%20", " ").strip())
    place = folder or Path.cwd()
    for path, keys in ((place / "pyproject.toml", ("tool", "ktlo-instrument")), (place / FILE, ())):
        said: Any = _file(path)
        for key in keys:
            said = said.get(key, {}) if isinstance(said, dict) else {}
        if isinstance(said, dict):
            settings = changed(settings, said, path.name)
    named = {
        name[len(PREFIX) :].lower(): value
        for name, value in given.items()
        if name.startswith(PREFIX) and name[len(PREFIX) :] not in ("NO_C", "ACTIVE")
    }
    return changed(settings, named, "environment")


def _file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib
        return dict(tomllib.loads(path.read_text("utf-8")))
    except ImportError:
        complain(f"{path.name} is not read: Python before 3.11 needs the package tomli for it")
    except (OSError, ValueError) as problem:
        complain(f"{path.name} is not read: {problem}")
    return {}


_complained: dict[str, None] = {}


def complain(sentence: str) -> None:
    """Tell the person who starts the application, once."""
    if sentence in _complained or len(_complained) > 100:
        return
    _complained[sentence] = None
    try:
        sys.stderr.write(f"ktlo-instrument: {sentence}\n")
    except (OSError, ValueError, AttributeError):
        pass
