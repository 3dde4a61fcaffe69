"""Names in PyTorch, JAX and TensorFlow and their counterparts in this package, for error messages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

FUNCTIONS = {
    "addmm": "c + a @ b",
    "arange": "tg.tensor(np.arange(...))",
    "array": "tg.tensor(values)",
    "as_tensor": "tg.tensor(data)",
    "asarray": "tg.tensor(data)",
    "autograd": "tg.gradient(y, x), or y.backward()",
    "bernoulli": "rng.random(shape) < p, with rng = np.random.default_rng()",
    "bmm": "tg.matmul(a, b)",
    "bool": "np.bool",
    "broadcast_tensors": "tg.broadcast_arrays(x, y)",
    "cat": "tg.concatenate(tensors, axis=0)",
    "cholesky": "tg.linalg.cholesky(x)",
    "chunk": "tg.array_split(x, parts, axis)",
    "clamp": "tg.clip(x, min, max)",
    "conv2d": "nn.functional.conv2d(x, weight)",
    "cuda": 'nn.Model(network, ..., compile=True, device="gpu")',
    "custom_jvp": "@tg.op(x=lambda g, x: ...)",
    "custom_vjp": "@tg.op(x=lambda g, x: ...)",
    "device": "the array itself: tg.tensor keeps arrays of CuPy where they are",
    "digamma": "tg.special.digamma(x)",
    "distributions": "tg.stats, with the distributions of SciPy",
    "div": "tg.divide(x, y)",
    "dtype": "np.dtype",
    "elementwise_grad": "tg.grad(lambda x: f(x).sum())",
    "embedding": "nn.functional.embedding(ids, weight)",
    "empty": "tg.tensor(np.empty(shape))",
    "erfinv": "tg.special.erfinv(x)",
    "expit": "tg.sigmoid(x)",
    "eye": "tg.tensor(np.eye(n))",
    "finfo": "np.finfo",
    "flatten": "tg.ravel(x), or x.reshape(len(x), -1)",
    "float16": "np.float16",
    "float32": "np.float32",
    "float64": "np.float64",
    "FloatTensor": "tg.tensor(data, dtype=np.float32)",
    "from_numpy": "tg.tensor(array)",
    "full": "tg.tensor(np.full(shape, value))",
    "func": "tg.grad, tg.vjp, tg.jvp, tg.jacobian and tg.hvp",
    "Function": "@tg.op(x=lambda g, x: ...)",
    "function": "tg.compile(f)",
    "functional_call": "tg.gradient(loss, list(network.parameters()))",
    "gather": "tg.take_along_axis(x, indices, axis)",
    "gelu": "nn.functional.gelu(x)",
    "gradgradcheck": "tg.gradcheck(f, inputs, order=2)",
    "GradientTape": "tg.gradient(y, x), or y.backward()",
    "hessian_vector_product": "tg.hvp(f, x, v)",
    "index_select": "tg.take(x, indices, axis)",
    "inf": "np.inf",
    "inference_mode": "tg.no_grad()",
    "int32": "np.int32",
    "int64": "np.int64",
    "inverse": "tg.linalg.inv(x)",
    "is_tensor": "isinstance(x, tg.Tensor)",
    "jacfwd": "tg.jacobian(f)",
    "jacrev": "tg.jacobian(f)",
    "jit": "tg.compile(f)",
    "lax": "Python's for, if and while; lax.stop_gradient(x) is x.detach()",
    "leaky_relu": "nn.functional.leaky_relu(x)",
    "least_squares": "tg.minimize(lambda p: tg.sum(residuals(p) ** 2), p0)",
    "lgamma": "tg.special.gammaln(x)",
    "load": "nn.Model.load(path), or np.load",
    "logdet": "tg.linalg.slogdet(x).logabsdet",
    "LongTensor": "tg.tensor(data, dtype=np.int64)",
    "make_jvp": "tg.jvp(f, (x,), (v,))",
    "make_vjp": "tg.vjp(f, x)",
    "manual_seed": "an rng= argument: layers, models and data sets take a seed or a np.random.Generator",
    "masked_fill": "tg.where(mask, value, x)",
    "masked_select": "x[mask]",
    "mm": "tg.matmul(a, b)",
    "mul": "tg.multiply(x, y)",
    "multinomial": "rng.choice(len(p), p=p), with rng = np.random.default_rng()",
    "nan": "np.nan",
    "neg": "tg.negative(x)",
    "newaxis": "np.newaxis, or None",
    "nn": "the separate package nn: import nn",
    "norm": "tg.linalg.norm(x)",
    "normal": "tg.tensor(rng.normal(mean, std, shape)), with rng = np.random.default_rng()",
    "normalize": "x / tg.linalg.norm(x, axis=-1, keepdims=True)",
    "numel": "x.size",
    "numpy": "NumPy itself, as in np.sin(x), or tg.sin(x)",
    "one_hot": "nn.functional.one_hot(labels, classes)",
    "ones": "tg.tensor(np.ones(shape))",
    "optim": "nn.SGD, nn.Adam and others, after import nn",
    "Parameter": "tg.tensor(data, requires_grad=True)",
    "permute": "tg.transpose(x, axes)",
    "pi": "np.pi",
    "primitive": "@tg.op(x=lambda g, x: ...)",
    "rand": "tg.tensor(rng.random(shape)), with rng = np.random.default_rng()",
    "randint": "rng.integers(low, high, shape), with rng = np.random.default_rng()",
    "randn": "tg.tensor(rng.normal(size=shape)), with rng = np.random.default_rng()",
    "random": "np.random.default_rng(seed)",
    "randperm": "rng.permutation(n), with rng = np.random.default_rng()",
    "relu": "nn.functional.relu(x), or tg.maximum(x, 0)",
    "rsqrt": "1 / tg.sqrt(x)",
    "save": "nn.Model.save(path), or np.save",
    "set_default_dtype": "the dtype of the data, and dtype= of layers: nothing is converted",
    "set_detect_anomaly": "with tg.detect_anomaly():",
    "set_grad_enabled": "with tg.no_grad(): or with tg.enable_grad():",
    "set_num_threads": "the environment variable OMP_NUM_THREADS, before NumPy is imported",
    "set_printoptions": "np.set_printoptions",
    "silu": "nn.functional.silu(x)",
    "stop_gradient": "x.detach()",
    "sub": "tg.subtract(x, y)",
    "svd": "tg.linalg.svd(x)",
    "topk": "tg.sort(x)[..., -k:], and np.argsort(x)[..., -k:] for the indices",
    "tree_map": "a container as the argument: tg.grad and the others take nested lists, tuples and dicts",
    "triu_indices": "np.triu_indices(n)",
    "unsqueeze": "tg.expand_dims(x, axis)",
    "utils": "nn.data.Batches(X, y, batch_size=...) for data, nn.ClipGradients for clipping",
    "Variable": "tg.tensor(data, requires_grad=True)",
    "vmap": "broadcasting: write the function for a batch",
    "zeros": "tg.tensor(np.zeros(shape))",
}
"""Function of PyTorch, JAX or TensorFlow -> equivalent in tensorgrad."""

METHODS = {
    "add": "t + other",
    "add_": "t.data += other, or t = t + other",
    "at": "t[i] = v, which gives t a new value",
    "bmm": "t @ other",
    "bool": "t.astype(bool)",
    "chunk": "tg.array_split(t, parts, axis)",
    "clamp": "t.clip(min, max)",
    "clamp_": "t.data = np.clip(t.data, min, max)",
    "clone": "t.copy()",
    "contiguous": "t: results are arrays of NumPy, in any memory order",
    "copy_": "t.data = values",
    "cpu": "t: it is a NumPy array already",
    "cuda": "t: tensors compute on the CPU, or on the device of the array that they hold",
    "det": "tg.linalg.det(t)",
    "detach_": "t.detach()",
    "device": "t.data.device",
    "dim": "t.ndim",
    "div": "t / other",
    "div_": "t.data /= other, or t = t / other",
    "double": "t.astype(np.float64)",
    "eq": "t == other",
    "expand": "tg.broadcast_to(t, shape)",
    "expand_as": "tg.broadcast_to(t, other.shape)",
    "fill_": "t.data = np.full(t.shape, value)",
    "float": "t.astype(np.float32)",
    "gather": "tg.take_along_axis(t, indices, axis)",
    "ge": "t >= other",
    "grad_fn": "t.node",
    "gt": "t > other",
    "half": "t.astype(np.float16)",
    "index_select": "tg.take(t, indices, axis)",
    "int": "t.astype(int)",
    "inverse": "tg.linalg.inv(t)",
    "le": "t <= other",
    "long": "t.astype(np.int64)",
    "lt": "t < other",
    "masked_fill": "tg.where(mask, value, t)",
    "masked_fill_": "t[mask] = value",
    "masked_select": "t[mask]",
    "matmul": "t @ other",
    "maximum": "tg.maximum(t, other)",
    "minimum": "tg.minimum(t, other)",
    "mm": "t @ other",
    "movedim": "tg.moveaxis(t, source, destination)",
    "mul": "t * other",
    "mul_": "t.data *= other, or t = t * other",
    "narrow": "t[start:end]",
    "nbytes": "t.data.nbytes",
    "ndimension": "t.ndim",
    "ne": "t != other",
    "neg": "-t",
    "nelement": "t.size",
    "new_ones": "tg.tensor(np.ones(shape, t.dtype))",
    "new_tensor": "tg.tensor(data, dtype=t.dtype)",
    "new_zeros": "tg.tensor(np.zeros(shape, t.dtype))",
    "norm": "tg.linalg.norm(t)",
    "normal_": "t.data = rng.normal(size=t.shape), with rng = np.random.default_rng()",
    "numel": "t.size",
    "permute": "t.transpose(axes)",
    "pow": "t ** exponent",
    "relu": "nn.functional.relu(t)",
    "requires_grad_": "t.requires_grad = True",
    "retains_grad": "t.retain_grad()",
    "rsqrt": "1 / tg.sqrt(t)",
    "scatter_": "tg.put_along_axis(t, indices, values, axis)",
    "split": "tg.array_split(t, parts, axis)",
    "sub": "t - other",
    "sub_": "t.data -= other, or t = t - other",
    "t": "t.T",
    "to": "t.astype(dtype), or, for a GPU, tg.tensor(cupy.asarray(t.numpy()))",
    "topk": "tg.sort(t)[..., -k:], and np.argsort(t)[..., -k:] for the indices",
    "type": "t.astype(dtype)",
    "type_as": "t.astype(other.dtype)",
    "unbind": "tg.unstack(t, axis=axis)",
    "uniform_": "t.data = rng.uniform(low, high, t.shape), with rng = np.random.default_rng()",
    "unsqueeze": "tg.expand_dims(t, axis)",
    "view": "t.reshape(shape)",
    "view_as": "t.reshape(other.shape)",
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
"""PyTorch argument, or a plural -> NumPy argument."""


DRAWING = {
    "collapse": "To draw each module as one box, use tg.draw(..., depth=0).",
    "collapsed": "To draw each module as one box, use tg.draw(..., depth=0).",
    "expand_nested": "Leave it out: modules are drawn in full unless depth is set.",
    "filename": "Call save(path) on the result.",
    "format": "Call save(path) on the result.",
    "params": "Leave it out: a leaf has the name passed to tg.tensor(..., name=...) or its name in a module.",
    "path": "Call save(path) on the result.",
    "rankdir": "Use direction.",
    "show_shapes": "Leave it out: shapes are shown.",
    "to_file": "Call save(path) on the result.",
}
"""Argument of torchviz, Keras or Graphviz -> what to do in `draw` and `walkthrough`."""


def function_hint(name: str) -> str:
    """Return the end of a message about an unknown function.

    >>> function_hint("cat"), function_hint("dog")
    ('. Use tg.concatenate(tensors, axis=0)', '')
    """
    return f". Use {FUNCTIONS[name]}" if name in FUNCTIONS else ""


class Hint:
    """Missing attribute of a class; the error names its counterpart in this package.

    A `__getattr__` would also work, but slows down access to every other attribute.
    """

    def __init__(self, name: str, hint: str) -> None:
        self.name, self.hint = name, hint

    def __get__(self, instance: Any, owner: type) -> Any:
        raise AttributeError(f"{owner.__name__!r} object has no attribute {self.name!r}. Use {self.hint}")


def add_hints(tensor: type, functions: Iterable[str]) -> None:
    """Add hints to the tensor class for PyTorch's names and for functions that are not methods."""
    hints = {name: f"the function tg.{name}(t)" for name in functions} | METHODS
    for name, hint in hints.items():
        if not hasattr(tensor, name):
            setattr(tensor, name, Hint(name, hint))


def unexpected_argument(function: str, names: Iterable[str]) -> TypeError:
    """Return Python's error for an unknown argument, extended with the name used in this package."""
    name = next(iter(names))
    hint = f" Use {KEYWORDS[name]!r}, as in NumPy." if name in KEYWORDS else ""
    return TypeError(f"{function}() got an unexpected keyword argument {name!r}.{hint}")


def renamed_argument(error: TypeError) -> TypeError | None:
    """Return Python's error for an unknown argument, extended with the name used in this package; None without one."""
    unknown = re.match(r"(\w+)\(\) got an unexpected keyword argument '(\w+)'$", str(error))
    return unexpected_argument(unknown[1], [unknown[2]]) if unknown and unknown[2] in KEYWORDS else None


def wrong_arguments(operation: Any, keywords: Iterable[str], error: TypeError) -> TypeError:
    """Return Python's error for arguments that do not match the signature of `operation`."""
    unknown = [name for name in keywords if name not in operation.signature.parameters]
    return unexpected_argument(operation.name, unknown) if unknown else TypeError(f"{operation.name}() {error}.")
