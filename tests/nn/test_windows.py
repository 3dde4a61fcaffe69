"""Where windows are: against loops that share no code with `nn.functional.windows`."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn.functional.windows import as_setting, per_axis, per_side, slide, slide_back


def windows_of(
    size: int, kernel: int, stride: int, before: int, after: int, dilation: int, ceil_mode: bool = False
) -> list[list[int]]:
    """Return the places of each window's elements, counted from the first element that is not padding."""
    found: list[list[int]] = []
    end, start = size + after, -before
    while True:
        window = [start + k * dilation for k in range(kernel)]
        if ceil_mode and found and (start >= size or found[-1][-1] == end - 1):
            return found
        if window[-1] >= end and not (ceil_mode and found):
            return found
        found.append(window)
        if window[-1] >= end:
            return found
        start += stride


GRID = list(itertools.product(range(1, 7), [1, 2, 3], [1, 2, 3], [0, 1, 2], [0, 1, 2], [1, 2]))
"""Sizes, kernels, strides, padding before and after, and dilations."""


def elements(axis: Any) -> list[list[int]]:
    """Return the places of each window's elements, by the definition of `Axis`."""
    return [
        [w * axis.stride - axis.before + k * axis.dilation for k in range(axis.kernel)] for w in range(axis.windows)
    ]


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_slide_gives_the_windows_of_a_loop(ceil_mode: bool) -> None:
    for size, kernel, stride, before, after, dilation in GRID:
        setting: Any = ((size,), kernel, stride, (before, after), dilation)
        if ceil_mode and max(before, after) > (kernel - 1) * dilation:
            continue  # pools refuse it
        expected = windows_of(size, kernel, stride, before, after, dilation, ceil_mode)
        if not expected:
            with pytest.raises(ValueError, match="Use a smaller kernel or more padding"):
                slide(*setting, ceil_mode=ceil_mode)
            continue
        (axis,) = slide(*setting, ceil_mode=ceil_mode)
        assert elements(axis) == expected, setting
        assert (axis.size, axis.after, axis.extent) == (size, after, expected[0][-1] - expected[0][0] + 1)
        assert axis.is_plain == (kernel == stride == 1 and before == after == 0)
        for k in range(kernel):
            windows, places = axis.inside(k)
            inside = [number for number, window in enumerate(expected) if 0 <= window[k] < size]
            assert list(range(len(expected)))[windows] == inside, (setting, k)
            assert list(range(size))[places] == [expected[number][k] for number in inside], (setting, k)


def test_slide_same_pads_as_little_as_possible_and_more_after() -> None:
    for size, kernel, stride, dilation in itertools.product(range(1, 8), range(1, 5), range(1, 4), range(1, 4)):
        (axis,) = slide((size,), kernel, stride, "same", dilation)
        wanted = len(range(0, size, stride))
        total = next(n for n in itertools.count() if len(windows_of(size, kernel, stride, 0, n, dilation)) >= wanted)
        assert (axis.windows, axis.before, axis.after) == (wanted, total // 2, total - total // 2)


def test_slide_back_gives_what_the_kernels_cover() -> None:
    for count, kernel, stride, before, after, dilation in GRID:
        for extra in range(stride):
            setting: Any = ((count,), kernel, stride, (before, after), dilation, extra)
            covered = max(window * stride + k * dilation for window in range(count) for k in range(kernel)) + 1
            size = covered - before - after + extra
            if size < 1:
                message = f"covers {(kernel - 1) * dilation + 1} make {covered + extra} elements, .* {before + after}"
                with pytest.raises(ValueError, match=f"time: {count} inputs with a stride of {stride} .*{message}"):
                    slide_back(*setting)
                continue
            (axis,) = slide_back(*setting)
            assert axis == (size, kernel, stride, dilation, before, after, count), setting


def test_slide_back_same_multiplies_by_the_stride() -> None:
    for count, kernel, stride, dilation in itertools.product(range(1, 4), range(1, 5), range(1, 4), range(1, 3)):
        (axis,) = slide_back((count,), kernel, stride, "same", dilation, 0)
        covered = max(window * stride + k * dilation for window in range(count) for k in range(kernel)) + 1
        cropped = max(covered - count * stride, 0)
        assert axis == (count * stride, kernel, stride, dilation, cropped // 2, cropped - cropped // 2, count)


def test_slide_keeps_the_order_of_the_axes() -> None:
    down, across = slide((5, 9), (2, 3), (1, 2), ((0, 1), (2, 3)), (1, 2))
    assert (down, across) == ((5, 2, 1, 1, 0, 1, 5), (9, 3, 2, 2, 2, 3, 5))
    assert slide((5, 9), (2, 5), (1, 3), "same") == ((5, 2, 1, 1, 0, 1, 5), (9, 5, 3, 1, 1, 1, 3))
    down, across = slide_back((5, 9), (2, 3), (2, 3), ((0, 1), (2, 3)), (1, 2), (1, 2))
    assert (down, across) == ((10, 2, 2, 1, 0, 1, 5), (26, 3, 3, 2, 2, 3, 9))


@pytest.mark.parametrize(
    ("padding", "axes", "sides"),
    [
        (2, 1, ((2, 2),)), (2, 2, ((2, 2), (2, 2))), (0, 2, ((0, 0), (0, 0))), ("same", 2, None),
        ("valid", 1, ((0, 0),)), ("valid", 2, ((0, 0), (0, 0))), ((1, 2), 1, ((1, 2),)), (((1, 2),), 1, ((1, 2),)),
        ((1, 2), 2, ((1, 1), (2, 2))), ([[1, 2], [3, 4]], 2, ((1, 2), (3, 4))), ((1, (2, 3)), 2, ((1, 1), (2, 3))),
    ],
)  # fmt: skip
def test_per_side_reads_every_form(padding: Any, axes: int, sides: Any) -> None:
    assert per_side("padding", padding, axes) == sides


@pytest.mark.parametrize("padding", [(1, 2, 3), (((1, 2, 3)),), ((1, 2), (3, 4), (5, 6)), ((1,), (2,)), "full", ()])
@pytest.mark.parametrize(
    ("axes", "forms"), [(1, r"a pair \(before, after\)"), (2, r"\(height, width\), \(\(top, bottom\)")]
)
def test_per_side_refuses_other_forms(padding: Any, axes: int, forms: str) -> None:
    with pytest.raises(ValueError, match=f"a number, {forms}.* 'same' or 'valid', got"):
        per_side("padding", padding, axes)


def test_sizes_are_one_number_or_one_for_each_axis() -> None:
    assert per_axis("size", 3, 2) == (3, 3)
    assert per_axis("size", [3, 4], 2) == (3, 4)
    assert per_axis("size", 2**31 - 1, 1) == (2**31 - 1,)
    assert as_setting([np.int64(1), (2, [3])]) == (1, (2, (3,)))
    assert (as_setting(None), as_setting("same"), as_setting(np.int64(4))) == (None, "same", 4)
    for size, message in (((1,), "each of height and width"), (0, "at least 1"), (2**31, "at most 2147483647")):
        with pytest.raises(ValueError, match=message):
            per_axis("size", size, 2)
    for extra, message in (((1,), "height and width"), (2, "less than the stride 2, got 2"), (-1, "at least 0")):
        with pytest.raises(ValueError, match=message):
            slide_back((3, 3), 2, 2, 0, 1, extra)
    with pytest.raises(ValueError, match="0 with padding='same', got 1"):
        slide_back((3, 3), 2, 2, "same", 1, 1)
    with pytest.raises(ValueError, match=r"covers 5 elements along the width, but .* only 3 and 1 of padding\."):
        slide((9, 3), 3, 1, ((0, 0), (0, 1)), 2)
    with pytest.raises(ValueError, match=r"covers 6 elements along the time, but .* only 3 and 2 of padding\."):
        slide((3,), 6, 1, 1)
    with pytest.raises(ValueError, match=r"covers 3 elements along the time, but the input has only 2\. Use"):
        slide((2,), 3, 1, 0)
    with pytest.raises(ValueError, match=r"expected an input with elements along the time, got only 4 of padding\."):
        slide((0,), 3, 1, 2)


# -- through the public functions --------------------------------------------------------------------------------


SETTINGS: list[dict[str, Any]] = [
    {"stride": 1}, {"stride": 2, "padding": (1, 0)}, {"stride": (1, 3), "padding": ((0, 1), (1, 2))},
    {"dilation": 2, "padding": 1}, {"stride": 2, "dilation": (1, 2), "padding": ((1, 0), (0, 1))},
]  # fmt: skip
"""Of windows of 2 by 3 pixels."""


def both(value: Any) -> tuple[Any, Any]:
    return value if isinstance(value, tuple) else (value, value)


def meetings(sizes: Any, setting: dict[str, Any], ceil_mode: bool = False) -> Any:
    """Yield a window, a place in the kernel and the pixel there, for each that is not padding."""
    sides = [both(side) for side in both(setting.get("padding", 0))]
    along = [
        windows_of(size, kernel, stride, *side, dilation, ceil_mode)
        for size, kernel, stride, side, dilation in zip(
            sizes, (2, 3), both(setting.get("stride", 1)), sides, both(setting.get("dilation", 1))
        )
    ]
    for i, j in np.ndindex(len(along[0]), len(along[1])):
        for k, l in np.ndindex(2, 3):  # noqa: E741
            row, column = along[0][i][k], along[1][j][l]
            if 0 <= row < sizes[0] and 0 <= column < sizes[1]:
                yield (i, j), (k, l), (row, column)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_conv2d_and_its_transpose_equal_loops(setting: dict[str, Any], rng: np.random.Generator) -> None:
    x, weight, bias = (rng.normal(size=shape) for shape in ((2, 6, 8, 2), (2, 3, 2, 3), (3,)))
    met = list(meetings((6, 8), setting))
    shape = (2, *(1 + max(window[axis] for window, _, _ in met) for axis in (0, 1)), 3)
    g, expected, to_x, to_weight = rng.normal(size=shape), np.tile(bias, (*shape[:3], 1)), 0 * x, 0 * weight
    for window, place, pixel in met:
        expected[:, *window] += x[:, *pixel] @ weight[place]
        to_x[:, *pixel] += g[:, *window] @ weight[place].T
        to_weight[place] += x[:, *pixel].T @ g[:, *window]
    inputs = [tg.tensor(each, requires_grad=True) for each in (x, weight, bias)]
    result = nn.functional.conv2d(*inputs, **setting)
    np.testing.assert_allclose(result.data, expected, rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(tg.gradient(result, inputs, grad_outputs=g), (to_x, to_weight, g.sum((0, 1, 2)))):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    size = nn.functional.conv_transpose2d(g, weight, **setting).shape[1:3]
    extra, added = (6 - size[0], 8 - size[1]), [0.5, -1.0]
    back = nn.functional.conv_transpose2d(g, weight, added, output_padding=extra, **setting)
    np.testing.assert_allclose(back.data, to_x + added, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_pools_equal_loops(setting: dict[str, Any], ceil_mode: bool, rng: np.random.Generator) -> None:
    setting = {"stride": 1, **setting}
    places: dict[Any, list[Any]] = {}
    for window, _, pixel in meetings((6, 8), setting, ceil_mode):
        places.setdefault(window, []).append(pixel)
    shape = (2, *(1 + max(window[axis] for window in places) for axis in (0, 1)), 2)
    for kind in ("max", "average"):
        x = rng.integers(0, 4, (2, 6, 8, 2)).astype(float)  # of equal numbers, the first is the maximum
        g, expected, to_x = rng.normal(size=shape), np.zeros(shape), np.zeros_like(x)
        for window, pixels in places.items():
            for sample, channel in np.ndindex(2, 2):
                values = [x[sample, *pixel, channel] for pixel in pixels]
                first = values.index(max(values))
                factors = [float(n == first) if kind == "max" else 1 / len(values) for n in range(len(values))]
                expected[sample, *window, channel] = np.dot(factors, values)
                for pixel, factor in zip(pixels, factors):
                    to_x[sample, *pixel, channel] += factor * g[sample, *window, channel]
        leaf = tg.tensor(x, requires_grad=True)
        options = {"count_padding": False} if kind == "average" else {}
        pool = getattr(nn.functional, f"{kind}_pool2d")
        for recorded in (False, True):
            result = pool(leaf, (2, 3), ceil_mode=ceil_mode, **setting, **options)
            np.testing.assert_allclose(result.data, expected, rtol=1e-12, atol=1e-12)
            gradient = tg.gradient(result, leaf, grad_outputs=g, create_graph=recorded)
            np.testing.assert_allclose(np.asarray(getattr(gradient, "data", gradient)), to_x, rtol=1e-12, atol=1e-12)


def test_pools_refuse_windows_of_padding_alone() -> None:
    nn.functional.max_pool1d(np.zeros((2, 1)), 2, padding=1, dilation=2, stride=1)
    with pytest.raises(ValueError, match=r"max_pool1d: a window holds padding only: the dilation 2 is too large"):
        nn.functional.max_pool1d(np.zeros((1, 1)), 2, padding=1, dilation=2)
    with pytest.raises(ValueError, match="MaxPool1D: dilation must be at least 1, got 0"):
        nn.MaxPool1D(2, dilation=0)
