"""Import JAX, before any other module of this package does."""

import numpy as np

_state = np.random.get_state(legacy=False)  # noqa: NPY002
try:
    import jax  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("tensorgrad.xla requires JAX: pip install 'tensorgrad[xla]'", name="jax") from error
finally:
    np.random.set_state(_state)  # noqa: NPY002 (importing JAX draws from NumPy's global generator)
