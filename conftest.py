"""Doctests that need a package which the tests do not require."""

from importlib.util import find_spec

WITH_JAX = [
    "tensorgrad/xla",
    "nn/functional/_lowerings.py",
    *(f"nn/training/{name}.py" for name in ("compiled", "placement", "programs")),
]
collect_ignore = [] if find_spec("jax") else WITH_JAX
