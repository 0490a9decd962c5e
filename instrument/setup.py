"""The C engine and coverage's callbacks in C: built when a compiler is there, done without when not."""

import os
import sys

from setuptools import Extension, setup

wanted = sys.version_info >= (3, 10) and sys.implementation.name == "cpython"
if os.environ.get("KTLO_INSTRUMENT_NO_C"):
    wanted = False
names = ["_fast", "_seen"] if sys.version_info >= (3, 12) else ["_fast"]
setup(
    ext_modules=[
        Extension(f"ktlo_instrument.{name}", [f"src/ktlo_instrument/{name}.c"], optional=True)
        for name in names
    ]
    if wanted
    else []
)
