"""Colours hold their promises: contrast, difference for colour-blind readers, one set of values."""

import itertools
import pathlib
import re

import numpy as np
import pytest

import ktlo.server
from ktlo.report.charts import CATEGORIES
from ktlo.report.charts.palette import HEAT, HEAT_INK, SERIES_COLOURS, VALUES, Theme, heat_ranks

CSS = (pathlib.Path(ktlo.server.__file__).parent / "web/static/ktlo.css").read_text(encoding="utf-8")

# Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB.
SIGHT = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]]
    ),
}


def declared(selector: str) -> dict[str, str]:
    """The colour variables in the first block of a selector."""
    block = CSS.split(selector + " {", 1)[1].split("}", 1)[0]
    return dict(re.findall(r"(--[\w-]+): (#[0-9A-F]{6});", block))


PAGES = {
    Theme.LIGHT: declared(":root"),
    Theme.DARK: declared(':root[data-theme="dark"]'),
}


def linear(colour: str) -> np.ndarray:
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """WCAG 2.2 contrast ratio."""
    low, high = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(rgb, 0, 1) / np.array([0.9505, 1, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", list(Theme))
def test_pages_and_files_use_the_same_values(theme):
    values = {k: v for k, v in VALUES[theme].items() if v.startswith("#")}
    assert values == {k: v for k, v in PAGES[theme].items() if k in values}


def test_the_system_dark_theme_and_the_chosen_one_are_the_same():
    assert declared(':root:not([data-theme="light"])') == PAGES[Theme.DARK]


@pytest.mark.parametrize("theme", list(Theme))
@pytest.mark.parametrize("ink", ["--ink", "--ink-soft", "--link", "--ok", "--warn", "--bad"])
@pytest.mark.parametrize("ground", ["--ground", "--raised", "--paper"])
def test_text_has_a_contrast_of_at_least_four_and_a_half(theme, ink, ground):
    assert contrast(PAGES[theme][ink], PAGES[theme][ground]) >= 4.5


@pytest.mark.parametrize("theme", list(Theme))
def test_text_on_the_accent_and_on_heat_can_be_read(theme):
    values = PAGES[theme]
    assert contrast(values["--lamp-ink"], values["--lamp"]) >= 4.5
    for ink, ground in zip(HEAT_INK, HEAT, strict=True):
        assert contrast(values[ink], values[ground]) >= 4.5, ground


@pytest.mark.parametrize("theme", list(Theme))
def test_every_fill_and_field_border_stands_out_from_the_paper(theme):
    values = PAGES[theme]
    for name in (*(s.colour for s in CATEGORIES), *SERIES_COLOURS, "--field-rule"):
        assert contrast(values[name], values["--paper"]) >= 3, name


@pytest.mark.parametrize("theme", list(Theme))
@pytest.mark.parametrize("sight", SIGHT)
def test_categories_that_touch_in_a_stack_differ_for_every_eye(theme, sight):
    seen = [lab(SIGHT[sight] @ linear(VALUES[theme][s.colour])) for s in CATEGORIES]
    for (a, one), (b, other) in itertools.pairwise(zip(CATEGORIES, seen, strict=True)):
        assert np.linalg.norm(one - other) > 10, (a.key, b.key)


def test_no_two_categories_share_a_texture():
    assert len({s.texture for s in CATEGORIES}) == len(CATEGORIES)


@pytest.mark.parametrize("theme", list(Theme))
def test_heat_grows_in_one_direction_of_lightness(theme):
    light = [lab(linear(VALUES[theme][name]))[0] for name in HEAT]
    assert light == sorted(light, reverse=theme is Theme.LIGHT)


def test_heat_by_rank_marks_the_top_and_keeps_ties_together():
    steps = heat_ranks([0.0, 1.0, 1.0, *range(2, 99)])
    assert steps[98] == 5
    assert steps[0.0] == 0
    assert steps[1.0] == 1
