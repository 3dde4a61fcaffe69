"""Operations composed of other operations, and methods that differ from NumPy's functions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from tensorgrad import _messages, _operands
from tensorgrad._declaration import announce
from tensorgrad.domains import REAL, Case, Domain
from tensorgrad.op import Operation
from tensorgrad.tensor import Tensor, plain

P = ParamSpec("P")
R = TypeVar("R")


def composed(
    *inputs: str,
    numpy: Callable[..., Any] | Sequence[Callable[..., Any]] = (),
    methods: Sequence[str] = (),
    sequence: str | None = None,
    domain: Domain | dict[str, Domain] = REAL,
    examples: Sequence[Case] = (),
    reference: Callable[..., Any] | None = None,
    numpy_only: str = "",
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare an operation that is composed of other operations and therefore needs no rules.

    The decorated function is called with its arguments unchanged, including tensors, and may return several tensors.
    It implements NumPy's functions for tensors and is tested like every other operation.

    Args:
        inputs: the parameters that can be tensors.
        numpy, methods, sequence, domain, examples, reference, numpy_only: as in `op`.

    >>> import numpy as np, tensorgrad as tg
    >>> @composed("x")
    ... def root_mean_square(x):
    ...     return tg.sqrt(tg.mean(tg.square(x)))
    >>> root_mean_square([3.0, 3.0])
    Tensor(3.)
    """

    def declare(forward: Callable[P, R]) -> Callable[P, R]:
        name, signature = forward.__name__, inspect.signature(forward)

        single = frozenset(inputs) - {sequence}

        @functools.wraps(forward)
        def function(*args: P.args, **kwargs: P.kwargs) -> R:
            if numpy_only and _operands.holds_foreign(_operands.spread(args, kwargs)):
                raise _messages.numpy_only(name, numpy_only)
            try:
                if single and any(map(_is_list_of_tensors, (*args, *kwargs.values()))):
                    bound = signature.bind(*args, **kwargs)
                    for each in single & bound.arguments.keys():
                        bound.arguments[each] = _operands.check_operand(bound.arguments[each], name)
                    return forward(*bound.args, **bound.kwargs)
                return forward(*args, **kwargs)
            except Exception as error:
                if error.__traceback__ is not None and error.__traceback__.tb_next is None:
                    raise  # the arguments do not fit the parameters; Python's message names them
                arguments = signature.bind(*args, **kwargs).arguments
                better = _messages.explained(error, name, {i: plain(arguments.get(i)) for i in inputs})
                if better is None:
                    raise
                try:
                    raise better from error
                finally:
                    del better  # break the cycle exception → traceback → frame → exception

        operation = Operation(
            name=name, forward=forward, signature=signature, inputs=inputs, sequence=sequence, domain=domain,
            examples=tuple(examples), numpy=(numpy,) if callable(numpy) else tuple(numpy), methods=tuple(methods),
            reference=reference, numpy_only=numpy_only,
        )  # fmt: skip
        announced: Callable[P, R] = announce(function, operation)
        return announced

    return declare


def _is_list_of_tensors(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and _operands.contains_tensor(value)


def method(name: str, function: Any) -> None:
    """Add `function` to `Tensor` as a method whose arguments differ from those of NumPy's function."""
    setattr(Tensor, name, function)
