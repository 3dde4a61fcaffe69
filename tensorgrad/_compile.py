"""`tg.compile`, which loads JAX on the first call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from tensorgrad.xla import Compiled

P = ParamSpec("P")
R = TypeVar("R")


def compile(function: Callable[P, R], *, static: str | int | Iterable[str | int] = ()) -> Compiled[P, R]:
    """Return a function that computes the same as `function`, as one program compiled by XLA.

        step = tg.compile(tg.value_and_grad(loss_function))
        value, gradients = step(weights, x, y)

    The first call traces the function: it runs once with placeholders for the arrays, and XLA compiles what was
    computed. Later calls run the program. Everything that tensorgrad computes can be part of it, such as
    `value_and_grad`, `hvp`, `jvp` or a backward pass.

    **Arguments** are nested tuples, lists and dicts. Tensors, arrays and floats are inputs of the program. Everything
    else, such as integers, strings and functions, decides what is computed: other values need another program. So do
    other shapes and dtypes, and `static` arguments.

    **Tensors** that the function uses in addition to its arguments, such as the parameters and buffers of layers, are
    found through closures, `__self__`, global variables, attributes and containers. They are inputs too, and also
    outputs if the function changes their values or gradients; they then hold XLA arrays. Results are tensors that
    hold XLA arrays and have no graph: differentiate inside the function. Plain attributes, such as `training`,
    decide which program runs. **NumPy arrays** that the function uses in addition to its arguments are constants of
    the program: later writes into them have no effect.

    Everything else that the function does, such as printing, happens only while it is traced.

    Args:
        function: a function, a method or a module.
        static: names or positions of arguments that decide what is computed although they are floats or arrays.

    Returns:
        A function with the attributes `traces`, the number of programs, and `hlo`, `flops` and `bytes_accessed`, which
        describe the program that ran last.

    Raises:
        TypeError: `function` is not callable.
        ModuleNotFoundError: JAX is not installed.
        TraceError: when called, if the function does what a program cannot do: if it branches on a value, computes a
            result whose shape depends on values, writes into an array that it was called with, draws from a NumPy
            generator, or uses a tensor that requires a gradient and was not found.

    Warns:
        UserWarning: once, if the function was traced many times.
    """
    if not callable(function):
        raise TypeError(f"compile: expected a function, got {type(function).__name__}.")
    from tensorgrad import xla

    return xla.Compiled(function, static=static)
