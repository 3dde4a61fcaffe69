"""Optimizers: formulas that turn a gradient g into a change of the weights w.

Each `update` is the formula in the class's documentation. Three conventions hold for all of them. The learning rate
of step t is lr = learning_rate / (1 + decay·t), where t is the number of finished steps, as in *Neural Networks from
Scratch in Python* (chapter 10). ε is added outside the square root. A penalty on the weights (L1, L2) is part of the
gradient of the loss, except in `AdamW`. For NumPy arrays, `Optimizer.step` uses the faster form in `_fused.py`.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from nn.optimizers._arrays import Array
from nn.optimizers._fused import adagrad, adam, fused, rmsprop, sgd
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

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float | Schedule = 1.0,
        *,
        decay: float = 0.0,
        momentum: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(parameters, learning_rate, decay=decay)
        self.momentum = momentum
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

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float | Schedule = 1.0,
        *,
        decay: float = 0.0,
        epsilon: float = 1e-7,
    ) -> None:
        super().__init__(parameters, learning_rate, decay=decay)
        self.epsilon = epsilon

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

    Args:
        parameters: The tensors to train, or groups of them.
        learning_rate: The length of a step, or a `Schedule` of it.
        decay: Decay of the learning rate.
        epsilon: ε, which keeps the quotient finite.
        rho: ρ, the fraction of the average that is kept, in [0, 1).

    Source: Tieleman and Hinton, "Lecture 6.5: RMSprop" (2012).

    >>> import tensorgrad as tg
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = RMSprop([w], learning_rate=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(4)
    array([ 0.6838, -1.6838])
    """

    state_names = ("cache",)
    epsilon = Setting()
    rho = Setting(below=1.0)

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float | Schedule = 0.001,
        *,
        decay: float = 0.0,
        epsilon: float = 1e-7,
        rho: float = 0.9,
    ) -> None:
        super().__init__(parameters, learning_rate, decay=decay)
        self.epsilon = epsilon
        self.rho = rho

    @fused(rmsprop)
    def update(self, gradient: Array, state: State, settings: SimpleNamespace) -> tuple[Array, State]:
        """See the class."""
        rho = settings.rho
        cache = rho * state["cache"] + (1 - rho) * np.square(gradient)
        change = -settings.learning_rate * (gradient / (np.sqrt(cache) + settings.epsilon))
        return change, {"cache": cache}


class Adam(Optimizer):
    """Momentum and RMSprop combined, both corrected for averages that start at 0.

        m = β₁·m + (1 − β₁)·g             m̂ = m / (1 − β₁ᵗ⁺¹)
        v = β₂·v + (1 − β₂)·g²            v̂ = v / (1 − β₂ᵗ⁺¹)
        w += −lr·m̂ / (√v̂ + ε)

    t is the number of finished steps of the optimizer, the same for all parameters. The state is s = m / (1 − β₁) and
    q = v / (1 − β₂), the decayed sums of g and g², which need no factors until the end. So assigning `beta_1` or
    `beta_2` during training rescales the past as well: the average jumps by the ratio of the new 1 − β to the old one.

    Args:
        parameters: The tensors to train, or groups of them.
        learning_rate: The length of a step, or a `Schedule` of it.
        decay: Decay of the learning rate.
        epsilon: ε, which keeps the quotient finite.
        beta_1: β₁, the fraction of the average gradient that is kept, in [0, 1).
        beta_2: β₂, the fraction of the average squared gradient that is kept, in [0, 1).

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2015), algorithm 1.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adam([w], learning_rate=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(4)
    array([ 0.9, -1.9])
    """

    state_names = ("sum", "square_sum")
    epsilon = Setting()
    beta_1 = Setting(below=1.0)
    beta_2 = Setting(below=1.0)

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float | Schedule = 0.001,
        *,
        decay: float = 0.0,
        epsilon: float = 1e-7,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
    ) -> None:
        super().__init__(parameters, learning_rate, decay=decay)
        self.epsilon = epsilon
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def step_settings(self, group: ParameterGroup) -> SimpleNamespace:
        """Add the corrections 1 − β₁ᵗ⁺¹ and 1 − β₂ᵗ⁺¹, which float32 could not hold exactly enough as an array."""
        settings = super().step_settings(group)
        settings.correction_1 = 1 - settings.beta_1 ** (self.iterations + 1)
        settings.correction_2 = 1 - settings.beta_2 ** (self.iterations + 1)
        return settings

    @fused(adam)
    def update(self, gradient: Array, state: State, settings: SimpleNamespace) -> tuple[Array, State]:
        """See the class."""
        beta_1, beta_2 = settings.beta_1, settings.beta_2
        s = beta_1 * state["sum"] + gradient
        q = beta_2 * state["square_sum"] + np.square(gradient)
        m_hat = (1 - beta_1) / settings.correction_1 * s
        v_hat = (1 - beta_2) / settings.correction_2 * q
        change = -settings.learning_rate * m_hat / (np.sqrt(v_hat) + settings.epsilon)
        return change, {"sum": s, "square_sum": q}


class AdamW(Adam):
    """Adam with decoupled weight decay: every step also shrinks the weights.

        w = (1 − lr·λ)·w, then as Adam

    An L2 penalty is part of the gradient and is divided by √v̂ like it. Here all weights shrink at the same rate. Do not
    use both.

    Args:
        parameters: The tensors to train, or groups of them. A group with weight_decay 0 does not shrink.
        learning_rate: The length of a step, or a `Schedule` of it.
        weight_decay: λ, at least 0.
        decay, epsilon, beta_1, beta_2: As `Adam`.

    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019), algorithm 2.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = AdamW([w], learning_rate=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(4)
    array([ 0.85, -1.8 ])
    """

    weight_decay = Setting()

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float | Schedule = 0.001,
        *,
        weight_decay: float = 0.01,
        decay: float = 0.0,
        epsilon: float = 1e-7,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
    ) -> None:
        super().__init__(parameters, learning_rate, decay=decay, epsilon=epsilon, beta_1=beta_1, beta_2=beta_2)
        self.weight_decay = weight_decay

    def shrink(self, settings: SimpleNamespace) -> float:
        """Return 1 − lr·λ."""
        return float(1.0 - settings.learning_rate * settings.weight_decay)
