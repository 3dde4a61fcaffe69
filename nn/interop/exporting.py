"""Save the weights of a network with the names and layouts of another framework."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.interop.expected import Framework, expected_layers
from nn.interop.files import named_weights
from nn.interop.fitting import warn_of_flattened_pixels
from nn.interop.matching import joined
from nn.module import Module
from nn.saving import SaveError
from nn.saving.format import replace_file


def save_pytorch(network: Module, path: str | os.PathLike[str]) -> None:
    """Write the weights as a safetensors file with PyTorch's names and layouts.

    In PyTorch: `model.load_state_dict(safetensors.torch.load_file(path))`, where the model has the same layers in the
    same places. A tensor that the network has in two places is written twice. The save is atomic.

    Args:
        network: the network.
        path: the file.

    Raises:
        SaveError: a dtype that safetensors lacks.
        OSError: the file cannot be written. An existing file is unchanged.

    Warns:
        UserWarning: as `load_pytorch`.

    >>> import tempfile, nn
    >>> network = nn.Sequential(nn.Dense(3, 2, rng=0), nn.ReLU())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nn.interop.save_pytorch(network, f"{folder}/mlp.safetensors")
    ...     written = nn.interop.read_weights(f"{folder}/mlp.safetensors")
    >>> {name: array.shape for name, array in written.items()}
    {'0.bias': (2,), '0.weight': (2, 3)}
    """
    from safetensors.numpy import save

    state = _foreign_state(network, "PyTorch", path)
    warn_of_flattened_pixels(network, "save_pytorch", stacklevel=2)
    content = save(state, {"format": "pt"})
    replace_file(path, [content], check=lambda written: named_weights(written, "safetensors"))


def save_keras(network: Module, path: str | os.PathLike[str]) -> None:
    """Write the weights as a file that `model.load_weights(path)` of Keras 3 reads. Needs h5py.

    The Keras model must have the same layers with weights in the same order, and in the same attributes if it is a
    subclass of `keras.Model`. The save is atomic.

    Args:
        network: the network.
        path: the file; Keras expects a name that ends in `.weights.h5`.

    Raises:
        SaveError: h5py is not installed, or a dtype that Keras lacks.
        OSError: the file cannot be written. An existing file is unchanged.
    """
    try:
        import h5py
    except ImportError as error:
        raise SaveError(f"{path}: files of Keras need h5py. Install it: pip install 'tensorgrad[keras]'.") from error
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, array in _foreign_state(network, "Keras", path).items():
            file[name.replace(".", "/")] = array
    replace_file(path, [buffer.getvalue()], check=lambda written: named_weights(written, "HDF5"))


def _foreign_state(network: Module, framework: Framework, path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Return the arrays by the names of the other framework."""
    if not isinstance(network, Module):
        raise TypeError(f"save_{framework.lower()}: network must be an nn.Module, got {network!r}.")
    state: dict[str, NDArray[Any]] = {}
    for layer in expected_layers(network, framework):
        for binding in layer.bindings:
            arrays = binding.theirs.to_theirs(tuple(tensor.data for tensor in binding.tensors))
            for name, array in zip(binding.theirs.names, arrays, strict=True):
                full = joined(layer.foreign_path, layer.spellings[name][0])
                if full in state:
                    raise SaveError(f"{path}: two tensors of the network would be called {full!r}.")
                if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
                    raise SaveError(f"{path}: {full!r} has dtype {array.dtype}, which {framework} does not have.")
                state[full] = np.asarray(array, order="C")
    return state
