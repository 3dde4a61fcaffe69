"""Render with Graphviz, within a time limit and without an exception if it is not installed."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import warnings

TIME_LIMIT = 10.0
"""Seconds. Graphviz takes minutes for some graphs of a few hundred boxes."""

RESOLUTION = 192
"""Dots per inch of a PNG file, as in our own."""

PYGRAPHVIZ = """
import sys, pygraphviz
kind, resolution = sys.argv[1:]
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
if kind == "png":
    graph.graph_attr["dpi"] = resolution
sys.stdout.buffer.write(graph.draw(format=kind, prog="dot"))
"""
"""The same by the package pygraphviz, which brings Graphviz along: in its own process, which can be stopped."""


def render(source: str, kind: str, *, time_limit: float = TIME_LIMIT) -> bytes | None:
    """Return Graphviz's rendering of `source`.

    Args:
        source: Graphviz source.
        kind: "svg", "png" or "pdf".
        time_limit: in seconds.

    Returns:
        The bytes of the picture. None, with a warning that says why, if Graphviz is not installed or produced no
        picture.
    """
    try:
        return _run(_command(kind), source, time_limit)
    except _NoPicture as why:
        warnings.warn(f"draw: {why}; tensorgrad's own layout is used.", UserWarning, stacklevel=2)
        return None


class _NoPicture(Exception):
    """Raised if no picture was produced."""


def _command(kind: str) -> list[str]:
    program = shutil.which("dot")
    if program is not None:
        return [program, f"-T{kind}", *([f"-Gdpi={RESOLUTION}"] if kind == "png" else [])]
    if importlib.util.find_spec("pygraphviz") is not None:
        return [sys.executable, "-c", PYGRAPHVIZ, kind, str(RESOLUTION)]
    raise _NoPicture("Graphviz is not installed (its program dot, or: pip install 'tensorgrad[dot]')")


def _run(command: list[str], source: str, time_limit: float) -> bytes:
    try:
        done = subprocess.run(command, input=source.encode(), capture_output=True, timeout=time_limit, check=False)
    except subprocess.TimeoutExpired:
        raise _NoPicture(f"Graphviz was not done after {time_limit:g} s") from None
    except OSError as error:
        raise _NoPicture(f"Graphviz did not start ({error})") from error
    if done.returncode != 0 or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise _NoPicture(f"Graphviz failed ({said[-1] if said else f'exit status {done.returncode}'})")
    return done.stdout
