"""Use PyTorch, JAX and tensorgrad in one program, for those that are installed: `python examples/interop.py`."""

from importlib.util import find_spec

import numpy as np

import tensorgrad as tg


def correlation_loss(predicted, target):
    """Return 1 minus the correlation, written with NumPy's functions."""
    a, b = predicted - np.mean(predicted), target - np.mean(target)
    return 1 - np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b))


if find_spec("torch"):
    import torch

    torch.manual_seed(0)
    x = torch.linspace(-2, 2, 64)[:, None]
    target = torch.sin(2 * x)
    network = torch.nn.Sequential(torch.nn.Linear(1, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    loss_function = tg.interop.torch_function(correlation_loss)
    for step in range(201):
        loss = loss_function(network(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0:
            print(f"PyTorch network, loss written here: step {step:3d}, loss {loss.item():.4f}")

    softplus = tg.interop.from_torch(torch.nn.functional.softplus)
    t = tg.tensor([1.0, -2.0], requires_grad=True)
    softplus(t).sum().backward()
    print("gradient of PyTorch's softplus:", t.grad)
    print("its Hessian:", tg.hessian(lambda t: softplus(t).sum())(np.array([1.0, -2.0])).data.tolist())
else:
    print("PyTorch is not installed: pip install torch")

if find_spec("jax"):
    import jax

    loss_function = tg.interop.jax_function(correlation_loss)
    values, target = jax.numpy.array([1.0, 2.0, 4.0]), jax.numpy.array([1.0, 3.0, 2.0])
    print("\ngradient of the loss, compiled by JAX:", jax.jit(jax.grad(loss_function))(values, target))

    logistic = tg.interop.from_jax(jax.jit(jax.nn.sigmoid))
    t = tg.tensor([0.0, 1.0], dtype=np.float32, requires_grad=True)
    logistic(t).sum().backward()
    print("gradient of JAX's sigmoid:", t.grad)
else:
    print("JAX is not installed: pip install jax")
