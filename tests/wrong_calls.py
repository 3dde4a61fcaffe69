"""Wrong calls of every public callable, made from its signature: a valid call in which one argument is replaced."""

from __future__ import annotations

import contextlib
import functools
import inspect
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import nn
import nn.callbacks.clipping
import tensorgrad as tg
from nn.losses import PerOutput
from tensorgrad.ops import nondifferentiable

SECONDS = 20
"""How long a call may take. Most take less than a millisecond."""

SCRATCH = Path(tempfile.gettempdir()) / "tensorgrad_wrong_calls.safetensors"
"""A file that calls may write, if the wrong argument does not keep them from it."""

DOCUMENTED = (
    TypeError, ValueError, IndexError, np.linalg.LinAlgError, tg.GradcheckError, nn.LoadError, nn.SaveError,
)  # fmt: skip
"""What a wrong argument may raise. NumPy's AxisError is a ValueError and an IndexError."""

ALSO_DOCUMENTED: dict[str, tuple[type[Exception], ...]] = {
    "tg.gradient": (RuntimeError,),  # an input that requires no gradient
    "tg.vjp": (RuntimeError,),
    "tg.compile": (ModuleNotFoundError,),  # JAX is not installed
    "Tensor.backward": (RuntimeError,),
    "Result.backward": (RuntimeError,),
    "Tensor.retain_grad": (RuntimeError,),
    "Tensor.register_hook": (RuntimeError,),
    "Tensor.become": (RuntimeError,),
    "Module.load_state_dict": (KeyError,),
    **dict.fromkeys(
        (f"tg.{name}" for name in nondifferentiable.__all__), (AttributeError, KeyError, OverflowError)
    ),  # NumPy's own functions
}
FILES = (OSError,)
"""What functions that take a path may raise besides."""

UNHASHABLE: list[Any] = []
UNHASHABLE.append(UNHASHABLE)


class Strange:
    """An object that is nothing in particular."""

    def __repr__(self) -> str:
        return "Strange()"


def tracked() -> Any:
    return tg.tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True)


WRONG_VALUES: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "-1": lambda: -1,
    "0": lambda: 0,
    "7": lambda: 7,
    "1.5": lambda: 1.5,
    "nan": lambda: float("nan"),
    "-inf": lambda: float("-inf"),
    "1j": lambda: 1j,
    "10**19": lambda: 10**19,
    "-10**19": lambda: -(10**19),
    "'x'": lambda: "x",
    "b'x'": lambda: b"x",
    "()": tuple,
    "[]": list,
    "{}": dict,
    "set": lambda: {1, 2},
    "ragged": lambda: [[1.0], [1.0, 2.0]],
    "inside itself": lambda: UNHASHABLE,
    "(None, 'x')": lambda: (None, "x"),
    "(1, 2, 3, 4, 5)": lambda: (1, 2, 3, 4, 5),
    "dict": lambda: {"a": 1.0},
    "slice": lambda: slice(None),
    "Ellipsis": lambda: ...,
    "object()": Strange,
    "function": lambda: lambda *args: args,
    "type": lambda: np.float32,
    "generator": lambda: (i for i in range(2)),
    "tensor": tracked,
    "list of tensors": lambda: [tracked()] * 2,
    "strings": lambda: np.array(["a", "b"]),
    "complex": lambda: np.array([1j, 2.0]),
    "objects": lambda: np.array([None, "a"], dtype=object),
    "empty": lambda: np.zeros((0, 3)),
    "4-D": lambda: np.ones((2, 1, 2, 1)),
    "integers": lambda: np.array([5, -7]),
    "booleans": lambda: np.array([True, False, True]),
    "int8": lambda: np.int8(-3),
    "module": lambda: nn.Dense(2, 2, rng=0),
}
"""Factories of values that are wrong for most parameters, keyed by their names in messages."""


def matrix() -> Any:
    """Return a positive definite matrix that requires a gradient: nearly every operation takes it."""
    return tg.tensor([[2.0, 0.5, 0.1], [0.5, 1.5, 0.2], [0.1, 0.2, 1.0]], requires_grad=True)


def model() -> Any:
    network = nn.Sequential(nn.Dense(2, 3, rng=0))
    return nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters(), 0.1), rng=0)


def valid_values() -> dict[str, Any]:
    """Return a valid argument for each required parameter, by its name."""
    x = matrix()
    rows, labels = np.ones((4, 2), np.float32), np.array([0, 1, 2, 0])
    names = ("x", "a", "b", "y", "v", "m", "arr", "ary", "x1", "x2", "A", "array", "p", "values", "xp", "fp", "data")
    of_arrays = dict.fromkeys(names, x)
    return of_arrays | {
        "f": lambda x: tg.sum(x * x), "args": x, "X": rows, "targets": labels, "predictions": labels, "axis": 0,
        "obj": 0, "kth": 1, "shift": 1, "source": 0, "destination": 1, "axis1": 0, "axis2": 1, "n": 2, "q": 0.5,
        "shape": (3, 3), "pad_width": 1, "repeats": 2, "reps": 2, "indices": np.zeros((3, 3), int), "index": 0,
        "indices_or_sections": 3, "window_shape": (2, 2), "subscripts": "ij->i", "operands": x, "condition": x.data > 1,
        "choices": [x, x, x], "condlist": [x.data > 1], "choicelist": [x], "arrays": [x, x], "tup": [x, x], "arys": x,
        "xi": x.data[0], "primals": (x,), "tangents": (np.ones((3, 3)),), "inputs": 3, "neurons": 2,
        "outputs": tg.sum(x * x), "learning_rate": 0.1, "steps": 10,
        "factor": 0.5, "rate": 0.5, "k": 2,
        "rng": 0, "weight": np.ones((3, 2)), "bias": np.ones(2), "images": np.ones((2, 4, 4)), "samples": 5,
        "library": np, "classes": 2, "degrees": 5.0, "pixels": 1, "deviation": 0.1, "value": 0.5,
        "y": labels, "path": SCRATCH, "output": x * 2, "gradient": None,
        "norm": 1.0, "name": "loss", "hook": lambda g: None,
        "other": tg.tensor(1.0), "callbacks": (), "dtype": np.float32, "step": 0,
        "epoch": 0, "logs": {"loss": 1.0}, "min": 0.0, "max": 1.0, "axes": (0, 1), "folder": "missing", "scale": 1.0,
        "channels": 2, "filters": 2, "kernel_size": 2, "size": 2, "units": 3, "vocabulary": 5, "features": 4,
        "heads": 2, "output_size": 1, "padding": 1, "bound": 1.0,
        "ord": 2, "length": 3, "label": "x", "fraction": 0.5, "lowest": 0.0, "every": 1, "outputs_": 2,
        "warm_up": 2, "sequences": [[1.0], [2.0, 3.0]],
    }  # fmt: skip


def valid_networks() -> dict[str, Any]:
    """Return the valid arguments that take longer to make than all of `valid_values`."""
    network = nn.Sequential(nn.Dense(2, 3, rng=0))
    return {
        "network": network, "parameters": list(network.parameters()), "state": network.state_dict(), "model": model(),
        "loss": nn.SoftmaxCrossEntropy(), "losses": (nn.MeanSquaredError(), nn.MeanSquaredError()),
        "layers": nn.ReLU(), "modules": nn.ReLU(), "layer": nn.RNN(2, 3, rng=0), "then": nn.CosineDecay(0.1, 10),
    }  # fmt: skip


NETWORKS = frozenset(valid_networks())

SPECIAL: dict[str, dict[str, Any]] = {
    "tg.linalg.multi_dot": {}, "tg.gradient": {}, "tg.draw": {}, "tg.choose": {"a": np.zeros(3, int)},
    "tg.take": {"indices": [0, 1]}, "tg.put_along_axis": {}, "tg.tensordot": {"axes": 1},
    "tg.linalg.tensordot": {"axes": 1}, "tg.cross": {}, "tg.interp": {},
    "tg.gradcheck": {"inputs": np.ones(3)}, "tg.walkthrough": {}, "nn.data.rescale": {"source": (0, 255)},
    "tg.jvp": {}, "nn.Dense": {"inputs": 3}, "tg.hvp": {"x": np.ones((3, 3)), "v": np.ones((3, 3))},
}  # fmt: skip
"""Valid arguments where the name alone does not say enough."""


def special(name: str) -> dict[str, Any]:
    """Valid arguments of one callable that differ from `valid_values`, made anew."""
    if name in WITH_LAYERS:
        return SPECIAL.get(name, {}) | WITH_LAYERS[name]()
    return SPECIAL.get(name, {}) | (all_special()[name] if name in names_of_special() else {})


@functools.cache
def names_of_special() -> frozenset[str]:
    return frozenset(all_special())


def all_special() -> dict[str, dict[str, Any]]:
    """Return the arguments of `special` by the name of the callable."""
    x = matrix()
    made = {
        "tg.gradient": {"inputs": x, "outputs": tg.sum(x * x)},
        "tg.draw": {"output": tg.sum(x * x)},
        "tg.walkthrough": {"loss": tg.sum(x * x)},
        "tg.interp": {"x": np.ones(3), "xp": np.arange(3.0), "fp": np.arange(3.0)},
        "tg.put_along_axis": {"arr": tg.tensor(np.ones((3, 3))), "values": 1.0},
        "tg.where": {},
        "tg.extract": {"condition": x.data > 1},
        "tg.compress": {"condition": [True, False, True]},
        "tg.op": {},
        "nn.functional.ones": {"dtype": np.dtype(np.float32)},
        "tg.convolve": {"a": x.data[0], "v": x.data[0]},
        "tg.correlate": {"a": x.data[0], "v": x.data[0]},
        "tg.trapezoid": {"y": x},
        "tg.linalg.tensorsolve": {"b": np.ones(3)},
        "tg.linalg.tensorinv": {"a": np.eye(4).reshape(2, 2, 2, 2)},
    }
    image = tg.tensor(np.ones((2, 4, 4, 3)), requires_grad=True)
    for each in ("adaptive_average_pool2d", "average_pool2d", "max_pool2d", "global_average_pool", "global_max_pool",
                 "upsample2d", "zero_pad2d"):  # fmt: skip
        made[f"nn.functional.{each}"] = {"x": image, "size": 2, "factor": 2}
    for each in ("average_pool1d", "max_pool1d"):
        made[f"nn.functional.{each}"] = {"x": image[0], "size": 2}
    for each in ("conv2d", "conv_transpose2d"):
        made[f"nn.functional.{each}"] = {"x": image, "weight": np.ones((2, 2, 3, 3))}
    for each in ("conv1d", "conv_transpose1d"):
        made[f"nn.functional.{each}"] = {"x": image[0], "weight": np.ones((2, 3, 3))}
    made["nn.functional.instance_norm"] = {"x": image}
    made["nn.functional.embedding"] = {"ids": np.array([0, 1]), "weight": x}
    for each in ("attention", "attention_weights"):
        made[f"nn.functional.{each}"] = {"q": x, "k": x, "v": x}
    for each in ("box_iou", "overlap"):
        made[f"nn.functional.{each}"] = {"boxes": np.ones((2, 4)), "others": np.ones((2, 4))}
    made["nn.functional.non_maximum_suppression"] = {"boxes": np.ones((2, 4)), "scores": np.ones(2)}
    made["nn.functional.one_hot"] = {"labels": np.array([0, 1])}
    made["nn.functional.glu"] = {"x": np.ones((3, 4))}
    made["nn.functional.group_norm"] = {"groups": 1}
    made["nn.functional.rotary_angles"] = {"positions": np.arange(3)}
    made["nn.functional.sinusoids"] = {"time": 3}
    made["nn.GroupNorm"] = {"groups": 2}
    made["nn.Parallel"] = {"branches": nn.ReLU()}
    made["nn.plots.attention_maps"] = {"weights": np.ones((2, 2))}
    made["nn.plots.matmul_steps"] = {"a": np.ones((2, 2)), "b": np.ones((2, 2))}
    made["nn.plots.convolution_steps"] = {"image": np.ones((3, 3)), "kernel": np.ones((2, 2))}
    made["nn.UpSample2D"] = {"factor": 2}
    made["nn.data.mixup"] = {"y": np.ones((4, 2))}
    made["nn.data.SequenceBatches"] = {"X": [[1.0], [2.0, 3.0]], "batch_size": 1}
    binary = np.array([[0, 1], [1, 0], [0, 1], [1, 0]])
    for each in ("BinaryCrossEntropy", "CategoricalCrossEntropy", "SigmoidBinaryCrossEntropy", "SoftmaxCrossEntropy"):
        for method in ("__call__", "forward"):
            made[f"loss {each}.{method}"] = {"predictions": binary / 2, "targets": binary}
    for method in ("__call__", "measure", "update"):
        made[f"metric CategoricalAccuracy.{method}"] = {"predictions": binary / 2, "targets": binary}
    for owner in ("Module", "Sequential"):
        for method in ("__call__", "forward"):
            made[f"{owner}.{method}"] = {"x": np.ones((4, 2)), "inputs": np.ones((4, 2))}
    for operator in ("add", "matmul", "mod", "pow", "truediv"):
        made[f"Tensor.__{operator}__"] = {"y": x.data}
    made |= {"tg.matmul": {"y": x}, "tg.linalg.matmul": {"y": x}, "tg.where": {"y": x}, "tg.insert": {"values": 1.0}}
    made["History.record"] = {"values": {"loss": 1.0}}
    made["tg.linalg.outer"] = {"x1": np.ones(3), "x2": np.ones(2)}
    row, integers = tg.tensor([1.0, -3.0, 2.0], requires_grad=True), np.array([4, 6, 9])
    for each in ("polyadd", "polyder", "polydiv", "polyint", "polymul", "polysub", "polyval", "roots", "vander"):
        made[f"tg.{each}"] = dict.fromkeys(("a1", "a2", "p", "u", "v", "x"), row)
    made |= {
        "tg.can_cast": {"from_": "f4", "to": "f8"}, "tg.dsplit": {"ary": np.ones((3, 3, 3)), "indices_or_sections": 3},
        "tg.full_like": {"fill_value": 1.0}, "tg.ix_": {"args": integers}, "tg.resize": {"new_shape": (2, 2)},
    }  # fmt: skip
    made["tg.polyfit"] = {"x": np.arange(3.0), "y": row, "deg": 1}
    for each in ("cumulative_prod", "cumulative_sum"):
        made[f"tg.{each}"] = {"x": row}
    for each in ("bincount", "bitwise_and", "bitwise_count", "bitwise_invert", "bitwise_left_shift", "bitwise_not",
                 "bitwise_or", "bitwise_right_shift", "bitwise_xor", "gcd", "invert", "lcm", "left_shift",
                 "right_shift"):  # fmt: skip
        made[f"tg.{each}"] = {"x": integers, "x1": integers, "x2": integers}
    for each in ("digitize", "intersect1d", "searchsorted", "setdiff1d", "setxor1d", "union1d", "unique", "unique_all",
                 "unique_counts", "unique_inverse", "unique_values"):  # fmt: skip
        made[f"tg.{each}"] = dict.fromkeys(("a", "ar", "ar1", "ar2", "bins", "v", "x"), integers)
    for both in (*BINARY, "atan2", "divmod", "floor_divide", "pow", "true_divide"):
        made[f"tg.{both}"] = {"x": x, "y": x}
    return made


def recorded_training() -> dict[str, Any]:
    trained = model()
    history = trained.fit(np.ones((4, 2), np.float32), np.array([0, 1, 2, 0]), verbose=0)
    return {"model": trained, "recording": history, "X": np.ones((4, 2)), "y": np.array([0, 1, 2, 0])}


WITH_LAYERS: dict[str, Callable[[], dict[str, Any]]] = {
    "nn.TransformerEncoder": lambda: {"block": nn.TransformerBlock(4, 2, rng=0), "count": 2},
    "nn.TransformerDecoder": lambda: {"block": nn.TransformerBlock(4, 2, rng=0), "count": 2},
    "nn.plots.playground": recorded_training,
    "nn.GradientAccumulator": lambda: {"optimizer": nn.SGD(nn.Dense(2, 3, rng=0).parameters())},
    "nn.Model": lambda: {"network": nn.Dense(2, 3, rng=0), "loss": nn.MeanSquaredError()},
    "Module.load_state_dict": lambda: {"state": nn.Dense(2, 3, rng=0).state_dict()},
}
"""Arguments that take longer to make than all others of `all_special` together."""


BINARY = (
    "add", "subtract", "multiply", "divide", "power", "float_power", "maximum", "minimum", "fmax", "fmin", "arctan2",
    "hypot", "mod", "remainder", "fmod", "copysign", "logaddexp", "logaddexp2", "heaviside",
)  # fmt: skip

LEFT_OUT = {
    "tg.op": "declares operations, which stay in the registry",
    "tg.Drawing": "made by tg.draw",
    "tg.Walkthrough": "made by tg.walkthrough",
    "tg.GradcheckError": "an exception",
    "tg.GradcheckWarning": "a warning",
    "nn.LoadError": "an exception",
    "nn.SaveError": "an exception",
    "nn.datasets.mnist": "needs the network",
    "nn.datasets.fashion_mnist": "needs the network",
    "nn.datasets.blood_cells": "needs the network",
    "nn.datasets.cifar10": "needs the network",
    "nn.datasets.names": "needs the network",
    "nn.datasets.tiny_shakespeare": "needs the network",
    "nn.datasets.sunspots": "needs the network",
    "nn.datasets.airline_passengers": "needs the network",
    "nn.datasets.japanese_vowels": "needs the network",
    "nn.interop.ExportError": "an exception",
    "nn.interop.export_onnx": "needs onnx; test_interop_onnx.py calls it",
    "nn.interop.LoadReport": "a record",
    "nn.interop.Layout": "a record",
    "nn.interop.Foreign": "a record",
}


def public_callables() -> dict[str, Callable[..., Any]]:
    """Every public function and class by its name, and the methods of what they make."""
    import nn.plots

    found: dict[str, Callable[..., Any]] = {}
    packages = {"tg": tg, "tg.linalg": tg.linalg, "nn": nn, "nn.functional": nn.functional, "nn.data": nn.data,
                "nn.datasets": nn.datasets, "nn.plots": nn.plots, "nn.interop": nn.interop}  # fmt: skip
    for prefix, package in packages.items():
        for name in package.__all__:
            found[f"{prefix}.{name}"] = getattr(package, name)
    for name in ("constant", "zeros", "normal", "uniform", "he", "glorot"):
        found[f"nn.init.{name}"] = getattr(nn.init, name)
    found["nn.callbacks.clipping.clip_norm"] = nn.callbacks.clipping.clip_norm
    found["nn.callbacks.clipping.clip_value"] = nn.callbacks.clipping.clip_value
    found["PerOutput"] = PerOutput
    found |= methods()
    return {name: thing for name, thing in found.items() if callable(thing) and name not in LEFT_OUT}


DESCRIPTORS = {"True", "0", "7", "-1", "int8", "10**19", "-10**19"}
"""What `open` takes for a file descriptor."""

WRITTEN_BY_SUBCLASSES = {"update", "shrink", "step_settings", "penalties", "own_state", "named_children",
                         "prepare", "probabilities", "classes"}  # fmt: skip
LEAVE_METHODS = {"plot", "export", "save", "save_parameters", "seed_gradient"}
"""Methods that write files, and a part of `backward`."""


def methods() -> dict[str, Callable[..., Any]]:
    """Yield the public methods of objects, with a new object for every call."""
    x = np.ones((4, 2), np.float32)
    makers: dict[str, Callable[[], Any]] = {
        "Tensor": matrix,
        "Result": lambda: matrix() * 2,
        "Model": model,
        "Module": lambda: nn.Dense(2, 3, rng=0),
        "Sequential": lambda: nn.Sequential(nn.Dense(2, 3, rng=0)),
        "Dropout": lambda: nn.Dropout(0.5, rng=0),
        "Optimizer": lambda: nn.Adam(nn.Dense(2, 3, rng=0).parameters()),
        "History": nn.History,
        "Batches": lambda: nn.data.Batches(x, np.arange(4)),
        "Standardizer": lambda: nn.data.Standardizer(x),
        "EarlyStopping": lambda: nn.EarlyStopping("loss"),
        "Schedule": lambda: nn.CosineDecay(0.1, 10),
    }
    makers |= {f"loss {name}": getattr(nn, name) for name in (
        "BinaryCrossEntropy", "CategoricalCrossEntropy", "Huber", "MeanAbsoluteError", "MeanSquaredError",
        "SigmoidBinaryCrossEntropy", "SoftmaxCrossEntropy")}  # fmt: skip
    makers |= {
        f"metric {name}": getattr(nn, name) for name in ("BinaryAccuracy", "CategoricalAccuracy", "RegressionAccuracy")
    }
    makers |= {f"layer {name}": getattr(nn, name) for name in (
        "ELU", "GELU", "Identity", "LeakyReLU", "ReLU", "Sigmoid", "Softmax", "Softplus", "Tanh")}  # fmt: skip
    found: dict[str, Callable[..., Any]] = {}
    for owner, make in makers.items():
        example = make()
        names = [name for name in dir(example) if not name.startswith("_")]
        if owner.startswith("layer "):
            names = []
        if callable(example):
            names.append("__call__")
        if owner == "Result":
            names = ["__setitem__", "backward"]
        if owner == "Tensor":
            names += [
                "__getitem__",
                "__add__",
                "__radd__",
                "__matmul__",
                "__pow__",
                "__mod__",
                "__truediv__",
            ]
        for name in names:
            if name in LEAVE_METHODS | WRITTEN_BY_SUBCLASSES or name.startswith("on_"):
                continue
            if inspect.isroutine(getattr(example, name, None)):
                found[f"{owner}.{name}"] = _method(make, name)
    return found


def _method(make: Callable[[], Any], name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(make(), name)(*args, **kwargs)

    call.__signature__ = inspect.signature(getattr(make(), name))  # type: ignore[attr-defined]
    return call


@dataclass(frozen=True)
class WrongCall:
    """A call of `name` with `value` (a key of `WRONG_VALUES`) for `parameter`."""

    name: str
    parameter: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}({self.parameter}={self.value})"


def wrong_calls(callables: dict[str, Callable[..., Any]]) -> Iterator[WrongCall]:
    """Every parameter of every callable with every wrong value."""
    for name, function in callables.items():
        try:
            parameters = inspect.signature(function).parameters
        except ValueError:
            continue
        for parameter in parameters.values():
            for value in WRONG_VALUES:
                if parameter.name in ("path", "folder") and value in DESCRIPTORS:
                    continue
                yield WrongCall(name, parameter.name, value)


class TooLong(BaseException):
    """A call did not end in time."""


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Interrupt the `with` block after `SECONDS` of processor time."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


COMPLETE = {"tg.draw", "tg.walkthrough", "tg.no_grad", "tg.enable_grad"}
"""Functions for which `*args` need values only together with a function, or never."""


def arguments(call: WrongCall, function: Callable[..., Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments of the call: valid ones where they are required, and the wrong one."""
    parameters = inspect.signature(function).parameters
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    valid = valid_values() | (valid_networks() if NETWORKS & parameters.keys() else {}) | special(call.name)
    wrong = WRONG_VALUES[call.value]()
    for parameter in parameters.values():
        chosen = parameter.name == call.parameter
        if not chosen and (parameter.default is not parameter.empty or parameter.kind is parameter.VAR_KEYWORD):
            continue
        if not chosen and parameter.kind is parameter.VAR_POSITIONAL and call.name in COMPLETE:
            continue
        value = wrong if chosen else valid.get(parameter.name, valid["x"])
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            args.append(value)
        elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD and not kwargs and len(args) == len(args) + len(kwargs):
            kwargs[parameter.name] = value
        elif parameter.kind is parameter.VAR_KEYWORD:
            kwargs["unknown"] = value
        else:
            kwargs[parameter.name] = value
    if args and kwargs:  # what comes before *args cannot be named
        names = [
            p.name for p in parameters.values()
            if p.kind is p.POSITIONAL_OR_KEYWORD and p.name in kwargs
        ]  # fmt: skip
        args = [kwargs.pop(name) for name in names] + args
    return args, kwargs


def complaint(call: WrongCall, function: Callable[..., Any]) -> str | None:
    """Make the call; say what is wrong with how it ended, or return None."""
    allowed: tuple[type[BaseException], ...] = DOCUMENTED + ALSO_DOCUMENTED.get(call.name, ())
    args, kwargs = arguments(call, function)
    if any(name in inspect.signature(function).parameters for name in ("path", "folder", "source")):
        allowed += FILES
    try:
        with bounded(), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stdout(None):
                result = function(*args, **kwargs)
            if isinstance(result, Iterator):
                next(result, None)
    except allowed as error:
        return None if str(error) else f"{call}: {type(error).__name__} without a message"
    except TooLong:
        return f"{call}: did not end within {SECONDS} s"
    except Exception as error:
        return f"{call}: {type(error).__name__}: {error}"
    return None
