"""The rows of the result, and the table they are printed in."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One measurement. Empty text where a column does not apply."""

    workload: str
    threads: int
    who: str
    measured: str
    ratio: str = ""
    fastest: str = ""
    target: str = ""
    met: bool | None = None
    memory: str = ""


HEADINGS = ("workload", "threads", "who", "measured", "ratio (quartiles)", "fastest turns", "target", "", "memory used")


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table, columns aligned so that it also reads well as plain text."""
    verdicts = {True: "met", False: "missed", None: ""}
    cells = [HEADINGS]
    for r in rows:
        numbers = (r.measured, r.ratio, r.fastest, r.target, verdicts[r.met], r.memory)
        cells.append((r.workload, str(r.threads), r.who, *numbers))
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def surroundings() -> str:
    """When and where: date, machine, versions, and whether anything else was running (call it before measuring)."""
    load = os.getloadavg()[0]
    busy = "**The machine was busy.** " if load > 0.5 else ""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "torch"))
    return (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {processor()}, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {versions}. {busy}Load before the start: {load:.1f}."
    )


def processor() -> str:
    """The processor's name and how many of its cores there are."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{name} ({os.cpu_count()} cores)"
