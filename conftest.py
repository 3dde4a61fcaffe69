"""Doctests that need a package which the tests do not require."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("jax") else ["tensorgrad/xla", "nn/functional/_lowerings.py"]
