"""With PyTorch, eager."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import TYPE_CHECKING, Any

from dense import rules
from dense.task import Task

if TYPE_CHECKING:
    import torch


def training(task: Task, *, fused: bool | None = True) -> Callable[[], Any]:
    """Return a step, which returns the loss. `fused=None` uses PyTorch's default; RMSprop has no fused form."""
    import torch

    net, loss = network(task), torch.nn.CrossEntropyLoss()
    optimizer = optimizer_for(task, net, fused=fused)
    inputs, labels = task.data()
    batches = cycle(zip(torch.from_numpy(inputs), torch.from_numpy(labels)))

    def step() -> Any:
        x, y = next(batches)
        value = loss(net(x), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value.detach()

    return step


def network(task: Task) -> torch.nn.Sequential:
    """Return the initial network."""
    import torch

    layers: list[torch.nn.Module] = []
    for weight in task.weights():
        linear = torch.nn.Linear(*weight.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight.T))
            linear.bias.zero_()
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def optimizer_for(task: Task, network: torch.nn.Module, *, fused: bool | None) -> torch.optim.Optimizer:
    """Return the optimizer of the task."""
    import torch

    parameters, rate, eps = list(network.parameters()), task.learning_rate, rules.EPSILON
    if task.optimizer in ("SGD", "momentum"):
        share = rules.MOMENTUM if task.optimizer == "momentum" else 0.0
        return torch.optim.SGD(parameters, lr=rate, momentum=share, fused=fused)
    if task.optimizer == "Adagrad":
        return torch.optim.Adagrad(parameters, lr=rate, eps=eps, fused=fused)
    if task.optimizer == "RMSprop":
        return torch.optim.RMSprop(parameters, lr=rate, eps=eps, alpha=rules.RHO)
    return torch.optim.Adam(parameters, lr=rate, eps=eps, betas=(rules.BETA_1, rules.BETA_2), fused=fused)
