"""Run by every Python that `ktlo-instrument run` starts: counts, then runs the sitecustomize that was there."""

import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _begin() -> None:
    try:
        if importlib.util.find_spec("ktlo_instrument") is None:
            # Another environment than the one we are installed in: only our own package is lent to it.
            folder = os.path.dirname(_HERE)
            spec = importlib.util.spec_from_file_location(
                "ktlo_instrument", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
            )
            if spec is None or spec.loader is None:
                return
            module = importlib.util.module_from_spec(spec)
            sys.modules["ktlo_instrument"] = module
            spec.loader.exec_module(module)
        import ktlo_instrument.script

        ktlo_instrument.script.begin()
    except Exception as problem:
        sys.stderr.write(f"ktlo-instrument: nothing is counted: {type(problem).__name__}: {problem}\n")


def _the_other() -> None:
    """The sitecustomize that Python would have found without us."""
    for finder in sys.path:
        if os.path.abspath(finder or ".") == _HERE:
            continue
        path = os.path.join(finder, "sitecustomize.py")
        if os.path.isfile(path):
            spec = importlib.util.spec_from_file_location("sitecustomize", path)
            if spec is not None and spec.loader is not None:
                module = importlib.util.module_from_spec(spec)
                sys.modules["sitecustomize"] = module
                spec.loader.exec_module(module)
            return


_begin()
_the_other()
