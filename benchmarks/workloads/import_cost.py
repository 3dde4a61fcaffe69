"""The cost of `import tensorgrad` beyond `import numpy`, in fresh interpreters with compiled bytecode."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from table import Row

AT_MOST = 60
"""Milliseconds above `import numpy`."""

PROGRAM = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


PEERS = ("torch", "jax", "mygrad", "autograd")


def measure(rounds: int) -> list[Row]:
    """Import NumPy before each import of tensorgrad and report the median difference. The others run a few times."""
    with tempfile.TemporaryDirectory() as bytecode:
        for package in ("tensorgrad", *PEERS):
            milliseconds(package, bytecode)  # writes the bytecode
        pairs = [(milliseconds("tensorgrad", bytecode), milliseconds("numpy", bytecode)) for _ in range(rounds)]
        peers = {package: [milliseconds(package, bytecode) for _ in range(min(rounds, 3))] for package in PEERS}
    ours, alone = (statistics.median(times) for times in zip(*pairs))
    extra = statistics.median(both - numpy for both, numpy in pairs)
    return [
        Row(
            "import_cost", 1, "tensorgrad", f"{ours:.0f} ms, {extra:.0f} more than numpy",
            target=f"≤ {AT_MOST} ms more", met=extra <= AT_MOST,
        ),
        Row("import_cost", 1, "numpy", f"{alone:.0f} ms"),
        *(Row("import_cost", 1, name, f"{statistics.median(times):.0f} ms") for name, times in peers.items()),
    ]  # fmt: skip


def milliseconds(package: str, bytecode: str) -> float:
    """Return the time that a fresh interpreter takes to import `package`, with bytecode in the folder `bytecode`."""
    environment = os.environ | {"PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-c", PROGRAM.format(package)]
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return 1000 * float(run.stdout)
