"""Run the benchmarks and print one table: `python benchmarks/run.py`.

    --only NAME ...   these workloads only (default: all)
    --rounds N        the number of turns of each contestant (default 15)
    --write           also write the table to benchmarks/RESULTS.md and its ratios to benchmarks/results.svg
    --here            use the current Python, in which the other libraries are installed, and create no environment

The first run creates an environment with the other libraries, `benchmarks/.venv`, from `requirements.txt`. A missed
target is marked and is not an error. If TENSORGRAD_DATA names a folder with Fashion-MNIST, that data set is fitted.

To add a workload, write `workloads/<name>.py` with `measure(rounds) -> list[Row]` and name it in `WORKLOADS`. Most call
`harness.race` with a `Contestant` for each peer; `workloads/small_ops.py` is a short one to start from.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from environment import continue_inside, free_the_kernel, surroundings
from table import markdown

WORKLOADS = (
    "small_ops", "spiral", "mlp_step", "wide_mlp", "fit", "hessian_vector", "deep_chain", "gradient_check",
    "step_memory", "flat_memory", "dispatch", "forward_mode", "import_cost", "convolution", "pooling", "recurrent",
    "embedding_gradient", "layers", "image_networks", "attention", "gpt", "compiled", "compiled_networks",
)  # fmt: skip
RESULTS = Path(__file__).with_name("RESULTS.md")
PREAMBLE = """\
# Results

Made by `python benchmarks/run.py --write`. All contestants of a workload first have to compute the same numbers; then
they take turns, each in a separate process and configured as users run it: only tensorgrad asks the allocator to keep
freed memory (in spiral and fit all of them do, as `nn` makes the data). "Measured" is the median over the rounds, "CPU
time" adds up the processors. A ratio is the median of tensorgrad's time divided by the other's *in the same round*,
with the quartiles (not the ratio of the medians: the machine's speed drifts); below 1 means that tensorgrad is faster.
"Fastest turns" is the ratio of the best times; a target is met if both ratios meet it. (In step_memory it is the ratio
of the memory, in "deep_chain, longer" that of two lengths of tensorgrad's own chain, and from "convolution" on, for
layers, that of CPU times, which other programs disturb less.) The targets are the project's own. "Memory" is the
increase of the resident memory of the process while it ran. The file of each workload in `workloads/` describes it.
"By hand" is the code of `examples/nnfs/by_hand.py`, in the book's style; "tuned" allocates no large array after the
start (`dense/by_hand_tuned.py`). Why some targets are missed: `NOTES.md`, at its end.

![tensorgrad's time divided by its peers', for each workload](results.svg)
"""


def main() -> None:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser(
        description="Measure tensorgrad beside its peers, and print one table: in 9 rounds, 15 minutes.",
        epilog=f"Workloads: {', '.join(WORKLOADS)}.",
    )
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=WORKLOADS, metavar="NAME", help="default: all")
    parser.add_argument("--rounds", type=int, default=15, help="turns for each contestant (default: 15)")
    parser.add_argument("--write", action="store_true", help=f"also write {RESULTS.name} anew, and a picture beside it")
    parser.add_argument("--here", action="store_true", help="in this Python, where the peers are installed")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error(f"--rounds: expected at least 1, got {arguments.rounds}")
    if arguments.write and arguments.only is not WORKLOADS:
        parser.error("--write replaces the whole table, so it takes all workloads: leave --only out")
    free_the_kernel()
    if not arguments.here:
        continue_inside()

    where = f"{surroundings()} {arguments.rounds} rounds.\n"
    print(where)
    rows = []
    for name in arguments.only:
        print(f"{name} …", file=sys.stderr, flush=True)
        found = importlib.import_module(f"workloads.{name}").measure(arguments.rounds)
        print(f"{markdown(found)}\n", flush=True)
        rows += found
    if arguments.write:
        from plot import draw

        RESULTS.write_text(f"{PREAMBLE}\n{where}\n{markdown(rows)}\n", encoding="utf-8")
        draw(rows).savefig(RESULTS.with_name("results.svg"))


if __name__ == "__main__":
    main()
