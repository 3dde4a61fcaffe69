"""Where a compiled model computes: on one device, or on several that divide each batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from nn._validation import whole_number
from nn.data.batches import Batches, Part
from nn.optimizers.optimizer import Optimizer
from nn.saving.state import RandomSource, generator_state, set_generator_state
from tensorgrad import xla


class Placement:
    """Devices of a compiled model.

    Parameters and the optimizer's state are kept whole on every device. A batch is divided between the devices by its
    samples, if their number is a multiple of the number of devices. Otherwise every device computes the whole batch.

    Args:
        device: the name of a kind of device, such as "cpu" or "gpu", or a `jax.Device`; None for JAX's first one.
        devices: a number of devices, or a sequence of them; None for `device`, or, if several processes have been
            joined by `nn.distributed.initialize`, for all devices of all processes.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: there is no such device, or there are not enough of them; both arguments were passed.
    """

    def __init__(self, device: Any = None, devices: Any = None) -> None:
        if device is not None and devices is not None:
            raise ValueError("Model: pass either device, for one, or devices, for several.")
        self.processes = jax.process_count()
        self.process = jax.process_index()
        if devices is not None:
            found = _several(devices)
        elif device is None and self.processes > 1:
            found = jax.devices()
        else:
            found = [_single(device)]
        self.devices: Sequence[Any] = tuple(found)
        self.part = Part(self.process, self.processes, len(self.devices))
        self._whole: Any = self.devices[0]
        self._divided: Any = None
        if len(self.devices) > 1 or self.processes > 1:
            mesh = Mesh(np.array(self.devices), ("batch",))
            spec: Any = PartitionSpec
            self._whole, self._divided = NamedSharding(mesh, spec()), NamedSharding(mesh, spec("batch"))

    def kept(self, array: Any) -> xla.Array:
        """Return a NumPy array on every device."""
        with jax.enable_x64(True):
            if self.processes == 1:
                return xla.Array(jax.device_put(np.array(array), self._whole))  # a copy, which nothing else changes
            values = np.asarray(array)
            return xla.Array(jax.make_array_from_callback(values.shape, self._whole, lambda index: values[index]))

    def of_batch(self, array: Any, divided: bool) -> Any:
        """Return the rows of this process as part of an array of the whole batch.

        Args:
            array: the rows.
            divided: whether every process has different rows.
        """
        if self._divided is None:
            return array  # the program moves it
        with jax.enable_x64(True):
            if self.processes == 1:
                return xla.Array(jax.device_put(array, self._divided if divided else self._whole))
            if not divided:
                return self.kept(array)
            of_process: Any = jax.make_array_from_process_local_data
            return xla.Array(of_process(self._divided, array))

    def agree(self, model: Any, optimizer: Optimizer, data: Batches) -> None:
        """Give all processes the parameters, the state and the random generators of the first one."""
        if self.processes == 1:
            return
        tensors = [tensor for _, tensor in model.network.named_state()]
        states = [(state, name) for state in optimizer.states for name in state]
        arrays = [tensor.numpy() for tensor in tensors] + [state[name] for state, name in states]
        found = _of_first_process(arrays)
        for tensor, array in zip(tensors, found):
            tensor.data = array
        for (state, name), array in zip(states, found[len(tensors) :]):
            state[name] = np.array(array)
        sources = [model.rng, data.rng]
        for module in model.network.modules():
            sources += [value for value in vars(module).values() if isinstance(value, RandomSource)]
        text = json.dumps([generator_state(source) for source in sources]).encode()
        length = int(_of_first_process(np.array(len(text))))
        padded = np.zeros(length, np.uint8)
        padded[: min(length, len(text))] = np.frombuffer(text[:length], np.uint8)
        for source, state in zip(sources, json.loads(_of_first_process(padded).tobytes())):
            set_generator_state(source, state)

    def whole(self, array: Any) -> Any:
        """Return a traced array that every device holds as a whole, such as a result."""
        if self._divided is None or not isinstance(array, xla.Array):
            return array
        constrained: Any = jax.lax.with_sharding_constraint
        return xla.Array(constrained(array.value, self._whole))


def _of_first_process(values: Any) -> Any:
    """Return the arrays of the first process, in every process."""
    from jax.experimental import multihost_utils

    with jax.enable_x64(True):
        return multihost_utils.broadcast_one_to_all(values)


def _single(device: Any) -> Any:
    """Return the device for a name, or the device itself."""
    if isinstance(device, jax.Device):
        return device
    if not (device is None or isinstance(device, str)):
        raise TypeError(f'Model: device must be a name such as "cpu" or "gpu", or a jax.Device, got {device!r}.')
    try:
        return jax.local_devices(backend=device)[0]
    except RuntimeError as error:
        kinds = ", ".join(sorted({each.platform for each in jax.local_devices()}))
        raise ValueError(
            f"Model: JAX finds no device {device!r} here, only {kinds}. For an NVIDIA GPU, install JAX with its CUDA "
            "libraries: pip install 'jax[cuda12]'."
        ) from error


def _several(devices: Any) -> Sequence[Any]:
    """Return the devices for a number, or the devices themselves."""
    if isinstance(devices, Sequence) and devices and all(isinstance(each, jax.Device) for each in devices):
        return devices
    number = whole_number("Model: devices", devices)
    found = jax.devices()
    if number > len(found):
        raise ValueError(
            f"Model: devices={number}, but JAX finds only {len(found)} of kind {found[0].platform}. On a CPU, the "
            f"environment variable XLA_FLAGS=--xla_force_host_platform_device_count={number} creates that many."
        )
    return list(found[:number])
