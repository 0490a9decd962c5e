"""The routes of Flask, Starlette (FastAPI) and Django become the current kind of request.

A framework's own function is wrapped after its module was imported; a framework that changed is left alone.
"""

from __future__ import annotations

import functools
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from ktlo_instrument.requests import named


def _flask(module: ModuleType) -> None:
    kind: Any = module.__dict__["Flask"]
    original = kind.dispatch_request
    request = module.__dict__["request"]._get_current_object

    @functools.wraps(original)
    def dispatch_request(self: Any, *given: Any, **more: Any) -> Any:
        try:
            rule = request().url_rule
            named(rule.rule if rule is not None else "")
        except Exception:
            pass
        return original(self, *given, **more)

    kind.dispatch_request = dispatch_request


def _starlette(module: ModuleType) -> None:
    kind: Any = module.__dict__["Route"]
    original = kind.handle

    @functools.wraps(original)
    def handle(self: Any, scope: Any, *given: Any) -> Any:
        try:
            named(scope.get("root_path", "") + self.path if isinstance(self.path, str) else "")
        except Exception:
            pass
        return original(self, scope, *given)

    kind.handle = handle


def _django(module: ModuleType) -> None:
    kind: Any = module.__dict__["BaseHandler"]
    original = kind.resolve_request

    @functools.wraps(original)
    def resolve_request(self: Any, request: Any) -> Any:
        found = original(self, request)
        try:
            named("/" + str(found.route).lstrip("/"))
        except Exception:
            pass
        return found

    kind.resolve_request = resolve_request


FRAMEWORKS: dict[str, Callable[[ModuleType], None]] = {
    "flask.app": _flask,
    "starlette.routing": _starlette,
    "django.core.handlers.base": _django,
}
"""Modules, and what is done once one of them is imported; a new framework is a line here."""


class _After:
    """Loads as the loader it stands for, then does something with the module.

    It is no `importlib.abc.Loader`, whose import takes a tenth of our start.
    """

    def __init__(self, loader: Any, then: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._then = then

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        # From here on the module is the original loader's.
        spec = module.__spec__
        if spec is not None:
            spec.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        try:
            self._then(module)
        except Exception:
            pass

    def __reduce__(self) -> Any:
        return self._loader.__reduce_ex__(2)  # Pickled or copied it is the original.

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _Finder:
    """Sees the frameworks being imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        then = FRAMEWORKS.get(name)
        if then is None:
            return None
        found = False
        for finder in list(sys.meta_path):
            if finder is self:
                found = True
                continue
            find = getattr(finder, "find_spec", None) if found else None
            spec: importlib.machinery.ModuleSpec | None = find(name, path, target) if find else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    made: Any = _After(spec.loader, then)
                    spec.loader = made
                return spec
        return None


def install() -> None:
    """Follow the routes of frameworks that are imported, or were."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _Finder())
    for name, then in FRAMEWORKS.items():
        if name in sys.modules:
            try:
                then(sys.modules[name])
            except Exception:
                pass
