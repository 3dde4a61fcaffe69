"""Compare contestants, each in its own process, timed in turn and compared in pairs.

Contestants run in separate processes because the number of threads is fixed before NumPy or PyTorch is loaded, and
because the idle workers of one thread pool keep spinning for a while and would slow down the other contestant. For the
same reason there is a pause before each turn, followed by an untimed step that wakes the contestant's threads.

They are compared in pairs because the speed of a shared machine drifts by more than the difference to be measured. Both
members of a pair run under nearly the same conditions, and the median of their ratios is robust to disturbed pairs. If
most pairs are disturbed (other programs slow down two threads that wait for each other most), the ratio of the fastest
turns is more reliable. A target is met if both ratios meet it.
"""

from __future__ import annotations

import base64
import json
import math
import os
import pickle
import statistics
import subprocess
import sys
import time
import timeit
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from table import Ratio, Row

PAUSE = 0.15
"""Seconds before each turn of several threads: OpenBLAS's idle ones spin for 2²⁸ cycles, 0.10 s at 2.6 GHz."""

TURN = 0.05
"""Seconds that one turn should last at least."""


@dataclass(frozen=True)
class Contestant:
    """One way to do the work.

    Attributes:
        name: shown in the table.
        builder: makes the step to be timed. A function of a module, or a `functools.partial` of one: it is sent to
            another process, and imports its library there. A step returns a number, the same for all contestants.
        at_most: the time of the first contestant of the race, divided by this one's, that is the target.
        units: how many units of work one step does; the table shows the time of one.
        tree: the checkout from which tensorgrad is imported, if not the installed one.
    """

    name: str
    builder: Callable[[], Callable[[], Any]]
    at_most: float | None = None
    units: int = 1
    tree: str | None = None


class Turn(NamedTuple):
    """Seconds for one unit of work."""

    wall: float
    processors: float


class Worker:
    """A running `worker.py`. Its standard error is ours, so that a contestant's failure can be read."""

    def __init__(self, contestant: Contestant, threads: int) -> None:
        counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
        cpus = ",".join(map(str, available_cpus()[:threads]))
        builder = base64.b64encode(pickle.dumps(contestant.builder)).decode()
        paths = {} if contestant.tree is None else {"PYTHONPATH": contestant.tree}
        self.contestant = contestant
        self.pause = PAUSE if threads > 1 else 0.0
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py")), cpus, builder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | counts | {"JAX_PLATFORMS": "cpu"} | paths,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.communicate()

    def ask(self, command: str) -> Any:
        """Send one command and wait for its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.contestant.name}: the process ended; its error is printed above.")
        return json.loads(answer)

    def turn(self, steps: int) -> Turn:
        """Measure the time of one unit over `steps` steps, after a pause."""
        time.sleep(self.pause)
        wall, processors = self.ask(f"time {steps}")
        units = steps * self.contestant.units
        return Turn(wall / units, processors / units)

    def enough_steps(self) -> int:
        """Return the number of steps in a turn."""
        steps = 1
        while (elapsed := self.turn(steps).wall * steps * self.contestant.units) < TURN and steps < 1_000_000:
            steps = max(steps + 1, math.ceil(steps * min(10, 1.2 * TURN / elapsed)))
        return steps


def race(
    title: str,
    contestants: Sequence[Contestant],
    *,
    rounds: int,
    threads: Sequence[int] = (1,),
    unit: str,
    agreeing_steps: int = 1,
    rtol: float = 1e-5,
    clock: Literal["wall", "processors"] = "wall",
) -> list[Row]:
    """Time the contestants in turn, `rounds` times, after checking that they compute the same.

    Args:
        title: the workload's name in the table.
        contestants: who takes part. The first is compared with each of the others.
        rounds: the number of turns of each.
        threads: the race is run once for each: how many threads each contestant may use, and CPUs it may run on.
            Numbers above the number of CPUs are left out.
        unit: what one unit of work is called.
        agreeing_steps: how many first steps must return the same numbers; 0 if the contestants do not do the same.
        rtol: the relative tolerance.
        clock: what the ratios compare: time on the clock, or that of the processors, which other programs disturb less.

    Raises:
        RuntimeError: the contestants disagree, or one of them failed.
    """
    rows: list[Row] = []
    for count in threads:
        if count > len(available_cpus()):
            continue
        with ExitStack() as stack:
            workers = [stack.enter_context(Worker(each, count)) for each in contestants]
            check_agreement(title, [(w.contestant.name, w.ask(f"values {agreeing_steps}")) for w in workers], rtol)
            steps = [worker.enough_steps() for worker in workers]
            turns: list[list[Turn]] = [[] for _ in workers]
            for _ in range(rounds):
                for worker, number, own in zip(workers, steps, turns):
                    own.append(worker.turn(number))
            memory = [worker.ask("memory") for worker in workers]
        first = turns[0]
        for each, own, used in zip(contestants, turns, memory):
            ratio = None if own is first else compare(first, own, each.at_most, clock)
            wall, processors = (f"{readable(statistics.median(times))} {unit}" for times in zip(*own))
            rows.append(
                Row(title, count, each.name, wall, processors, ratio=ratio, memory=f"{used / 2**20:.0f} MiB"),
            )
    return rows


def compare(
    first: Sequence[Turn], other: Sequence[Turn], at_most: float | None, clock: Literal["wall", "processors"] = "wall"
) -> Ratio:
    """Return the ratio of the first contestant's turns to another's."""
    ours, theirs = ([getattr(turn, clock) for turn in turns] for turns in (first, other))
    ratios = [a / b for a, b in zip(ours, theirs)]
    low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return Ratio(middle, low, high, min(ours) / min(theirs), at_most)


def check_agreement(title: str, values: Sequence[tuple[str, list[float]]], rtol: float) -> None:
    """Raise an error if the contestants compute different values."""
    (first, expected), *others = values
    for name, got in others:
        for number, (a, b) in enumerate(zip(expected, got, strict=True)):
            if not math.isclose(a, b, rel_tol=rtol):
                raise RuntimeError(f"{title}, step {number}: {first} computes {a!r}, but {name} {b!r}.")


def microseconds(function: Callable[[], Any], number: int = 2000) -> float:
    """Return the mean time of a call in microseconds."""
    return 1e6 * timeit.timeit(function, number=number) / number


def available_cpus() -> list[int]:
    """Return the CPUs that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def readable(seconds: float) -> str:
    """Return a time with a unit that leaves two to four digits."""
    for size, name in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= size:
            return f"{seconds / size:.3g} {name}"
    return f"{seconds * 1e6:.3g} µs"
