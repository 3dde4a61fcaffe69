"""The update rules: how a gradient g becomes a change of the weights w.

Each rule is written twice: as the formula of *Neural Networks from Scratch in Python* (chapter 10) in the class's
documentation, and as NumPy operations that write into arrays they are given, which is twice as fast. Three things are
the same for all of them: the learning rate of step t is lr = learning_rate / (1 + decay·t), with t counting finished
steps; ε stands outside the square root; and a penalty on the weights (L1, L2) comes in with the gradient of the loss,
except in `AdamW`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.optimizers.optimizer import Optimizer
from nn.optimizers.schedules import Schedule
from nn.optimizers.setting import Setting
from tensorgrad import Tensor

Array = NDArray[Any]


class SGD(Optimizer):
    """Stochastic gradient descent: against the gradient, with momentum if asked.

        w += −lr·g                                   momentum μ = 0
        v = μ·v − lr·g;  w += v                      momentum
        v = μ·v − lr·g;  w += μ·v − lr·g             Nesterov momentum

    Args:
        parameters: the tensors to train.
        learning_rate: the length of a step, or a `Schedule` of it.
        decay: of the learning rate.
        momentum: μ, the share of the last step that goes on, in [0, 1).
        nesterov: look ahead along the momentum. Needs a momentum above 0.

    Raises:
        TypeError, ValueError: as `Optimizer`, and for `nesterov` without momentum.

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013); the form
    is that of the book and of Keras: the learning rate is part of v.

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
        parameters: Iterable[Tensor],
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

    def factors(self) -> tuple[float, ...]:
        """−lr and μ."""
        return -self.current_learning_rate, self.momentum

    def update(self, g: Array, v: Array, room: Array, factor: Array, momentum: Array) -> Array:
        """See the class."""
        np.multiply(g, factor, out=room)
        if not momentum:
            return room
        v *= momentum
        v += room
        if not self.nesterov:
            return v
        room += momentum * v
        return room


class Adagrad(Optimizer):
    """A learning rate for each weight, smaller where its gradients have been large.

        c = c + g²
        w += −lr·g / (√c + ε)

    Args:
        parameters: the tensors to train.
        learning_rate: the length of a step, or a `Schedule` of it.
        decay: of the learning rate.
        epsilon: ε, keeps the division finite.

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
        parameters: Iterable[Tensor],
        learning_rate: float | Schedule = 1.0,
        *,
        decay: float = 0.0,
        epsilon: float = 1e-7,
    ) -> None:
        super().__init__(parameters, learning_rate, decay=decay)
        self.epsilon = epsilon

    def factors(self) -> tuple[float, ...]:
        """−lr and ε."""
        return -self.current_learning_rate, self.epsilon

    def update(self, g: Array, c: Array, room: Array, factor: Array, epsilon: Array) -> Array:
        """See the class."""
        c += np.square(g, out=room)
        np.sqrt(c, out=room)
        room += epsilon
        np.divide(g, room, out=room)
        room *= factor
        return room


class RMSprop(Optimizer):
    """Adagrad that forgets: divides by a running average of the squared gradients.

        c = ρ·c + (1 − ρ)·g²
        w += −lr·g / (√c + ε)

    Args:
        parameters: the tensors to train.
        learning_rate: the length of a step, or a `Schedule` of it.
        decay: of the learning rate.
        epsilon: ε, keeps the division finite.
        rho: ρ, the share of the average that stays, in [0, 1).

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
        parameters: Iterable[Tensor],
        learning_rate: float | Schedule = 0.001,
        *,
        decay: float = 0.0,
        epsilon: float = 1e-7,
        rho: float = 0.9,
    ) -> None:
        super().__init__(parameters, learning_rate, decay=decay)
        self.epsilon = epsilon
        self.rho = rho

    def factors(self) -> tuple[float, ...]:
        """−lr, ε, ρ and 1 − ρ."""
        return -self.current_learning_rate, self.epsilon, self.rho, 1 - self.rho

    def update(
        self, g: Array, c: Array, room: Array, factor: Array, epsilon: Array, rho: Array, one_minus_rho: Array
    ) -> Array:
        """See the class."""
        np.square(g, out=room)
        room *= one_minus_rho
        c *= rho
        c += room
        np.sqrt(c, out=room)
        room += epsilon
        np.divide(g, room, out=room)
        room *= factor
        return room


class Adam(Optimizer):
    """Momentum and RMSprop together, both corrected for having started at 0.

        m = β₁·m + (1 − β₁)·g             m̂ = m / (1 − β₁ᵗ⁺¹)
        c = β₂·c + (1 − β₂)·g²            ĉ = c / (1 − β₂ᵗ⁺¹)
        w += −lr·m̂ / (√ĉ + ε)

    t is the number of finished steps of the optimizer, the same for all parameters. The state holds m / (1 − β₁) and
    c / (1 − β₂), the decayed sums of g and g²: a tenth of the time is saved by giving them their factors at the end.
    So assigning `beta_1` or `beta_2` during training rescales the past as well: the average of that β jumps by the
    ratio of the new 1 − β to the old one.

    Args:
        parameters: the tensors to train.
        learning_rate: the length of a step, or a `Schedule` of it.
        decay: of the learning rate.
        epsilon: ε, keeps the division finite.
        beta_1: β₁, the share of the average gradient that stays, in [0, 1).
        beta_2: β₂, the share of the average squared gradient that stays, in [0, 1).

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
        parameters: Iterable[Tensor],
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

    def factors(self) -> tuple[float, ...]:
        """β₁, β₂, and what turns s/√q into the change, as m̂ = factor_m·s and ĉ = factor_c·q: ε and −lr, corrected."""
        beta_1, beta_2, t = self.beta_1, self.beta_2, self.iterations
        factor_m = (1 - beta_1) / (1 - beta_1 ** (t + 1))
        root_factor_c = math.sqrt((1 - beta_2) / (1 - beta_2 ** (t + 1)))
        rate = self.current_learning_rate * factor_m / root_factor_c
        return beta_1, beta_2, self.epsilon / root_factor_c, -rate

    def update(
        self, g: Array, s: Array, q: Array, room: Array, beta_1: Array, beta_2: Array, epsilon: Array, factor: Array
    ) -> Array:
        """See the class."""
        s *= beta_1
        s += g
        np.square(g, out=room)
        q *= beta_2
        q += room
        np.sqrt(q, out=room)
        room += epsilon
        np.divide(s, room, out=room)
        room *= factor
        return room


class AdamW(Adam):
    """Adam with decoupled weight decay: every step also shrinks the weights themselves.

        w = (1 − lr·λ)·w, then as Adam

    Unlike an L2 penalty, which comes in with the gradient and is divided by √ĉ like it, all weights shrink at the same
    rate. Do not use both.

    Args:
        parameters: the tensors to train; all of them decay.
        learning_rate: the length of a step, or a `Schedule` of it.
        weight_decay: λ, at least 0.
        decay, epsilon, beta_1, beta_2: as `Adam`.

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
        parameters: Iterable[Tensor],
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

    def shrink(self) -> float:
        """1 − lr·λ."""
        return 1.0 - self.current_learning_rate * self.weight_decay
