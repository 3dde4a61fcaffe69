"""Compare this tree with another checkout of tensorgrad: `python benchmarks/against.py PATH`.

    --rounds N        the number of turns of each tree (default 15)
    --threads N ...   the numbers of threads (default 1)
    --only NAME ...   these workloads only

Both trees take turns, each in a separate process, with the workloads of this tree. The ratio is this tree's processor
time divided by the other's in the same round. The median ratio of a change must be at most 1.03.
To compare with an earlier commit, check it out elsewhere first: `git worktree add --detach ../before c7598e7`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from dense import by_tensorgrad
from dense.task import Task
from environment import continue_inside, free_the_kernel, surroundings
from harness import Contestant, race
from table import markdown
from workloads import fit, hessian_vector, mlp_step, small_ops, spiral, wide_mlp

BUDGET = 1.03

Builder = Callable[[], Callable[[], Any]]
WORKLOADS: dict[str, tuple[Builder, int]] = {
    "small_ops": (small_ops.ours, small_ops.OPERATIONS),
    **{
        f"spiral {name}": (partial(by_tensorgrad.training, Task((2, 64, 3), spiral.data, name, rate)), 1)
        for name, rate in spiral.LEARNING_RATES.items()
    },
    "mlp_step": (partial(by_tensorgrad.training, mlp_step.TASK), 1),
    "wide_mlp": (partial(by_tensorgrad.training, wide_mlp.TASK), 1),
    "fit": (fit.by_fit, 1),
    "hessian_vector": (hessian_vector.ours, 1),
}
"""What the speed budget covers: how to build a step, and how many units of work it does."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Compare this tree with another checkout of tensorgrad.")
    parser.add_argument("other", type=Path, metavar="PATH", help="the root of the other checkout")
    parser.add_argument("--rounds", type=int, default=15, help="turns for each tree (default: 15)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="default: 1")
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=list(WORKLOADS), metavar="NAME")
    parser.add_argument("--here", action="store_true", help="in this Python, where the peers are installed")
    arguments = parser.parse_args()
    if not (arguments.other / "tensorgrad").is_dir():
        parser.error(f"{arguments.other}: expected the root of a checkout, with a folder tensorgrad in it")
    if not arguments.here:
        continue_inside()

    free_the_kernel()
    print(f"{surroundings()} {arguments.rounds} rounds.\n", flush=True)
    for name in arguments.only:
        builder, units = WORKLOADS[name]
        ours = Contestant("this tree", builder, units=units, tree=str(Path(__file__).parent.parent))
        other = replace(ours, name="the other tree", at_most=BUDGET, tree=str(arguments.other.resolve()))
        rows = race(
            name, [ours, other], rounds=arguments.rounds, threads=arguments.threads, unit="per unit", rtol=5e-3,
            clock="processors",
        )  # fmt: skip
        print(f"{markdown(rows)}\n", flush=True)


if __name__ == "__main__":
    main()
