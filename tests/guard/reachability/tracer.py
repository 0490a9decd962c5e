"""Runs a program under ``sys.setprofile`` and prints which of its functions called which, as JSON.

Started as a process of its own: ``python -I tracer.py FOLDER main.py``. Frames of other code are passed over, bodies
of classes and comprehensions count as what is around them. Generators and coroutines run when they are resumed, not
where they are called, so they are only told as having run.
"""

import inspect
import json
import os
import re
import runpy
import sys
import threading

FOLDER = os.path.realpath(sys.argv[1])
LAZY = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
INNER = re.compile(r"(?:\.<locals>)?\.?<(?:listcomp|setcomp|dictcomp|genexpr)>")
calls, ran = set(), set()
names = {}


def name_of(code):
    key = code.co_filename, code.co_firstlineno, code.co_qualname
    if key not in names:
        path = os.path.relpath(code.co_filename, FOLDER)
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        inner = INNER.sub("", code.co_qualname).replace("<lambda>", f"<lambda:{code.co_firstlineno}>")
        names[key] = module if inner in ("<module>", "") else f"{module}.{inner.removeprefix('.')}"
    return names[key]


def is_own(code):
    return code.co_filename.startswith(FOLDER + os.sep)


def is_part(code):
    """A comprehension, or the body of a class."""
    if code.co_name in ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"):
        return True
    return not code.co_flags & inspect.CO_OPTIMIZED and code.co_name != "<module>"


def profile(frame, event, argument):
    if event != "call":
        return
    code = frame.f_code
    if not is_own(code) or is_part(code):
        return
    callee = name_of(code)
    ran.add(callee)
    if code.co_name == "<module>" or code.co_flags & LAZY:
        return
    above = frame.f_back
    while above is not None and (not is_own(above.f_code) or is_part(above.f_code)):
        above = above.f_back
    if above is not None:
        calls.add((name_of(above.f_code), callee))


sys.path.insert(0, FOLDER)
sys.argv = sys.argv[2:]
threading.setprofile(profile)
sys.setprofile(profile)
try:
    runpy.run_path(f"{FOLDER}/{sys.argv[0]}", run_name="__main__")
finally:
    sys.setprofile(None)
    threading.setprofile(None)
    print("\n" + json.dumps({"calls": sorted(calls), "ran": sorted(ran)}))
