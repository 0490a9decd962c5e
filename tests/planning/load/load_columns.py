"""Records one by one, as a test writes them, turned into the columns that a store gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from ktlo.planning.load.classes import PLACE
from ktlo.planning.load.filed import Filed, Named, Part, Parts, Tracked, key_text


def named(texts: Iterable[str]) -> Named:
    return Named.of(pa.array(list(texts), pa.string()))


def filed(rows: Sequence[Tracked]) -> Filed:
    return Filed(
        keys=pa.array([key_text(one.key) for one in rows], pa.string()),
        repository=named(one.repository for one in rows),
        service=named(one.service for one in rows),
        group=named(one.group for one in rows),
        work_class=np.array(
            [-1 if one.work_class is None else PLACE[one.work_class] for one in rows], dtype=np.int64
        ),
        arrived=np.array([one.arrived for one in rows], dtype=np.float64),
        ended=np.array([one.ended for one in rows], dtype=np.float64),
        known_until=np.array([one.known_until for one in rows], dtype=np.float64),
        is_over=np.array([one.is_over for one in rows], dtype=np.bool_),
        is_duplicate=np.array([one.is_duplicate for one in rows], dtype=np.bool_),
        is_down=np.array([one.is_down for one in rows], dtype=np.bool_),
    )


def parts(rows: Sequence[Part]) -> Parts:
    return Parts(
        keys=pa.array([key_text(one.key) for one in rows], pa.string()),
        day=np.array([one.day for one in rows], dtype=np.int64),
        work_class=np.array([PLACE[one.work_class] for one in rows], dtype=np.int64),
        repository=named(one.repository for one in rows),
        service=named(one.service for one in rows),
        group=named(one.group for one in rows),
        hours=np.array([one.hours for one in rows], dtype=np.float64),
    )
