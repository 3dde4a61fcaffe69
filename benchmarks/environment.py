"""An environment with the peers in it, and a line that says where and when was measured. Standard library only."""

from __future__ import annotations

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
PEERS = ("numpy", "torch", "jax", "mygrad", "autograd")
BLAS_KERNEL = (
    "import numpy, threadpoolctl; "
    'print(*(f\'{b.get("internal_api")} {b.get("version")} ({b.get("architecture")})\' '
    "for b in threadpoolctl.threadpool_info() if b['user_api'] == 'blas'))"
)
"""Prints which matrix kernels NumPy runs."""


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


def blas_environment() -> dict[str, str]:
    """Return the environment variables without those that choose OpenBLAS's kernel.

    They work around faults of old versions, and an old kernel takes twice as long for a product.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith(("OPENBLAS_CORE", "OPENBLAS_L2"))}


def surroundings() -> str:
    """Return when and where: date, machine, versions, kernel, and whether anything else was running."""
    load = os.getloadavg()[0]
    busy = "**The machine was busy.** " if load > 0.5 else ""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PEERS)
    probe = [sys.executable, "-c", BLAS_KERNEL]
    kernel = subprocess.run(probe, env=blas_environment(), capture_output=True, text=True, check=True).stdout.strip()
    return (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {processor()}, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {versions}, {kernel}. {busy}Load before the start: {load:.1f}."
    )


def processor() -> str:
    """The processor's name and how many of its cores there are."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{name} ({os.cpu_count()} cores)"
