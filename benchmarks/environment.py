"""An environment with the peers in it, and a line that says where and when was measured. Standard library only."""

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
    """Make the environment if it is not there or not up to date, then run the same command again with its Python.

    Returns only if this is that Python already. It takes a minute or two the first time; nothing outside
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
    """The kernel that NumPy's OpenBLAS runs, such as SkylakeX; "unknown" for another build of NumPy."""
    import numpy as np

    for library in (Path(np.__file__).parents[1] / "numpy.libs").glob("*openblas*"):
        name = getattr(ctypes.CDLL(str(library)), "scipy_openblas_get_corename64_", None)
        if name is not None:
            name.restype = ctypes.c_char_p
            return str(name().decode())
    return "unknown"


def surroundings() -> str:
    """Return when and where: date, machine, versions, kernel, and whether anything else was running."""
    load = os.getloadavg()[0]
    busy = "**The machine was busy.** " if load > 0.5 else ""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PEERS)
    versions += f", OpenBLAS kernel {openblas_kernel()}"
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
