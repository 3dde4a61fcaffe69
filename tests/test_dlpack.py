"""DLPack between tensors and NumPy: shared memory, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg


def test_dlpack_round_trip_shares_memory() -> None:
    array = np.arange(6.0).reshape(2, 3)
    t = tg.from_dlpack(array)
    assert np.shares_memory(t.array, array)
    assert not np.shares_memory(tg.from_dlpack(array, copy=True).array, array)
    t = tg.tensor([1.0, 2.0])
    assert np.shares_memory(np.from_dlpack(t), t.array)
    assert np.shares_memory(tg.from_dlpack(t).array, t.array)


def test_dlpack_of_a_tensor_in_a_graph_is_refused() -> None:
    leaf = tg.tensor([1.0], requires_grad=True)
    for t in (leaf, leaf * 2):
        with pytest.raises(TypeError, match=r"^__dlpack__: expected values without a gradient"):
            t.__dlpack__()
        np.testing.assert_array_equal(np.from_dlpack(t.detach().copy()), t.data)


class OnTheGPU:
    def __dlpack__(self, **_: Any) -> Any:
        raise AssertionError("not to be called")

    def __dlpack_device__(self) -> tuple[int, int]:
        return (2, 0)


def test_from_dlpack_refuses_other_devices_and_other_objects() -> None:
    with pytest.raises(BufferError, match=r"^from_dlpack: expected an array in the CPU's memory, got device type 2"):
        tg.from_dlpack(OnTheGPU())
    with pytest.raises(TypeError, match=r"^from_dlpack: expected an array that supports DLPack, got list"):
        tg.from_dlpack([1.0])
    with pytest.raises(TypeError, match="complex numbers are not supported"):
        tg.from_dlpack(np.array([1j]))
