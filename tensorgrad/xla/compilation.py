"""`tg.compile`: a function of tensors as a program of XLA."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable, Iterable
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


def compile(function: Callable[P, R], *, static: str | int | Iterable[str | int] = ()) -> Compiled[P, R]:
    """Return a function that computes the same as `function`, as one program compiled by XLA.

    The first call traces the function: it runs once with placeholders for the arrays, and XLA compiles what was
    computed. Later calls run the program. Everything that tensorgrad computes can be part of it, such as
    `value_and_grad`, `hvp`, `jvp` or a backward pass.

    **Arguments** are nested tuples, lists and dicts. Tensors, arrays and floats are inputs of the program. Everything
    else, such as integers, strings and functions, decides what is computed: other values need another program. So do
    other shapes and dtypes, and `static` arguments.

    **Tensors** that the function uses besides its arguments, such as the parameters and buffers of layers, are found
    through closures, `__self__`, global variables, attributes and containers. They are inputs too, and also outputs if
    the function changes their values or gradients; they then hold arrays of XLA. Results are tensors that hold arrays
    of XLA and have no graph: differentiate inside the function. Plain attributes, such as `training`, decide which
    program runs. **Arrays of NumPy** that the function uses besides its arguments are constants of the program: later
    writes into them have no effect.

    Everything else that the function does, such as printing, happens only while it is traced.

    Args:
        function: a function, a method or a module.
        static: names or positions of arguments that decide what is computed although they are floats or arrays.

    Returns:
        A function with the attributes `traces`, the number of programs, and `hlo`, `flops` and `bytes_accessed`, which
        describe the program that ran last.

    Raises:
        TraceError: when called, if the function does what a program cannot do: if it branches on a value, computes a
            result whose shape depends on values, writes into an array that it was called with, draws from a generator
            of NumPy, or uses a tensor that requires a gradient and was not found.

    Warns:
        UserWarning: once, if the function was traced very often.

    >>> import numpy as np, tensorgrad as tg
    >>> step = tg.compile(tg.value_and_grad(lambda w, x: tg.sum((x @ w) ** 2)))
    >>> value, gradient = step(np.array([1.0, 2.0]), np.eye(2))
    >>> value.item(), gradient.numpy()
    (5.0, array([2., 4.]))
    >>> step.traces
    1
    """
    return Compiled(function, static=static)


class Compiled(Generic[P, R]):
    """A function compiled by XLA; see `compile`.

    Attributes:
        function: the original function.
        traces: how often it was traced: the number of programs.
        iteration: the number of calls, from which random numbers follow. Can be set, to repeat or resume a run.
    """

    def __init__(self, function: Callable[P, R], *, static: str | int | Iterable[str | int] = ()) -> None:
        if not callable(function):
            raise TypeError(f"compile: expected a function, got {type(function).__name__}.")
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.traces = 0
        self.iteration = 0
        self._static = static_names(function, [static] if isinstance(static, (str, int)) else list(static))
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
            self._ran, self._last = outcome.plan, program
            if outcome.plan.is_new:
                self._note_trace(outcome.plan)
            self.iteration += 1
            result: R = outcome.plan.finish(outcome.values, tensors)
            return result

    def __searched__(self) -> list[Any]:
        """Return where the tensors of a compiled function are found that another compiled function calls."""
        return [self.function]

    def _program_for(self, arguments: Arguments) -> Program:
        """Return the program for these arguments: an earlier one, or a new one."""
        surroundings = Surroundings(self.function, *arguments.objects)
        places = tuple(map(surroundings.place, arguments.tensors))
        key = (surroundings.key, tuple(surroundings.flags()), arguments.structure, places, current_mode())
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = Program(self.function)
        program.use_for(arguments, surroundings)
        return program

    def seed_of(self, generator: Any) -> int:
        """Return the seed for a random generator of NumPy. It is drawn from the generator when it is first used."""
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
                "integer, string or attribute needs another program. Pass numbers that change as floats or arrays, and "
                "use few shapes.",
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
        return f"<compiled {name_of(self.function)}: {self.traces} programs>"
