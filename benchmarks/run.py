"""Run the benchmarks and print one table: `python benchmarks/run.py`.

    --only NAME ...   these workloads only (default: all)
    --rounds N        how often each contestant has its turn (default 15)
    --write           also write the table to benchmarks/RESULTS.md

Needs `pip install -r benchmarks/requirements.txt`. A missed target is marked, and is no error.

To add a workload, write `workloads/<name>.py` with `measure(rounds) -> list[Row]` and name it in `WORKLOADS`.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from pathlib import Path

from table import markdown, surroundings

WORKLOADS = ("small_ops", "mlp_step", "deep_chain", "memory", "dispatch", "import_cost")
RESULTS = Path(__file__).with_name("RESULTS.md")
PREAMBLE = """\
# Results

Made by `python benchmarks/run.py --write`. A ratio is the median, over the rounds, of this time divided by the
other's time in the same round, with the quartiles; below 1 means faster. "Fastest turns" is the ratio of the best
times, the better guide when the machine was busy; a target is met if both ratios meet it. "Memory used" is how far
the resident memory of the process rose while it ran.
"""


def main() -> None:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser(description="Measure tensorgrad beside PyTorch, and print one table.")
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=WORKLOADS, metavar="NAME")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true", help=f"also write {RESULTS.name}")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error(f"--rounds: expected at least 1, got {arguments.rounds}")
    if importlib.util.find_spec("torch") is None:
        parser.error("PyTorch is not installed: pip install -r benchmarks/requirements.txt")

    where = surroundings()
    rows = []
    for name in arguments.only:
        print(f"{name} …", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"workloads.{name}").measure(arguments.rounds)
    report = f"{where}\n\n{markdown(rows)}\n"
    print(report)
    if arguments.write:
        RESULTS.write_text(f"{PREAMBLE}\n{report}", encoding="utf-8")


if __name__ == "__main__":
    main()
