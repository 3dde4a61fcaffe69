"""Contestants side by side: each in its own process, timed in turn, compared pair by pair.

Why processes of their own: the number of threads is fixed before NumPy or PyTorch load, and the idle workers of
one thread pool keep spinning for a while and would slow the other contestant down. Hence also the pause before
each turn. Why pairs: on a shared machine the speed drifts by more than the difference to be measured; both
members of a pair see nearly the same machine, and the median of their ratios forgets the disturbed pairs.
When most pairs are disturbed (two threads that wait for each other suffer most from a third program), the ratio of the
fastest turns tells: a target is met if it is met by both.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from table import Row

PAUSE = 0.05
"""Seconds before each turn: OpenBLAS's idle threads spin for about half as long."""

TURN = 0.05
"""Seconds that one turn should last at least."""


@dataclass(frozen=True)
class Contestant:
    """One way to do the work.

    Attributes:
        name: shown in the table.
        builder: the function of the workload's module that returns the step to be timed.
        units: how many units of work one step does; the table shows the time of one.
        versus: the name of the contestant it is compared with.
        at_most: the ratio it should reach.
    """

    name: str
    builder: str
    units: int = 1
    versus: str | None = None
    at_most: float | None = None


class Worker:
    """A running `worker.py`. Its standard error is ours, so that a contestant's failure can be read."""

    def __init__(self, module: str, contestant: Contestant, threads: int) -> None:
        counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
        cpus = ",".join(map(str, available_cpus()[:threads]))
        self.contestant = contestant
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py")), module, contestant.builder, cpus],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | counts,
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
            raise RuntimeError(f"{self.contestant.name}: the process ended; its error stands above.")
        return json.loads(answer)

    def seconds(self, steps: int) -> float:
        """How long `steps` steps take, after a moment of quiet."""
        time.sleep(PAUSE)
        return float(self.ask(f"time {steps}"))

    def enough_steps(self) -> int:
        """How many steps make up a turn."""
        steps = 1
        while (elapsed := self.seconds(steps)) < TURN and steps < 1_000_000:
            steps = max(steps + 1, math.ceil(steps * min(10, 1.2 * TURN / elapsed)))
        return steps


def race(
    module: str,
    contestants: Sequence[Contestant],
    *,
    rounds: int,
    threads: int = 1,
    unit: str,
    agreeing_steps: int = 1,
    rtol: float = 1e-5,
) -> list[Row]:
    """Time the contestants in turn, `rounds` times, after checking that they compute the same.

    Args:
        module: the workload, as it is imported.
        contestants: who takes part.
        rounds: how often each has its turn.
        threads: how many threads each may use, and CPUs it may run on.
        unit: what one unit of work is called.
        agreeing_steps: how many first steps must return the same numbers; 0 if the contestants do not do the same.
        rtol: how closely, relative.

    Raises:
        RuntimeError: the contestants disagree, or one of them failed.
    """
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(module, each, threads)) for each in contestants]
        check_agreement([(w.contestant.name, w.ask(f"values {agreeing_steps}")) for w in workers], rtol)
        steps = [worker.enough_steps() for worker in workers]
        times: dict[str, list[float]] = {each.name: [] for each in contestants}
        for _ in range(rounds):
            for worker, count in zip(workers, steps):
                seconds = worker.seconds(count) / (count * worker.contestant.units)
                times[worker.contestant.name].append(seconds)
        memory = {worker.contestant.name: worker.ask("memory 0") for worker in workers}

    title = module.rpartition(".")[2]
    return [row(title, threads, unit, each, times, memory[each.name]) for each in contestants]


def row(title: str, threads: int, unit: str, contestant: Contestant, times: dict[str, list[float]], memory: int) -> Row:
    """One contestant's result."""
    own = times[contestant.name]
    measured = f"{readable(statistics.median(own))} {unit}"
    used = f"{memory / 2**20:.0f} MiB"
    if contestant.versus is None:
        return Row(title, threads, contestant.name, measured, memory=used)
    other = times[contestant.versus]
    ratios = [mine / theirs for mine, theirs in zip(own, other)]
    fastest = min(own) / min(other)
    low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return Row(
        title,
        threads,
        contestant.name,
        measured,
        ratio=f"{middle:.2f} ({low:.2f}–{high:.2f}) × {contestant.versus}",
        fastest=f"{fastest:.2f}",
        target="" if contestant.at_most is None else f"≤ {contestant.at_most:.2f}",
        met=None if contestant.at_most is None else max(middle, fastest) <= contestant.at_most,
        memory=used,
    )


def check_agreement(values: Sequence[tuple[str, list[float]]], rtol: float) -> None:
    """Refuse to compare the speed of different computations."""
    (first, expected), *others = values
    for name, got in others:
        for number, (a, b) in enumerate(zip(expected, got)):
            if not math.isclose(a, b, rel_tol=rtol):
                raise RuntimeError(f"step {number}: {first} computes {a!r}, but {name} {b!r}.")


def available_cpus() -> list[int]:
    """The CPUs this process may run on."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def readable(seconds: float) -> str:
    """A time with a unit that leaves two to four digits."""
    for size, name in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= size:
            return f"{seconds / size:.3g} {name}"
    return f"{seconds * 1e6:.3g} µs"
