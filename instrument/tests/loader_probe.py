"""Asks Python's machinery for everything it knows of a package, and prints the answers as JSON.

Run as `python -m app` (it is the package's `__main__`), without and with instrumentation: `test_loader.py` compares.
"""

import copy
import importlib
import importlib.machinery
import importlib.resources
import importlib.util
import inspect
import json
import linecache
import multiprocessing
import pickle
import pkgutil
import runpy
import sys
import traceback
import warnings

import app
import app.sub.broken
import app.work

LOADER = app.__loader__
PLAIN = importlib.machinery.SourceFileLoader(LOADER.name, LOADER.path)


def of_resources():
    files = importlib.resources.files
    yield "files", lambda: files("app").joinpath("top.txt").read_text("utf-8")
    yield "files of a module", lambda: (files("app.work") / "top.txt").read_text("utf-8")
    yield "files of a folder", lambda: (files("app.sub") / "text.txt").read_text("utf-8")
    yield "iterdir", lambda: sorted(each.name for each in files(app).iterdir() if each.name != "__pycache__")
    yield "read_text", lambda: importlib.resources.read_text("app", "top.txt")
    yield "is_resource", lambda: importlib.resources.is_resource("app", "top.txt")
    yield "path", lambda: importlib.resources.path("app", "top.txt").__enter__().name
    yield "as_file", lambda: importlib.resources.as_file(files("app") / "top.txt").__enter__().read_text()
    yield "reader", lambda: LOADER.get_resource_reader("app").open_resource("top.txt").read()
    yield "reader's path", lambda: LOADER.get_resource_reader("app").resource_path("top.txt")
    yield "reader of another", lambda: LOADER.get_resource_reader("other")
    yield "pkgutil", lambda: pkgutil.get_data("app", "sub/text.txt")
    yield "pkgutil, absent", lambda: pkgutil.get_data("app", "absent")
    yield "iter_modules", lambda: sorted(each[1:] for each in pkgutil.iter_modules(app.__path__))
    yield "walk_packages", lambda: sorted(each.name for each in pkgutil.walk_packages(app.__path__, "app."))
    yield "in a zip file", lambda: (files("zipped") / "z.txt").read_text("utf-8")


def of_the_loader():
    path = app.__file__
    yield "get_data", lambda: LOADER.get_data(path)
    yield "get_data, absent", lambda: LOADER.get_data("absent")
    yield "get_code", lambda: (LOADER.get_code("app").co_name, LOADER.get_code("app").co_filename)
    yield "get_code's lines", lambda: LOADER.get_code("app").co_consts[-1] is None
    for method in ("get_filename", "is_package", "get_source", "get_code", "load_module"):
        yield f"{method} of another", lambda method=method: getattr(LOADER, method)("other")
    for method in ("get_filename", "is_package", "get_source"):
        yield method, lambda method=method: getattr(LOADER, method)("app")
        yield f"{method} of a module", lambda method=method: getattr(app.work.__loader__, method)("app.work")
    yield "path_stats", lambda: LOADER.path_stats(path)
    yield "path_mtime", lambda: LOADER.path_mtime(path)
    yield "source_to_code", lambda: LOADER.source_to_code(b"def f(): pass", "p").co_filename
    yield "create_module", lambda: LOADER.create_module(app.__spec__)
    yield "load_module", lambda: app.work.__loader__.load_module("app.work").double(4)
    yield "variables", lambda: vars(LOADER)
    yield "kind", lambda: isinstance(LOADER, importlib.machinery.SourceFileLoader)
    yield "equality", lambda: (LOADER == PLAIN, PLAIN == LOADER, {LOADER: 1}[PLAIN], LOADER == 1)
    other = importlib.machinery.SourceFileLoader("other", LOADER.path)
    yield "inequality", lambda: (other in (LOADER,), LOADER in (other,), LOADER != PLAIN)
    yield "pickle", lambda: vars(pickle.loads(pickle.dumps(LOADER)))
    yield "pickled spec", lambda: pickle.loads(pickle.dumps(app.__spec__)) == app.__spec__
    yield "copies", lambda: (copy.copy(LOADER) == LOADER, copy.deepcopy(LOADER) == LOADER)


def of_modules():
    spec = app.__spec__
    yield "spec", lambda: (spec.name, spec.origin, spec.cached, spec.parent, spec.has_location)
    yield "spec's folders", lambda: spec.submodule_search_locations
    yield "own spec", lambda: (__spec__.name, __spec__.origin, __file__, __package__, __name__)
    yield "module", lambda: (repr(app), app.__file__, app.__cached__, app.__package__, app.__path__)
    yield "find_spec", lambda: importlib.util.find_spec("app.sub.unloaded").origin
    plain = importlib.machinery.PathFinder.find_spec
    yield "equal specs", lambda: importlib.util.find_spec("app.work") == plain("app.work", app.__path__)
    yield "namespace", lambda: [importlib.import_module(f"spread.{each}").f() for each in ("one", "two")]
    yield "namespace's path", lambda: sorted(sys.modules["spread"].__path__)
    yield "zip", lambda: (importlib.import_module("zipped.inside").f(), sys.modules["zipped.inside"].__file__)
    yield "reload", lambda: importlib.reload(app.work).double(1)


def of_source():
    yield "method", lambda: inspect.getsource(app.Thing.method)
    yield "class", lambda: inspect.getsource(app.Thing)
    yield "function", lambda: inspect.getsource(app.here)
    yield "module", lambda: inspect.getsource(app)
    yield "own", lambda: inspect.getsource(of_source)
    yield "from a zip file", lambda: inspect.getsource(sys.modules["zipped.inside"])
    yield "file", lambda: inspect.getsourcefile(app.here)
    yield "module of a function", lambda: inspect.getmodule(app.here).__name__
    yield "documentation", lambda: inspect.getdoc(app.here)
    yield "signature", lambda: str(inspect.signature(app.here))
    yield "linecache", lambda: linecache.getline(app.__file__, 2, vars(app))
    yield "line asked of the loader", line_of_loader
    yield "traceback", lines_of_traceback


def line_of_loader():
    linecache.clearcache()
    linecache.lazycache("virtual.py", {"__name__": "app", "__loader__": LOADER})
    return linecache.getline("virtual.py", 1)


def lines_of_traceback():
    try:
        app.sub.broken.fails()
    except ValueError as error:
        return traceback.format_exception(type(error), error, error.__traceback__)[2:]


def of_running():
    yield "run_module", lambda: runpy.run_module("app.work")["double"](3)
    yield "run_path", lambda: plain_names(runpy.run_path(app.work.__file__))
    yield "lazily", lazily
    yield "from a spec", lambda: loaded(importlib.util.find_spec("app.work")).double(2)
    by_path = importlib.util.spec_from_file_location("elsewhere", app.work.__file__)
    yield "from a file", lambda: (loaded(by_path).double(5), repr(loaded(by_path)))
    yield "spawned", spawned


def plain_names(names):
    return {name: str(value) for name, value in names.items() if name[:2] == "__" and name != "__builtins__"}


def loaded(spec):
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lazily():
    spec = importlib.util.find_spec("app.sub.unloaded")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = loaded(spec)
    return module.three(), type(module).__name__


def spawned():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        halves = pool.map(importlib.import_module("app.other").half, [2, 4])
        pool.close()
        pool.join()  # without which it is killed, and tells nothing
        return halves


def main():
    warnings.simplefilter("ignore")
    told = {}
    for part in (of_resources, of_the_loader, of_modules, of_source, of_running):
        for name, ask in part():
            try:
                answer = ask()
            except Exception as error:
                answer = f"{type(error).__name__}: {error}"
            told[f"{part.__name__}: {name}"] = repr(answer)
    json.dump(told, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
