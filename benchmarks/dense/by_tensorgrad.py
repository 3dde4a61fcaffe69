"""With tensorgrad and nn."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import TYPE_CHECKING, Any

from dense import rules
from dense.task import Task

if TYPE_CHECKING:
    import nn


def training(task: Task) -> Callable[[], Any]:
    """Return a step, which returns the loss."""
    import nn

    net, loss = network(task), nn.SoftmaxCrossEntropy()
    optimizer = optimizer_for(task, net)
    batches = cycle(zip(*task.data()))

    def step() -> Any:
        x, y = next(batches)
        value = loss(net(x), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    return step


def network(task: Task) -> nn.Sequential:
    """Return the initial network."""
    import nn

    layers: list[nn.Module] = []
    for weight in task.weights():
        dense = nn.Dense(*weight.shape, rng=0)
        dense.weight.data = weight
        layers += [dense, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def optimizer_for(task: Task, network: nn.Module) -> nn.Optimizer:
    """Return the optimizer of the task."""
    import nn

    parameters, rate, epsilon = list(network.parameters()), task.learning_rate, rules.EPSILON
    if task.optimizer in ("SGD", "momentum"):
        return nn.SGD(parameters, rate, momentum=rules.MOMENTUM if task.optimizer == "momentum" else 0.0)
    if task.optimizer == "Adagrad":
        return nn.Adagrad(parameters, rate, epsilon=epsilon)
    if task.optimizer == "RMSprop":
        return nn.RMSprop(parameters, rate, epsilon=epsilon, rho=rules.RHO)
    return nn.Adam(parameters, rate, epsilon=epsilon, beta_1=rules.BETA_1, beta_2=rules.BETA_2)
