"""Create an environment with the compared libraries, and describe the machine. Uses only the standard library."""

from __future__ import annotations

import ctypes
import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE / ".venv"
REQUIREMENTS = HERE / "requirements.txt"
STAMP = FOLDER / "installed.txt"
FORCED_KERNEL = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Variables that make NumPy's OpenBLAS use another kernel than the processor's best, at half the speed."""

PEERS = ("numpy", "torch", "jax", "mygrad", "autograd")


def continue_inside() -> None:
    """Create or update the environment if necessary, then run the same command again with its Python.

    Returns only if that Python is already running. It takes a minute or two the first time; nothing outside
    `benchmarks/.venv` is changed.
    """
    if Path(sys.prefix).resolve() == FOLDER.resolve():
        return
    python = FOLDER / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not STAMP.exists() or STAMP.read_text(encoding="utf-8") != REQUIREMENTS.read_text(encoding="utf-8"):
        print(f"making {FOLDER} …", file=sys.stderr, flush=True)
        venv.create(FOLDER, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "-r", str(REQUIREMENTS), "-e", str(HERE.parent)], check=True)
        STAMP.write_text(REQUIREMENTS.read_text(encoding="utf-8"), encoding="utf-8")
    sys.exit(subprocess.run([python, *sys.argv]).returncode)


def free_the_kernel() -> None:
    """Let OpenBLAS choose its kernel, here and in every process started from here. Call it before NumPy is imported."""
    for name in FORCED_KERNEL:
        os.environ.pop(name, None)


def openblas_kernel() -> str:
    """Return the kernel that NumPy's OpenBLAS uses, such as SkylakeX; "unknown" for another build of NumPy."""
    import numpy as np

    for library in (Path(np.__file__).parents[1] / "numpy.libs").glob("*openblas*"):
        name = getattr(ctypes.CDLL(str(library)), "scipy_openblas_get_corename64_", None)
        if name is not None:
            name.restype = ctypes.c_char_p
            return str(name().decode())
    return "unknown"


def surroundings() -> str:
    """Return the date, machine, versions and kernel, and whether other programs were running."""
    load = os.getloadavg()[0]
    busy = "**The machine was busy.** " if load > 0.5 else ""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PEERS)
    versions += f", OpenBLAS kernel {openblas_kernel()}"
    return (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {processor()}, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {versions}. {busy}Load before the start: {load:.1f}."
    )


def processor() -> str:
    """Return the processor's name and number of cores."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{name} ({os.cpu_count()} cores)"
