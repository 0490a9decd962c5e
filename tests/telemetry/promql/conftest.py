"""What the tests of PromQL share lies beside them, and OTLP requests in ``tests/receivers``."""

import sys
from pathlib import Path

for folder in (Path(__file__).parent, Path(__file__).parents[2] / "receivers"):
    sys.path.insert(0, str(folder))
