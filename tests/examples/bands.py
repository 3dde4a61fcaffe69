"""Run full chapters of examples/beyond with three seeds, and keep what they measure in a table.

    python -m tests.examples.bands 23 24     these chapters; the table keeps the rows of all others
    python -m tests.examples.bands           all chapters: this takes hours

A chapter asserts every number that its text claims, so a run that ends without an error confirms them for its seed. The
table, `bands.md`, also has the range over the seeds of each number that the chapter prints. Data sets are searched in
`$TENSORGRAD_DATA`.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
CHAPTERS = {int(path.name[:2]): path for path in sorted((ROOT / "examples" / "beyond").glob("[0-9][0-9]_*.py"))}
TABLE = Path(__file__).parent / "bands.md"
SEEDS = (0, 1, 2)
NUMBER = re.compile(r"-?\d[\d,]*\.?\d*(?:e[+-]?\d+)?")
UNMEASURED = ("  equal: ", "  true: ", "  picture: ")


class Run(NamedTuple):
    """The result of a chapter with one seed.

    Attributes:
        seconds: how long it took.
        claims: how many statements of the text it confirmed, comparisons by hand and on the engine included.
        error: the last line of its error; empty if there was none.
        measured: the lines with numbers that it printed.
    """

    seconds: float
    claims: int
    error: str
    measured: list[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run chapters and update the table. Return 1 if one of them failed."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="python -m tests.examples.bands [CHAPTER ...]",
    )
    parser.add_argument("chapters", nargs="*", type=int, metavar="CHAPTER", help="their numbers (default: all)")
    chosen = parser.parse_args(arguments).chapters or list(CHAPTERS)
    unknown = sorted(set(chosen) - set(CHAPTERS))
    if unknown:
        parser.error(f"there is no chapter {unknown[0]}. There are: {', '.join(map(str, CHAPTERS))}")
    known = read(TABLE)
    for number in chosen:
        runs = [run(CHAPTERS[number], seed) for seed in SEEDS]
        known[number] = section(CHAPTERS[number], runs)
        TABLE.write_text(page(known), encoding="utf-8")
        print(known[number])
    return int(any("failed" in known[number] for number in chosen))


def run(path: Path, seed: int) -> Run:
    """Run a chapter in a separate process."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(path), "--seed", str(seed), "--out", folder]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    return Run(
        time.perf_counter() - began,
        sum(line.startswith(UNMEASURED[:2]) for line in lines),
        done.stderr.strip().splitlines()[-1] if done.returncode else "",
        [line.strip() for line in lines[1:] if NUMBER.search(line) and not line.startswith(UNMEASURED)],
    )


def section(path: Path, runs: Sequence[Run]) -> str:
    """Return the part of the page about one chapter."""
    heading = path.read_text(encoding="utf-8").splitlines()[1].removeprefix("# # ")
    lines = [f"## {heading}", "", "| seed | seconds | claims confirmed | result |", "|---|---|---|---|"]
    for seed, each in zip(SEEDS, runs):
        result = f"failed: {each.error}" if each.error else "all claims hold"
        lines.append(f"| {seed} | {each.seconds:.0f} | {each.claims} | {result} |")
    found = list(ranges([each.measured for each in runs]))
    return "\n".join([*lines, "", *(f"- {line}" for line in found)]).strip()


def ranges(measured: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield each line that all runs printed, with the range of each number in it.

    >>> list(ranges([["loss 0.5 after 10 epochs"], ["loss 0.25 after 10 epochs", "stopped early"]]))
    ['loss 0.25 … 0.5 after 10 epochs']
    """
    texts = [[NUMBER.sub("#", line) for line in lines] for lines in measured]
    for at, text in enumerate(texts[0]):
        nth = texts[0][:at].count(text)
        places = [[i for i, other in enumerate(lines) if other == text] for lines in texts]
        if all(len(found) > nth for found in places):
            rows = [NUMBER.findall(lines[found[nth]]) for lines, found in zip(measured, places)]
            bands = iter([_range(column) for column in zip(*rows)])
            yield NUMBER.sub(lambda _, bands=bands: next(bands), measured[0][at])


def _range(numbers: Sequence[str]) -> str:
    low, *_, high = sorted(numbers, key=lambda number: float(number.replace(",", "")))
    return low if low == high else f"{low} … {high}"


def read(table: Path) -> dict[int, str]:
    """Return the sections of the page by the numbers of their chapters."""
    text = table.read_text(encoding="utf-8") if table.exists() else ""
    found = {}
    for part in text.split("\n## ")[1:]:
        number = re.match(r"Chapter (\d+)\.", part)
        if number:
            found[int(number[1])] = f"## {part.strip()}"
    return found


def page(sections: dict[int, str]) -> str:
    """Return the whole page."""
    introduction = (
        f"Written by `python -m tests.examples.bands`, with the seeds {', '.join(map(str, SEEDS))}. Each chapter "
        'asserts what its text claims. A number with "…" is a range over the seeds. Chapters that are not listed have '
        "not been run in full yet."
    )
    parts = ["# Full runs of the chapters beyond the book", introduction]
    return "\n\n".join([*parts, *(sections[number] for number in sorted(sections))]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
