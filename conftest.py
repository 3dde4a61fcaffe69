"""Modules without tests, or with doctests that need a package which the tests do not require."""

from importlib.util import find_spec

WITH_JAX = [
    "tensorgrad/xla",
    "nn/functional/_lowerings.py",
    *(f"nn/training/{name}.py" for name in ("compiled", "placement", "programs")),
]
OF_THE_SITE = ["docs/conf.py", "docs/_site", "docs/xla.py"]
WITH_CUPY = ["tensorgrad/_cupy"]
collect_ignore = OF_THE_SITE + WITH_CUPY + ([] if find_spec("jax") else WITH_JAX)
