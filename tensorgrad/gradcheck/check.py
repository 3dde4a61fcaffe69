"""Checks of derivatives against finite differences."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tensorgrad import _messages
from tensorgrad._arrays import as_array, has_values, is_foreign, on_device_of
from tensorgrad.gradcheck.comparison import Comparison, Settings, backward
from tensorgrad.gradcheck.differences import STEP
from tensorgrad.modes import enable_grad
from tensorgrad.tensor import Tensor, plain


def gradcheck(
    f: Callable[..., Tensor | Sequence[Tensor]],
    inputs: Any,
    *,
    order: int = 1,
    eps: float = STEP,
    rtol: float = 1e-5,
    atol: float = 0.0,
    fast: bool = True,
    rng: np.random.Generator | np.random.RandomState | int | None = 0,
) -> bool:
    """Check the derivatives of `f` at `inputs` against central differences in float64.

    A derivative is correct if |got - expected| <= atol + rtol |expected| + the error of the difference. The step is
    adapted to each element and the function: the first step is proportional to the element. Where its result is not
    accurate enough, a ladder of steps with Richardson extrapolation follows. So log can be checked at 1e-8 and sin
    at 1e8.

    Up to 64 elements, every entry of the Jacobian is compared. Above that, `fast` compares the derivative along three
    random directions in each input (two calls of `f` each). Only an input that fails is then compared entry by
    entry, and this comparison is decisive. The random directions miss an error only by chance, unless it is below
    `rtol` of the whole gradient of that input: one slightly wrong element among very many. `fast=False` finds these.

    At a kink (relu or abs at 0, a tie in max) there is no derivative: the one-sided slopes differ, however small the
    step. A value between them is a valid subgradient. It passes, with a `GradcheckWarning` that names the position. Any
    other value is an error.

    Args:
        f: takes the inputs and returns one or several float64 tensors of any shape. It must be deterministic. It is
            called with copies of the inputs. If it takes no arguments, `inputs` are the leaf tensors that it uses;
            their values are changed in place and restored, even after an error. Errors that it raises outside its
            domain, which a long step may reach, are ignored.
        inputs: a tensor or array, or an iterable of them. Float64 arrays, numbers, and tensors that require a
            gradient are checked. Integers, booleans and other tensors are constants.
        order: 2 checks the second derivatives as well: the rules themselves must be differentiable.
        eps: the first step at elements of size 1 and more, and proportionally less at smaller ones. Default ∛ε ≈ 6e-6,
            where the errors of truncation and of rounding balance (*Numerical Recipes*, 3rd ed., section 5.7).
        rtol, atol: the tolerances. Derivatives below `atol` are not checked.
        fast: whether large inputs are compared along random directions first.
        rng: generator or seed for the random directions. None uses a new seed each time.

    Returns:
        True. Nothing that was passed in, and no `grad`, is changed.

    Raises:
        GradcheckError: a derivative is wrong. The message names the input and entry, the expected and actual values,
            and what their ratio usually means. Also raised if `f` is not deterministic, or not finite at the point or
            on one side of it.
        TypeError: an input to check, or an output, is not float64: in float32 a central difference has about three
            digits.
        ValueError: there is nothing to check (all inputs are integers, for example), or an argument is out of range.

    Examples:

    >>> import tensorgrad as tg
    >>> from tensorgrad.gradcheck import gradcheck
    >>> x, w = np.array([[1.0, 2.0]]), np.array([[0.5], [-1.0]])
    >>> gradcheck(lambda x, w: tg.tanh(x @ w), [x, w], order=2)
    True

    A network holds its parameters, so its loss takes no arguments:

    >>> weight = tg.tensor(w, requires_grad=True, name="weight")
    >>> gradcheck(lambda: tg.mean(tg.tanh(x @ weight)), [weight])
    True

    The message names the position and the likely mistake:

    >>> gradcheck(lambda x: x * x.detach(), np.array([1.0, 3.0]))
    Traceback (most recent call last):
    tensorgrad.gradcheck.comparison.GradcheckError: gradcheck: the derivative of output 0 (2,) with respect to input 0
    (2,) is wrong: 2 of 4 entries differ.
    <BLANKLINE>
        output index   input index   expected   got   got / expected
                (1,)          (1,)          6     3              0.5
                (0,)          (0,)          2     1              0.5
    <BLANKLINE>
    Usually this means: missing factor 2. Half of the gradient is missing: one of two paths (x * x has two), ...
    """
    if order not in (1, 2):
        raise ValueError(f"gradcheck: order must be 1 or 2, got {order!r}.")
    if not (0 < eps < math.inf and 0 <= rtol < math.inf and 0 <= atol < math.inf):
        raise ValueError(f"gradcheck: expected eps > 0, rtol >= 0 and atol >= 0, got {eps=}, {rtol=}, {atol=}.")
    drawing = isinstance(rng, (np.random.Generator, np.random.RandomState))
    if not drawing and rng is not None and (isinstance(rng, bool) or not isinstance(rng, (int, np.integer))):
        raise TypeError(f"gradcheck: rng must be a np.random.Generator, a RandomState, a seed or None, got {rng!r}.")
    random: Any = rng if drawing else np.random.default_rng(rng)
    settings = Settings(eps, rtol, atol, random)
    call, leaves, names = _prepared(f, inputs)

    with np.errstate(all="ignore"):  # values that are not finite are reported with their position instead
        first = Comparison(call, leaves, names, "output {}".format, settings)
        first.check(fast=fast)
        if not first.connected:
            raise ValueError(
                "gradcheck: f does not use any of the inputs, so nothing was checked. For tensors that f does not take "
                "as arguments, such as a network's parameters, pass an f without arguments: "
                "gradcheck(lambda: loss(), parameters)."
            )
        if order == 2:
            _second(first).check(fast=fast)
    return True


def _second(first: Comparison) -> Comparison:
    """Return the comparison for the gradients of `first` as functions of its leaves and the upstream gradients."""
    random = first.settings.random
    upstream = [
        Tensor(on_device_of(np.array(random.standard_normal(each.shape)), each.array), requires_grad=True)
        for each in first.recorded
    ]

    def gradients() -> list[Tensor]:
        with enable_grad():
            found = backward(first.call(), first.leaves, upstream, create_graph=True)
        return [Tensor(np.zeros_like(leaf.array)) if each is None else each for leaf, each in zip(first.leaves, found)]

    return Comparison(
        gradients,
        [*first.leaves, *upstream],
        [*first.inputs, *(f"the upstream gradient of {first.outputs(i)}" for i in range(len(upstream)))],
        lambda position: f"the gradient with respect to {first.inputs[position]}",
        first.settings,
    )


def _prepared(f: Callable[..., Any], inputs: Any) -> tuple[Callable[[], list[Tensor]], list[Tensor], list[str]]:
    """Return `f` as a function without arguments, the leaves it depends on, and their names."""
    single = isinstance(inputs, (Tensor, np.ndarray)) or is_foreign(inputs) or not isinstance(inputs, Iterable)
    given: list[Any] = [inputs] if single else list(inputs)
    checked = {position: name for position, each in enumerate(given) if (name := _checked_name(position, each))}
    if not checked:
        raise ValueError(
            "gradcheck: nothing to check: none of the inputs is a float64 array or a tensor with requires_grad=True"
            f"{_as_floats(given)}."
        )
    names = list(checked.values())

    if not _takes_arguments(f):
        leaves = [given[position] for position in checked]
        for leaf, name in zip(leaves, names):
            if not (isinstance(leaf, Tensor) and leaf.is_leaf):
                raise ValueError(
                    f"gradcheck: f takes no arguments, so the inputs must be the leaf tensors that it uses, but {name} "
                    f"is {'the result of an operation' if isinstance(leaf, Tensor) else 'an array'}."
                )
        return lambda: _outputs(f()), leaves, names

    copies = {
        position: Tensor(np.copy(as_array(plain(each))), requires_grad=True, name=getattr(each, "name", None))
        for position, each in enumerate(given)
        if position in checked
    }
    arguments = [copies.get(position, each) for position, each in enumerate(given)]
    return lambda: _outputs(f(*arguments)), list(copies.values()), names


def _checked_name(position: int, value: Any) -> str | None:
    """Return the name of an input to check; None for a constant."""
    if isinstance(value, Tensor) and not value.requires_grad:
        return None
    name = f"input {position}"
    if isinstance(value, Tensor) and value.name is not None:
        name += f" {value.name!r}"
    array = as_array(plain(value))
    if not has_values(array):
        raise _messages.numpy_only("gradcheck", "finite differences change single elements")
    dtype = array.dtype
    if dtype.kind in "iub":
        return None
    if dtype != np.float64:
        raise TypeError(
            f"gradcheck: central differences need float64, but {name} is {dtype}. Check a float64 version: "
            "np.float64(x) for arrays, tg.tensor(x, dtype=np.float64) for tensors, dtype=np.float64 for layers."
        )
    return name


def _as_floats(given: Sequence[Any]) -> str:
    """Return a hint about inputs that are integers or booleans; empty if there are none."""
    for position, value in enumerate(given):
        dtype = value.dtype if isinstance(value, Tensor) else np.asarray(value).dtype
        if dtype.kind in "iub":
            kind = "booleans" if dtype.kind == "b" else "integers"
            return f", and {kind} are constants. Input {position} is {dtype}: pass np.float64(x) to check it"
    return ""


def _takes_arguments(f: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(f).parameters.values()
    except ValueError:  # some functions written in C have no signature
        return True
    return any(p.kind is not p.KEYWORD_ONLY and p.kind is not p.VAR_KEYWORD for p in parameters)


def _outputs(result: Any) -> list[Tensor]:
    outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    if not outputs:
        raise ValueError("gradcheck: f returned no output.")
    for position, output in enumerate(outputs):
        if not isinstance(output, Tensor):
            raise TypeError(
                f"gradcheck: output {position} of f is a {type(output).__name__}, expected a Tensor. Compute with "
                "tensors throughout: numpy(), data, item() and float() leave the graph."
            )
        if output.dtype != np.float64:
            raise TypeError(
                f"gradcheck: output {position} of f is {output.dtype}, expected float64. Look for a constant or an "
                "astype that changes the dtype, or leave out integer outputs."
            )
    return outputs
