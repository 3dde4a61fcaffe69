"""ONNX's test vectors: inputs and outputs of single operators, made by others.

There are two sources: what onnx computes with NumPy in memory, and what PyTorch computed, in files. To add an operator,
write a function that computes it with `nn` and decorate it with `@operator("Name")`; it receives the node's attributes
and inputs as ONNX has them (channels first), and returns the first output or a tuple of all. A case that cannot run
goes into `LEFT_OUT` with the reason.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import nn

onnx = pytest.importorskip("onnx")

OPERATORS: dict[str, Callable[..., Any]] = {}

LEFT_OUT = {
    r"test_Conv3d.*|test_(Max|Avg)Pool3d.*|test_(max|average)pool_3d_.*": "no three-dimensional convolution or pooling",
    r"test_convtranspose_3d|test_operator_conv3d.*": "no three-dimensional convolution",
    r"test_maxpool_with_argmax_.*": "the places of the maxima are no result here",
    r"test_(max|average)pool_2d_dilations|test_MaxPool\dd_stride_padding_dilation": "pools have no dilation",
    r"test_resize_.*cubic.*": "no cubic interpolation",
    r"test_resize_downsample_.*": "enlarges only",
    r"test_resize_tf_crop_and_resize.*": "crops too",
    r"test_resize_.*(align_corners|(floor|ceil)_|half_pixel_symmetric|pytorch_half_pixel).*": "pixels lie elsewhere",
    r"test_resize_upsample_(sizes|scales)_nearest_axes_.*": "along other axes",
    r"test_resize_upsample_sizes_nearest.*": "by a factor that is not an integer",
    r"test_lstm_with_peepholes": "gates do not see the cell state",
}
"""Patterns for the names of cases, and the reasons."""

AT_LEAST = {
    "Conv": 20,
    "ConvTranspose": 10,
    "MaxPool": 15,
    "AveragePool": 15,
    "GlobalAveragePool": 2,
    "LSTM": 3,
    "GRU": 4,
    "RNN": 4,
}
"""How many cases run: a pattern that leaves out too much is noticed."""


class Vector(NamedTuple):
    """One case."""

    name: str
    attributes: dict[str, Any]
    inputs: list[Any]
    outputs: list[Any]
    """None for those that the case leaves out."""


def operator(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Say which function computes an operator."""

    def note(function: Callable[..., Any]) -> Callable[..., Any]:
        OPERATORS[name] = function
        return function

    return note


# -- operators -----------------------------------------------------------------------------------------------


def last(x: Any) -> Any:
    """From channels first to channels last."""
    return np.moveaxis(x, 1, -1)


def first(x: Any) -> Any:
    """From channels last to channels first."""
    return np.moveaxis(x.data, -1, 1)


def kernel_last(weight: Any) -> Any:
    """From ONNX's (filters, channels, *kernel) to (*kernel, channels, filters)."""
    return weight.transpose(*range(2, weight.ndim), 1, 0)


def padding(a: dict[str, Any], sizes: Any, kernel: Any) -> Any:
    """Pairs (before, after) from `pads` or `auto_pad`."""
    axes, rule = len(sizes), a.get("auto_pad", b"NOTSET")
    if rule in (b"NOTSET", b"VALID"):
        pads = a.get("pads", [0] * 2 * axes) if rule == b"NOTSET" else [0] * 2 * axes
        return tuple(zip(pads[:axes], pads[axes:]))
    strides, dilations = a.get("strides", [1] * axes), a.get("dilations", [1] * axes)
    pairs = []
    for size, k, s, d in zip(sizes, kernel, strides, dilations):
        total = max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0)
        small = total // 2
        pairs.append((small, total - small) if rule == b"SAME_UPPER" else (total - small, small))
    return tuple(pairs)


@operator("Conv")
def conv(a: dict[str, Any], x: Any, weight: Any, bias: Any = None) -> Any:
    axes = x.ndim - 2
    function = {1: nn.functional.conv1d, 2: nn.functional.conv2d}[axes]
    return first(
        function(
            last(x), kernel_last(weight), bias, stride=a.get("strides", (1,) * axes),
            padding=padding(a, x.shape[2:], weight.shape[2:]), dilation=a.get("dilations", (1,) * axes),
            groups=a.get("group", 1),
        )
    )  # fmt: skip


@operator("ConvTranspose")
def conv_transpose(a: dict[str, Any], x: Any, weight: Any, bias: Any = None) -> Any:
    axes = x.ndim - 2
    function = {1: nn.functional.conv_transpose1d, 2: nn.functional.conv_transpose2d}[axes]
    strides, dilations = a.get("strides", [1] * axes), a.get("dilations", [1] * axes)
    extra = list(a.get("output_padding", [0] * axes))
    pads: Any = "same" if a.get("auto_pad", b"NOTSET").startswith(b"SAME") else padding(a, (), ())
    pads = pads or ((0, 0),) * axes
    if "pads" in a:
        pads = tuple(zip(a["pads"][:axes], a["pads"][axes:]))
    if "output_shape" in a and pads != "same":
        full = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(x.shape[2:], strides, dilations, weight.shape[2:])]
        totals = [f + e - n for f, e, n in zip(full, extra, a["output_shape"])]
        extra = [e + max(-total, 0) for e, total in zip(extra, totals)]
        pads = tuple((max(total, 0) - max(total, 0) // 2, max(total, 0) // 2) for total in totals)
    return first(
        function(
            last(x), kernel_last(weight), bias, stride=strides, padding=pads, dilation=dilations,
            output_padding=extra if pads != "same" else 0, groups=a.get("group", 1),
        )
    )  # fmt: skip


def pooled(kind: str, a: dict[str, Any], x: Any, **options: Any) -> Any:
    axes = x.ndim - 2
    function = getattr(nn.functional, f"{kind}_pool{axes}d")
    return first(
        function(
            last(x), a["kernel_shape"], stride=a.get("strides", (1,) * axes),
            padding=padding(a, x.shape[2:], a["kernel_shape"]), ceil_mode=bool(a.get("ceil_mode", 0)), **options,
        )
    )  # fmt: skip


@operator("MaxPool")
def max_pool(a: dict[str, Any], x: Any) -> Any:
    return pooled("max", a, x)


@operator("AveragePool")
def average_pool(a: dict[str, Any], x: Any) -> Any:
    return pooled("average", a, x, count_padding=bool(a.get("count_include_pad", 0)))


@operator("GlobalAveragePool")
def global_average_pool(a: dict[str, Any], x: Any) -> Any:
    return nn.functional.global_average_pool(last(x)).data.reshape(*x.shape[:2], *(1,) * (x.ndim - 2))


@operator("GlobalMaxPool")
def global_max_pool(a: dict[str, Any], x: Any) -> Any:
    return nn.functional.global_max_pool(last(x)).data.reshape(*x.shape[:2], *(1,) * (x.ndim - 2))


GATES = {"RNN": [0], "LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2]}
"""Where each of our gates is in ONNX, which has i, o, f, c in LSTM and z, r, h in GRU."""


def gates(kind: str, array: Any) -> Any:
    """From ONNX's (gates·units, …) to (…, gates·units)."""
    blocks = np.split(array, len(GATES[kind]))
    return np.concatenate([blocks[place] for place in GATES[kind]]).T


def recurrent_layer(kind: str, a: dict[str, Any], weight: Any, recurrent: Any, biases: Any) -> Any:
    """A layer for each direction, the second in reverse, or the only one if ONNX says so."""
    options: dict[str, Any] = {"return_sequences": True, "return_state": True, "bias": biases is not None}
    if kind == "GRU":
        options["reset_after"] = bool(a.get("linear_before_reset", 0))
    reverse = a.get("direction") == b"reverse"
    layer = getattr(nn, kind)(weight.shape[-1], a["hidden_size"], reverse=reverse, **options)
    both = nn.Bidirectional(layer) if len(weight) == 2 else None
    for number, each in enumerate([layer] if both is None else [both.layer, both.backward_layer]):
        each.weight.data, each.recurrent_weight.data = gates(kind, weight[number]), gates(kind, recurrent[number])
        if biases is None:
            continue
        one, two = (gates(kind, half) for half in np.split(biases[number], 2))
        if options.get("reset_after"):
            each.bias.data, each.recurrent_bias.data = one, two
        else:
            each.bias.data = one + two
    return layer if both is None else both


def run_recurrent(
    kind: str, a: dict[str, Any], x: Any, weight: Any, recurrent: Any, biases: Any = None, lengths: Any = None,
    *initial: Any,
) -> Any:  # fmt: skip
    assert a.keys() <= {"hidden_size", "direction", "layout", "linear_before_reset"}
    layer = recurrent_layer(kind, a, weight, recurrent, biases)
    batch_first = a.get("layout", 0) == 1
    states = [each if batch_first else each.swapaxes(0, 1) for each in initial if each is not None]
    state: Any = None
    if states:
        by_direction = [tuple(each[:, d] for each in states) for d in range(len(weight))]
        by_direction = [each if kind == "LSTM" else each[0] for each in by_direction]
        state = tuple(by_direction) if len(weight) == 2 else by_direction[0]
    sequence, final = layer(x if batch_first else x.swapaxes(0, 1), state, lengths=lengths)
    finals = final if len(weight) == 2 else (final,)
    finals = [each if isinstance(each, tuple) else (each,) for each in finals]
    y = np.stack(np.split(sequence.data, len(weight), axis=-1), axis=2)  # (batch, time, directions, units)
    last_states = [np.stack([each.data for each in direction], axis=1) for direction in zip(*finals)]
    if batch_first:
        return y, *last_states
    return y.transpose(1, 2, 0, 3), *(each.swapaxes(0, 1) for each in last_states)


for recurrent_kind in GATES:
    operator(recurrent_kind)(functools.partial(run_recurrent, recurrent_kind))


@operator("Resize")
def resize(a: dict[str, Any], x: Any, roi: Any = None, scales: Any = None, sizes: Any = None) -> Any:
    factors = tuple(int(each) for each in scales[2:])
    assert factors == tuple(scales[2:])
    mode = {b"nearest": "nearest", b"linear": "bilinear"}[a.get("mode", b"nearest")]
    return first(nn.functional.upsample2d(last(x), factors, mode=mode))  # type: ignore[arg-type]


@operator("Upsample")
def upsample(a: dict[str, Any], x: Any, scales: Any) -> Any:
    return resize(a, x, scales=scales)


# -- cases ---------------------------------------------------------------------------------------------------


@functools.cache
def vectors() -> dict[str, list[Vector]]:
    """Every case with one node, by its operator."""
    found: dict[str, list[Vector]] = {}
    for name, model, inputs, outputs in [*in_memory(), *of_pytorch()]:
        if len(model.graph.node) != 1:
            continue
        node = model.graph.node[0]
        weights = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
        given = iter(inputs)
        values = [None if not i else weights[i] if i in weights else next(given) for i in node.input]
        attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        expected = iter(outputs)
        results = [next(expected) if o else None for o in node.output]
        found.setdefault(node.op_type, []).append(Vector(name, attributes, values, results))
    return found


def in_memory() -> Iterator[tuple[str, Any, list[Any], list[Any]]]:
    """The cases that onnx computes with NumPy."""
    from onnx.backend.test.case.node import collect_testcases

    before = np.random.get_state()  # noqa: NPY002 - onnx draws from NumPy's global generator
    np.random.seed(0)  # noqa: NPY002
    with warnings.catch_warnings(action="ignore"):  # of operators that are not tested here
        cases = collect_testcases(None)
    np.random.set_state(before)  # noqa: NPY002
    for case in cases:
        for inputs, outputs in case.data_sets or ():
            yield case.name, case.model, inputs, outputs


def of_pytorch() -> Iterator[tuple[str, Any, list[Any], list[Any]]]:
    """The cases that PyTorch computed."""
    for kind in ("pytorch-converted", "pytorch-operator"):
        for folder in sorted((Path(onnx.__file__).parent / "backend/test/data" / kind).glob("test_*")):
            data = folder / "test_data_set_0"
            yield folder.name, onnx.load(folder / "model.onnx"), read(data, "input"), read(data, "output")


def read(data: Path, what: str) -> list[Any]:
    files = sorted(data.glob(f"{what}_*.pb"), key=lambda path: int(path.stem.split("_")[1]))
    return [onnx.numpy_helper.to_array(onnx.load_tensor(path)) for path in files]


def reason(name: str) -> str | None:
    """Why a case is left out, if it is."""
    return next((why for pattern, why in LEFT_OUT.items() if re.fullmatch(pattern, name)), None)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATORS)
def test_operator_gives_the_vectors_outputs(name: str) -> None:
    cases = [case for case in vectors()[name] if reason(case.name) is None]
    assert len(cases) >= AT_LEAST.get(name, 1), [case.name for case in cases]
    for case in cases:
        results = OPERATORS[name](case.attributes, *case.inputs)
        results = results if isinstance(results, tuple) else (results,)
        assert len(results) >= len(case.outputs), case.name
        for result, expected in zip(results, case.outputs):
            if expected is None:
                continue
            assert result.shape == expected.shape, case.name
            np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-6, err_msg=case.name)


def test_every_reason_to_leave_out_is_needed() -> None:
    names = [case.name for name in OPERATORS for case in vectors()[name]]
    assert [pattern for pattern in LEFT_OUT if not any(re.fullmatch(pattern, name) for name in names)] == []
