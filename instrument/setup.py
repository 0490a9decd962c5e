"""The C engine: built when a compiler is there, done without when not."""

import os
import sys

from setuptools import Extension, setup

wanted = sys.version_info >= (3, 10) and sys.implementation.name == "cpython"
if os.environ.get("KTLO_INSTRUMENT_NO_C"):
    wanted = False
setup(
    ext_modules=[Extension("ktlo_instrument._fast", ["src/ktlo_instrument/_fast.c"], optional=True)]
    if wanted
    else []
)
