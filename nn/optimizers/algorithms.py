"""Optimizers: formulas that turn a gradient g into a change of the weights w.

Each `update` is the formula in the class's documentation. Three conventions hold for all of them. The learning rate
of step t is lr = learning_rate / (1 + decay·t), where t is the number of finished steps, as in *Neural Networks from
Scratch in Python* (chapter 10). ε is added outside the square root. `weight_decay` λ adds λ·w to the gradient g, as the
L2 penalty λ/2·Σw² does, except in `Lion` and `AdamW`. For NumPy arrays, `Optimizer.step` uses the faster form in
`_fused.py`. `adam.py` has the family of Adam.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from nn.optimizers._arrays import Array
from nn.optimizers._fused import adagrad, fused, lion, rmsprop, sgd
from nn.optimizers._groups import ParameterGroup, Parameters
from nn.optimizers._setting import Setting
from nn.optimizers.optimizer import Optimizer, State
from nn.optimizers.schedules import Schedule


class SGD(Optimizer):
    """Stochastic gradient descent, optionally with momentum.

        w += −lr·g                                   momentum μ = 0
        v = μ·v − lr·g;  w += v                      momentum
        v = μ·v − lr·g;  w += μ·v − lr·g             Nesterov momentum

    Args:
        parameters: The tensors to train, or groups of them.
        learning_rate: The length of a step, or a `Schedule` of it.
        decay: Decay of the learning rate.
        momentum: μ, the fraction of the last step that is kept, in [0, 1).
        nesterov: Use Nesterov momentum. Needs a momentum above 0.
        weight_decay: λ of the L2 penalty, at least 0.

    Raises:
        TypeError, ValueError: As `Optimizer`, and for `nesterov` without momentum.

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013), in the form of
    the book and of Keras: the learning rate is part of v.

    >>> import numpy as np, tensorgrad as tg
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = SGD([w], learning_rate=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([ 0.5, -1. ])
    """

    state_names = ("velocity",)
    momentum = Setting(below=1.0)
    weight_decay = Setting(absent=0.0)
    l2 = "weight_decay"

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float | Schedule = 1.0,
        *,
        decay: float = 0.0,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate, decay=decay)
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.nesterov = nesterov
        if nesterov and not momentum:
            raise ValueError("SGD: nesterov needs a momentum above 0.")

    @fused(sgd)
    def update(self, gradient: Array, state: State, settings: SimpleNamespace) -> tuple[Array, State]:
        """See the class."""
        lr, momentum = settings.learning_rate, settings.momentum
        if not momentum:
            return -lr * gradient, state
        velocity = momentum * state["velocity"] - lr * gradient
        change = momentum * velocity - lr * gradient if self.nesterov else velocity
        return change, {"velocity": velocity}


class Adagrad(Optimizer):
    """A learning rate for each weight, smaller where its gradients have been large.

        c = c + g²
        w += −lr·g / (√c + ε)

    Args:
        parameters: The tensors to train, or groups of them.
        learning_rate: The length of a step, or a `Schedule` of it.
        decay: Decay of the learning rate.
        epsilon: ε, which keeps the quotient finite.
        weight_decay: λ of the L2 penalty, at least 0.

    Source: Duchi, Hazan and Singer, "Adaptive Subgradient Methods" (2011).

    >>> import tensorgrad as tg
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adagrad([w], learning_rate=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(4)
    array([ 0.5, -1.5])
    """

    state_names = ("cache",)
    epsilon = Setting()
    weight_decay = Setting(absent=0.0)
    l2 = "weight_decay"

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float | Schedule = 1.0,
        *,
        decay: float = 0.0,
        epsilon: float = 1e-7,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate, decay=decay)
        self.epsilon = epsilon
        self.weight_decay = weight_decay

    @fused(adagrad)
    def update(self, gradient: Array, state: State, settings: SimpleNamespace) -> tuple[Array, State]:
        """See the class."""
        cache = state["cache"] + np.square(gradient)
        change = -settings.learning_rate * (gradient / (np.sqrt(cache) + settings.epsilon))
        return change, {"cache": cache}


class RMSprop(Optimizer):
    """Adagrad with a running average of the squared gradients instead of their sum.

        c = ρ·c + (1 − ρ)·g²
        w += −lr·g / (√c + ε)

    With `centered`, the variance c − m² replaces c. With momentum, v accumulates the past steps:

        m = ρ·m + (1 − ρ)·g
        v = μ·v − lr·g / (√(c − m²) + ε);  w += v

    Args:
        parameters: The tensors to train, or groups of them.
        learning_rate: The length of a step, or a `Schedule` of it.
        decay: Decay of the learning rate.
        epsilon: ε, which keeps the quotient finite.
        rho: ρ, the fraction of the average that is kept, in [0, 1).
        momentum: μ, the fraction of the last step that is kept, in [0, 1).
        centered: Divide by the standard deviation of the gradients instead of their root mean square.
        weight_decay: λ of the L2 penalty, at least 0.

    Source: Tieleman and Hinton, "Lecture 6.5: RMSprop" (2012). Centred and with momentum: Graves, "Generating Sequences
    With Recurrent Neural Networks" (2013), equations 38 to 41, with ε outside the root.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = RMSprop([w], learning_rate=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(4)
    array([ 0.6838, -1.6838])
    """

    state_names: tuple[str, ...] = ("cache",)
    epsilon = Setting()
    rho = Setting(below=1.0)
    momentum = Setting(below=1.0, absent=0.0)
    weight_decay = Setting(absent=0.0)
    l2 = "weight_decay"

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float | Schedule = 0.001,
        *,
        decay: float = 0.0,
        epsilon: float = 1e-7,
        rho: float = 0.9,
        momentum: float = 0.0,
        centered: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate, decay=decay)
        self.epsilon = epsilon
        self.rho = rho
        self.momentum = momentum
        self.centered = centered
        self.weight_decay = weight_decay
        if centered:
            self.add_state("mean")

    def step_settings(self, group: ParameterGroup) -> SimpleNamespace:
        """Add a velocity to the state in the first step with momentum."""
        settings = super().step_settings(group)
        if settings.momentum and "velocity" not in self.state_names:
            self.add_state("velocity")
        return settings

    @fused(rmsprop)
    def update(self, gradient: Array, state: State, settings: SimpleNamespace) -> tuple[Array, State]:
        """See the class."""
        rho = settings.rho
        new = {"cache": rho * state["cache"] + (1 - rho) * np.square(gradient)}
        variance = new["cache"]
        if self.centered:
            new["mean"] = rho * state["mean"] + (1 - rho) * gradient
            variance = np.maximum(variance - np.square(new["mean"]), 0)  # rounding can make it negative
        change = -settings.learning_rate * (gradient / (np.sqrt(variance) + settings.epsilon))
        if "velocity" in state:
            change = new["velocity"] = settings.momentum * state["velocity"] + change
        return change, new

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Optimizer`. A saved state has a velocity if an earlier step used momentum."""
        names = self.state_names
        self.state_names = ("cache", *("mean",) * self.centered, *("velocity",) * ("velocity.0" in state))
        try:
            super().load_state_dict(state)
        except BaseException:
            self.state_names = names
            raise


class Lion(Optimizer):
    """The sign of an average of the gradients, so that all weights change by the same amount in a step.

        w = (1 − lr·λ)·w − lr·sign(β₁·m + (1 − β₁)·g)
        m = β₂·m + (1 − β₂)·g

    It usually needs a learning rate 3 to 10 times lower than Adam's, and a weight decay higher by the same factor. The
    state is s = m / (1 − β₂), the decayed sum of g.

    Args:
        parameters: The tensors to train, or groups of them.
        learning_rate: The length of a step, or a `Schedule` of it.
        decay: Decay of the learning rate.
        beta_1: β₁, the fraction of the average in the step, in [0, 1).
        beta_2: β₂, the fraction of the average that is kept, in [0, 1).
        weight_decay: λ, at least 0. It is decoupled from the gradient, as in `AdamW`.

    Source: Chen et al., "Symbolic Discovery of Optimization Algorithms" (2023), program 1.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Lion([w], learning_rate=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([ 0.75, -1.75])
    """

    state_names = ("sum",)
    beta_1 = Setting(below=1.0)
    beta_2 = Setting(below=1.0)
    weight_decay = Setting()

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float | Schedule = 1e-4,
        *,
        decay: float = 0.0,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate, decay=decay)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.weight_decay = weight_decay

    def shrink(self, settings: SimpleNamespace) -> float:
        """Return 1 − lr·λ."""
        return 1.0 - settings.learning_rate * settings.weight_decay  # type: ignore[no-any-return]

    @fused(lion)
    def update(self, gradient: Array, state: State, settings: SimpleNamespace) -> tuple[Array, State]:
        """See the class."""
        beta_1, beta_2 = settings.beta_1, settings.beta_2
        direction = np.sign(beta_1 * (1 - beta_2) / (1 - beta_1) * state["sum"] + gradient)
        return -settings.learning_rate * direction, {"sum": beta_2 * state["sum"] + gradient}
