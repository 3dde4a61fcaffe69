"""Evenly spaced numbers: NumPy's options, and what has no answer."""

from __future__ import annotations

import numpy as np
import pytest

import tensorgrad as tg


def test_linspace_is_numpys_with_every_option() -> None:
    for options in ({"num": 5, "dtype": int}, {"num": 1}, {"num": 4, "endpoint": False}, {"num": 0}):
        np.testing.assert_array_equal(tg.linspace(-1.0, 3.5, **options).data, np.linspace(-1.0, 3.5, **options))
    _, step = tg.linspace(0.0, 1.0, 5, retstep=True)
    assert float(step) == 0.25
    assert tg.linspace(np.float32(0), np.float32(1), 3).dtype == np.float32


def test_geomspace_takes_two_negative_ends() -> None:
    np.testing.assert_allclose(tg.geomspace(-1.0, -8.0, 4).data, [-1.0, -2.0, -4.0, -8.0], rtol=1e-14)


@pytest.mark.parametrize(("ends", "message"), [((0.0, 1.0), "not 0"), ((-1.0, 1.0), "same sign")])
def test_geomspace_refuses_ends_without_a_real_sequence(ends: tuple[float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tg.geomspace(*ends)


def test_spaces_refuse_a_negative_number_of_samples() -> None:
    with pytest.raises(ValueError, match="num ≥ 0"):
        tg.linspace(0.0, 1.0, -1)
