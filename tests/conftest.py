"""Settings that every test shares."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from importlib.util import find_spec

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the workers of `-n auto` have a core each, and wait for no other

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import none

collect_ignore = [] if find_spec("onnx") else ["onnx_vectors"]
"""Helpers that import what `.ci/run` installs in a separate environment."""


def pytest_collection_finish() -> None:
    """Keep the garbage collector from walking through all collected tests, which takes a second each time.

    `gc.get_objects` and `gc.get_referrers` do not see frozen objects. Hypothesis 6.100 searches for references to
    NumPy's generator when it runs its first test, so an empty test is run before anything is frozen.
    """
    given(none())(lambda _: None)()
    gc.collect()
    gc.freeze()


settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240229)


@pytest.fixture(autouse=True, scope="module")
def numpy_state_untouched() -> Iterator[None]:
    """Nothing here may draw from NumPy's global generator. Checking once per module saves seconds."""
    before = np.random.get_state()[1:3]  # noqa: NPY002
    yield
    after = np.random.get_state()[1:3]  # noqa: NPY002
    assert np.array_equal(before[0], after[0])
    assert before[1] == after[1]
