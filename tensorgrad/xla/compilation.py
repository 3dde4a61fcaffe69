"""A function of tensors as an XLA program."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable, Iterable
from types import MethodType
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np

from tensorgrad.modes import current_mode
from tensorgrad.xla._arguments import Arguments, static_names
from tensorgrad.xla._program import Plan, Program
from tensorgrad.xla._reachable import Surroundings
from tensorgrad.xla._refusals import name_of

P = ParamSpec("P")
R = TypeVar("R")

MANY = 16
"""Number of programs of one function after which a warning is given."""


class Compiled(Generic[P, R]):
    """A function compiled by XLA; see `tg.compile`.

    Args:
        function, static: as in `tg.compile`.

    Attributes:
        function: the original function.
        traces: the number of times it was traced, which is the number of programs.
        iteration: the number of calls, which determines the random numbers. Can be set, to repeat or resume a run.

    >>> import numpy as np, tensorgrad as tg
    >>> step = Compiled(tg.value_and_grad(lambda w, x: tg.sum((x @ w) ** 2)))
    >>> value, gradient = step(np.array([1.0, 2.0]), np.eye(2))
    >>> value.item(), gradient.numpy()
    (5.0, array([2., 4.]))
    >>> step.traces
    1
    """

    def __init__(self, function: Callable[P, R], *, static: str | int | Iterable[str | int] = ()) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.traces = 0
        self.iteration = 0
        self._given_static = (static,) if isinstance(static, (str, int)) else tuple(static)
        self._static = static_names(function, list(self._given_static))
        self._lock = threading.RLock()
        self._programs: dict[Any, Program] = {}
        self._last: Program | None = None
        self._ran: Plan | None = None
        self._seeds: dict[int, tuple[Any, int]] = {}

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the result of the program for these arguments."""
        if current_mode().since:
            return self.function(*args, **kwargs)
        with self._lock:
            arguments = Arguments(args, kwargs, self._static)
            program = self._last
            if program is None or not program.fits(arguments):
                program = self._program_for(arguments)
            tensors, generators = program.tensors_of(arguments), program.surroundings.generators
            seeds = [self.iteration, *map(self.seed_of, generators)] if generators else None
            self._last = None
            outcome = program.run(arguments, tensors, seeds)
            result: R = outcome.plan.finish(outcome.values, tensors)
            self.iteration += 1
            self._ran, self._last = outcome.plan, program
            if outcome.plan.is_new:
                self._note_trace(outcome.plan)
            return result

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return the function bound to an instance, for methods that are compiled."""
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        """Copy and pickle the function without its programs."""
        return functools.partial(Compiled, static=self._given_static), (self.function,)

    def __searched__(self) -> list[Any]:
        """Return what is searched for tensors when another compiled function calls this one."""
        return [self.function]

    def _program_for(self, arguments: Arguments) -> Program:
        """Return the program for these arguments: an earlier one, or a new one."""
        surroundings = Surroundings(self.function, *arguments.objects)
        places = tuple(map(surroundings.place, arguments.tensors))
        key = (surroundings.key, surroundings.flags(), arguments.structure, places, current_mode())
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = Program(self.function)
        program.use_for(arguments, surroundings)
        return program

    def seed_of(self, generator: Any) -> int:
        """Return the seed for a NumPy random generator. It is drawn from the generator when it is first used."""
        if id(generator) not in self._seeds:
            draw = generator.integers if isinstance(generator, np.random.Generator) else generator.randint
            self._seeds[id(generator)] = generator, int(draw(2**31 - 1))
        return self._seeds[id(generator)][1]

    def _note_trace(self, plan: Plan) -> None:
        plan.is_new = False
        self.traces += 1
        self._last = None  # tracing may have changed what the function uses, such as caches
        if self.traces == MANY:
            warnings.warn(
                f"compile: {name_of(self.function)} was traced {MANY} times, which is slow. Each new shape, dtype, "
                "integer, string or attribute needs another program. Pass numbers that change as floats or arrays, "
                "use few shapes, and leave optimizers, which count their steps, outside.",
                stacklevel=3,
            )

    # -- what ran last ------------------------------------------------------------------------------------

    @property
    def hlo(self) -> str:
        """The optimised program that ran last, in XLA's text format."""
        return str(self._executable().as_text())

    @property
    def flops(self) -> float:
        """Floating-point operations of the program that ran last, as XLA estimates them."""
        return self._cost("flops")

    @property
    def bytes_accessed(self) -> float:
        """Bytes that the program that ran last reads and writes, as XLA estimates them."""
        return self._cost("bytes accessed")

    def _cost(self, name: str) -> float:
        analysis = self._executable().cost_analysis()
        return float((analysis or {}).get(name, float("nan")))

    def _executable(self) -> Any:
        if self._ran is None:
            raise RuntimeError(f"compile: {name_of(self.function)} has not been called yet, so there is no program.")
        return self._ran.executable()

    def __repr__(self) -> str:
        return f"<compiled {name_of(self.function)}, traces={self.traces}>"
