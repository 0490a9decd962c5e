"""`ktlo service-work` shows what its page shows."""

from __future__ import annotations

import pytest

from ktlo.cli.service_work import said
from ktlo.report.charts import COUNT, SECONDS, SHARE, Heading, Row, Table
from ktlo.server.section_twin import table_twin


@pytest.mark.parametrize(
    ("cell", "unit", "shown"),
    [
        (3120.0, SECONDS, "52 min"),
        (0.25, SHARE, "25%"),
        (3120, COUNT, "3,120"),
        (3, None, "3"),
        ("2.1", SECONDS, "2.1"),
        (None, SECONDS, ""),
    ],
)
def test_a_number_of_a_table_has_its_unit(cell, unit, shown):
    told = table_twin(Table((Heading("Restored after", unit),), (Row((cell,)),)))
    assert said(told["rows"][0]["cells"][0], told["columns"][0]["unit"]) == shown
