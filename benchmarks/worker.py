"""One contestant in a process of its own: reads commands from stdin, answers each with a line of JSON.

`harness.py` starts it as `worker.py CPUS BUILDER`, with the builder pickled. The builder returns a `step()`;
the commands are

    values N    run N steps and give what they returned, as numbers
    time N      run one step, then N more, and give the seconds these took: on the clock, and of all processors together
    memory      give how far the resident memory rose above what it was before the first step, in bytes
"""

from __future__ import annotations

import base64
import gc
import json
import os
import pickle
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main(cpus: str, builder: str) -> None:
    """Build the contestant on the given CPUs (numbers joined by commas), then obey until stdin ends."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, map(int, cpus.split(",")))
    step = pickle.loads(base64.b64decode(builder))()
    before = resident_peak()
    for line in sys.stdin:
        command, *count = line.split()
        print(json.dumps(answer(command, int(count[0]) if count else 0, step, before)), flush=True)


def answer(command: str, count: int, step: Callable[[], Any], before: int) -> Any:
    """What the harness asked for."""
    if command == "values":
        return [float(step()) for _ in range(count)]
    if command == "time":
        gc.collect()
        step()
        wall, processors = time.perf_counter(), time.process_time()
        for _ in range(count):
            step()
        return time.perf_counter() - wall, time.process_time() - processors
    if command == "memory":
        return resident_peak() - before
    raise ValueError(f"worker: unknown command {command!r}")


def resident_peak() -> int:
    """The most memory this process has had resident, in bytes.

    On Linux from /proc: what `getrusage` says there a process inherits from the one that started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
