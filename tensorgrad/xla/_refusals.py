"""Error messages about what cannot be traced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from tensorgrad._messages import TraceError, user_line


def name_of(function: Any) -> str:
    """Return the name of a function or a callable object."""
    return str(getattr(function, "__qualname__", type(function).__name__))


def value_needed(asker: str, shape: tuple[int, ...]) -> TraceError:
    """Return the error for code that needs the values of a traced array."""
    return TraceError(
        f"compile: {asker} needs the values of an array of shape {shape}, which are only known when the compiled "
        f"program runs. At {user_line()}\nChoose between values with tg.where(condition, x, y), keep them as tensors, "
        "or pass a number that decides what is computed as a static argument."
    )


def values_needed(shape: tuple[int, ...]) -> TraceError:
    """Return the error for converting a traced array to NumPy, or writing it into a NumPy array."""
    return TraceError(
        f"compile: a NumPy array cannot hold an array of shape {shape} whose values are only known when the "
        f"compiled program runs. At {user_line()}\nDo not convert it with np.asarray or write it into an array of "
        "NumPy, as in a[i] = x. Compute a new array instead, such as np.where(mask, x, a), and return it."
    )


def shape_from_values(function: Callable[..., Any]) -> TraceError:
    """Return the error for a function whose result has a shape that depends on values."""
    return TraceError(
        f"compile: the shape of the result of np.{function.__name__} depends on values, which are only known when the "
        f"compiled program runs. At {user_line()}\nCompute it outside the compiled function, or use tg.where and "
        "multiplication by a mask, whose results have a fixed shape."
    )


def unknown_function(function: Callable[..., Any]) -> TraceError:
    """Return the error for a NumPy function that XLA lacks."""
    return TraceError(
        f"compile: np.{function.__name__} cannot run on XLA arrays: jax.numpy has no such function. At "
        f"{user_line()}\nCompute it outside the compiled function, or with other functions."
    )


def written(reason: str) -> TraceError:
    """Return the error for writing into an array that must not change."""
    return TraceError(
        f"compile: this array cannot be written into: {reason}. At {user_line()}\nCompute a new array instead, such as "
        "np.where(mask, new, old), and return it, or assign it to the data of a tensor."
    )


def refuse_masks(index: Any) -> None:
    """Raise an error if an index holds a mask whose values are not known.

    Raises:
        TraceError: the result's shape depends on values.
    """
    for each in index if isinstance(index, tuple) else (index,):
        if isinstance(each, jax.core.Tracer) and each.dtype == bool:
            raise TraceError(
                "compile: the shape of x[mask] depends on the values of the mask, which are only known when the "
                f"compiled program runs. At {user_line()}\nUse tg.where(mask, x, 0), whose result has the shape of x."
            )


def drew() -> TraceError:
    """Return the error for a NumPy generator that drew while a function was traced."""
    return TraceError(
        "compile: a NumPy random generator drew numbers while the function was traced, and the program would repeat "
        "them in every call. Draw outside and pass the numbers as an argument, or draw from "
        "tensorgrad.randomness.source(generator), as the layers of nn do."
    )


def unknown_generator() -> TraceError:
    """Return the error for a generator that was not found before tracing."""
    return TraceError(
        f"compile: a random generator was made inside the compiled function. At {user_line()}\nMake it outside, such "
        "as in the constructor of a layer."
    )


def graph_lost() -> TraceError:
    """Return the error for a result whose graph leads to an argument."""
    return TraceError(
        "compile: a result depends on an argument that requires a gradient, and its graph would be lost, because the "
        "results of a program have none. Differentiate inside the compiled function, as in "
        "tg.compile(tg.value_and_grad(f)), or call it under tg.no_grad() or with detach() of the argument."
    )


def made_by_operation(tensor: Any) -> TraceError:
    """Return the error for a tensor of a graph that a function uses besides its arguments."""
    name = f" {tensor.name!r}" if tensor.name else ""
    return TraceError(
        f"compile: the function uses the tensor{name} {tensor.shape}, the result of an operation outside of it, to "
        "which no gradient can be passed back. Compute it inside the compiled function, or use detach()."
    )


def attribute_changed(name: Any, before: Any, after: Any) -> TraceError:
    """Return the error for a plain value that changes in every call."""
    return TraceError(
        f"compile: {name!r} changed from {before!r} to {after!r} while the function was traced. A compiled program "
        "changes tensors only, so later calls would not change it. Keep the number in a tensor, or change it outside. "
        "Optimizers of nn count their steps: call step() outside, or use nn.Model(..., compile=True)."
    )


def gradient_switched(tensor: Any) -> TraceError:
    """Return the error for a tensor whose `requires_grad` changed."""
    return TraceError(
        f"compile: requires_grad of the tensor {tensor.shape} was changed while the function was traced. Change it "
        "outside the compiled function."
    )
