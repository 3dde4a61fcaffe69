"""Names in PyTorch, JAX and TensorFlow and their counterparts in this package, for error messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

FUNCTIONS = {
    "arange": "tg.tensor(np.arange(...))",
    "array": "tg.tensor(values)",
    "autograd": "tg.gradient(y, x), or y.backward()",
    "bmm": "tg.matmul(a, b)",
    "cat": "tg.concatenate(tensors, axis=0)",
    "clamp": "tg.clip(x, min, max)",
    "device": "the array itself: tg.tensor keeps arrays of CuPy where they are",
    "eye": "tg.tensor(np.eye(n))",
    "flatten": "tg.ravel(x), or x.reshape(len(x), -1)",
    "float32": "np.float32",
    "float64": "np.float64",
    "from_numpy": "tg.tensor(array)",
    "full": "tg.tensor(np.full(shape, value))",
    "function": "tg.compile(f)",
    "gather": "tg.take_along_axis(x, indices, axis)",
    "gelu": "nn.functional.gelu(x)",
    "GradientTape": "tg.gradient(y, x), or y.backward()",
    "is_tensor": "isinstance(x, tg.Tensor)",
    "jit": "tg.compile(f)",
    "load": "nn.Model.load(path), or np.load",
    "manual_seed": "an rng= argument: layers, models and data sets take a seed or a np.random.Generator",
    "mm": "tg.matmul(a, b)",
    "nn": "a separate package: import nn",
    "numel": "x.size",
    "ones": "tg.tensor(np.ones(shape))",
    "optim": "nn.SGD, nn.Adam and others, after import nn",
    "Parameter": "tg.tensor(data, requires_grad=True)",
    "permute": "tg.transpose(x, axes)",
    "rand": "tg.tensor(rng.random(shape)), with rng = np.random.default_rng()",
    "randn": "tg.tensor(rng.normal(size=shape)), with rng = np.random.default_rng()",
    "relu": "nn.functional.relu(x), or tg.maximum(x, 0)",
    "rsqrt": "1 / tg.sqrt(x)",
    "save": "nn.Model.save(path), or np.save",
    "stop_gradient": "x.detach()",
    "unsqueeze": "tg.expand_dims(x, axis)",
    "Variable": "tg.tensor(data, requires_grad=True)",
    "vmap": "broadcasting: write the function for a batch",
    "zeros": "tg.tensor(np.zeros(shape))",
}
"""Function of PyTorch, JAX or TensorFlow -> equivalent in tensorgrad."""

METHODS = {
    "clamp": "t.clip(min, max)",
    "contiguous": "t: results are arrays of NumPy, in any memory order",
    "cpu": "t: it is a NumPy array already",
    "cuda": "t: tensors compute on the CPU, or on the device of the array that they hold",
    "detach_": "t.detach()",
    "dim": "t.ndim",
    "double": "t.astype(np.float64)",
    "expand": "tg.broadcast_to(t, shape)",
    "float": "t.astype(np.float32)",
    "gather": "tg.take_along_axis(t, indices, axis)",
    "grad_fn": "t.node",
    "half": "t.astype(np.float16)",
    "long": "t.astype(np.int64)",
    "mm": "t @ other",
    "numel": "t.size",
    "permute": "t.transpose(axes)",
    "relu": "nn.functional.relu(t)",
    "requires_grad_": "t.requires_grad = True",
    "retains_grad": "t.retain_grad()",
    "t": "t.T",
    "to": "t.astype(dtype)",
    "type": "t.astype(dtype)",
    "unsqueeze": "tg.expand_dims(t, axis)",
    "view": "t.reshape(shape)",
    "zero_": "t.data = np.zeros(t.shape)",
}
"""Method or attribute of PyTorch tensors -> equivalent in tensorgrad."""

KEYWORDS = {
    "axes": "axis",
    "dim": "axis",
    "dims": "axis",
    "keepdim": "keepdims",
    "unbiased": "ddof",
}
"""Argument of PyTorch, or the plural -> NumPy argument."""


def function_hint(name: str) -> str:
    """Return the end of a message about an unknown function.

    >>> function_hint("cat"), function_hint("dog")
    ('. Here it is tg.concatenate(tensors, axis=0)', '')
    """
    return f". Here it is {FUNCTIONS[name]}" if name in FUNCTIONS else ""


class Hint:
    """Missing attribute of a class; the error names its counterpart in this package.

    A `__getattr__` would also work, but slows down access to every other attribute.
    """

    def __init__(self, name: str, hint: str) -> None:
        self.name, self.hint = name, hint

    def __get__(self, instance: Any, owner: type) -> Any:
        raise AttributeError(f"{owner.__name__!r} object has no attribute {self.name!r}. Here it is {self.hint}")


def add_hints(tensor: type, functions: Iterable[str]) -> None:
    """Add hints to the tensor class for PyTorch's names and for functions that are not methods."""
    hints = {name: f"a function: tg.{name}(t)" for name in functions} | METHODS
    for name, hint in hints.items():
        if not hasattr(tensor, name):
            setattr(tensor, name, Hint(name, hint))


def unexpected_argument(function: str, names: Iterable[str]) -> TypeError:
    """Return Python's error for an unknown argument, extended with the name used in this package."""
    name = next(iter(names))
    hint = f" Here it is {KEYWORDS[name]!r}, as in NumPy." if name in KEYWORDS else ""
    return TypeError(f"{function}() got an unexpected keyword argument {name!r}.{hint}")


def wrong_arguments(operation: Any, keywords: Iterable[str], error: TypeError) -> TypeError:
    """Return Python's error for arguments that do not match the signature of `operation`."""
    unknown = [name for name in keywords if name not in operation.signature.parameters]
    return unexpected_argument(operation.name, unknown) if unknown else TypeError(f"{operation.name}() {error}.")
