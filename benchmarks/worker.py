"""Run one contestant in a separate process: read commands from stdin and answer each with a line of JSON.

`harness.py` starts it as `worker.py CPUS BUILDER`, with the builder pickled. The builder returns a `step()`;
the commands are

    values N    run N steps and return their results, as numbers
    time N      run one step, then N more, and return the seconds of the latter: wall time, and time of all processors
    memory      return the increase of the resident memory since before the first step, in bytes
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
    """Build the contestant on the given CPUs (numbers joined by commas), then answer commands until stdin ends."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, map(int, cpus.split(",")))
    step = pickle.loads(base64.b64decode(builder))()
    before = resident_peak()
    for line in sys.stdin:
        command, *count = line.split()
        print(json.dumps(answer(command, int(count[0]) if count else 0, step, before)), flush=True)


def answer(command: str, count: int, step: Callable[[], Any], before: int) -> Any:
    """Return the answer to a command."""
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
    """Return the peak resident memory of this process, in bytes.

    On Linux it is read from /proc, because a process inherits the value of `getrusage` from its parent.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
