"""The checks of `test_registry` on the first sample of each operation, but SciPy's, for the quick tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.ops import checks
from tests.ops.samples import BUILT_IN, Sample, samples_of


@pytest.mark.parametrize("name", sorted(name for name in BUILT_IN if not name.startswith("tensorgrad.ops.scipy.")))
@pytest.mark.parametrize(
    "check",
    [
        checks.values,
        checks.first_gradient,
        checks.second_gradient,
        checks.single_precision,
        checks.layouts,
        checks.linear_in_upstream,
        checks.forward_mode_is_the_adjoint,
        checks.strange_numbers_pass_through,
        checks.leaves_its_arguments_alone,
    ],
)
def test_first_sample_passes_every_check(check: Callable[[Sample], None], name: str) -> None:
    check(samples_of(BUILT_IN[name])[0])
