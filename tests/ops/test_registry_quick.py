"""The checks of `test_registry` on the first sample of each operation, but SciPy's, for the quick tests."""

from __future__ import annotations

import pytest

from tests.ops import checks
from tests.ops.samples import BUILT_IN, samples_of

OF_ALL = [checks.values, checks.first_gradient, checks.leaves_its_arguments_alone]
OF_RULES = [
    checks.second_gradient,
    checks.single_precision,
    checks.layouts,
    checks.linear_in_upstream,
    checks.forward_mode_is_the_adjoint,
    checks.strange_numbers_pass_through,
]
"""Checks of operations with rules; the slow tests check composed ones."""

NAMES = sorted(name for name in BUILT_IN if not name.startswith("tensorgrad.ops.scipy."))


@pytest.mark.parametrize("name", NAMES)
def test_first_sample_passes_every_check(name: str) -> None:
    sample = samples_of(BUILT_IN[name])[0]
    for check in OF_ALL + OF_RULES if BUILT_IN[name].saves else OF_ALL:
        check(sample)
