"""Adam and its variants. The conventions are those of `algorithms.py`."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from nn.optimizers._arrays import Array
from nn.optimizers._fused import adam, fused, nadam
from nn.optimizers._groups import ParameterGroup, Parameters
from nn.optimizers._setting import Setting
from nn.optimizers.optimizer import Optimizer, State
from nn.optimizers.schedules import Schedule


class Adam(Optimizer):
    """Momentum and RMSprop combined, both corrected for averages that start at 0.

        m = β₁·m + (1 − β₁)·g             m̂ = m / (1 − β₁ᵗ⁺¹)
        v = β₂·v + (1 − β₂)·g²            v̂ = v / (1 − β₂ᵗ⁺¹)
        w += −lr·m̂ / (√v̂ + ε)

    t is the number of finished steps of the optimizer, the same for all parameters. The state is s = m / (1 − β₁) and
    q = v / (1 − β₂), the decayed sums of g and g², which are scaled only at the end. So assigning `beta_1` or
    `beta_2` during training rescales the past as well: the average jumps by the ratio of the new 1 − β to the old one.

    Args:
        parameters: The tensors to train, or groups of them.
        learning_rate: The length of a step, or a `Schedule` of it.
        decay: Decay of the learning rate.
        epsilon: ε, which keeps the quotient finite.
        beta_1: β₁, the fraction of the average gradient that is kept, in [0, 1).
        beta_2: β₂, the fraction of the average squared gradient that is kept, in [0, 1).
        weight_decay: λ of the L2 penalty, at least 0. `AdamW` has decoupled weight decay.
        amsgrad: Use the largest v of all steps so far instead of the last one.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2015), algorithm 1. `amsgrad`: Reddi, Kale and
    Kumar, "On the Convergence of Adam and Beyond" (2018), algorithm 2, with both corrections, as in PyTorch.

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
    weight_decay = Setting(absent=0.0)
    l2 = "weight_decay"

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float | Schedule = 0.001,
        *,
        decay: float = 0.0,
        epsilon: float = 1e-7,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(parameters, learning_rate, decay=decay)
        self.epsilon = epsilon
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.weight_decay = weight_decay
        self.amsgrad = amsgrad
        if amsgrad:
            self.add_state("largest_square_sum")

    def step_settings(self, group: ParameterGroup) -> SimpleNamespace:
        """Add the corrections 1 − β₁ᵗ⁺¹ and 1 − β₂ᵗ⁺¹, which float32 arrays could not represent accurately enough."""
        settings = super().step_settings(group)
        settings.correction_1 = 1 - settings.beta_1 ** (self.iterations + 1)
        settings.correction_2 = 1 - settings.beta_2 ** (self.iterations + 1)
        return settings

    @fused(adam)
    def update(self, gradient: Array, state: State, settings: SimpleNamespace) -> tuple[Array, State]:
        """See the class."""
        beta_1, beta_2 = settings.beta_1, settings.beta_2
        s = beta_1 * state["sum"] + gradient
        q = largest = beta_2 * state["square_sum"] + np.square(gradient)
        new = {"sum": s, "square_sum": q}
        if self.amsgrad:
            largest = new["largest_square_sum"] = np.maximum(state["largest_square_sum"], q)
        m_hat = (1 - beta_1) / settings.correction_1 * s
        v_hat = (1 - beta_2) / settings.correction_2 * largest
        change = -settings.learning_rate * m_hat / (np.sqrt(v_hat) + settings.epsilon)
        return change, new


class AdamW(Adam):
    """Adam with decoupled weight decay: every step also shrinks the weights.

        w = (1 − lr·λ)·w, then as Adam

    An L2 penalty is part of the gradient and is divided by √v̂ as well. With decoupled weight decay, all weights shrink
    at the same rate. Do not use both.

    Args:
        parameters: The tensors to train, or groups of them. A group with weight_decay 0 does not shrink;
            `nn.optimizers.group_parameters` puts biases and norms into such a group.
        learning_rate: The length of a step, or a `Schedule` of it.
        weight_decay: λ, at least 0.
        decay, epsilon, beta_1, beta_2, amsgrad: As `Adam`.

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
    l2 = ""

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
        amsgrad: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            learning_rate,
            decay=decay,
            epsilon=epsilon,
            beta_1=beta_1,
            beta_2=beta_2,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
        )

    def shrink(self, settings: SimpleNamespace) -> float:
        """Return 1 − lr·λ."""
        return 1.0 - settings.learning_rate * settings.weight_decay  # type: ignore[no-any-return]


class NAdam(Adam):
    """Adam with Nesterov momentum: the step uses the average as it will be after the next step.

        m = β₁·m + (1 − β₁)·g             μᵢ = β₁·(1 − 0.96^(ψ·i) / 2)
        v = β₂·v + (1 − β₂)·g²            v̂ = v / (1 − β₂ᵗ⁺¹)
        m̂ = μₜ₊₂·m / (1 − Πᵢ₌₁ᵗ⁺² μᵢ) + (1 − μₜ₊₁)·g / (1 − Πᵢ₌₁ᵗ⁺¹ μᵢ)
        w += −lr·m̂ / (√v̂ + ε)

    t is the number of finished steps, and the state is that of `Adam`.

    Args:
        parameters: The tensors to train, or groups of them.
        learning_rate: The length of a step, or a `Schedule` of it.
        momentum_decay: ψ, which sets how fast the momentum μ rises from β₁/2 to β₁.
        decay, epsilon, beta_1, beta_2, weight_decay: As `Adam`.

    Source: Dozat, "Incorporating Nesterov Momentum into Adam" (2016), algorithm 2 with the schedule of its code.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = NAdam([w], learning_rate=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(4)
    array([ 0.8944, -1.8944])
    """

    momentum_decay = Setting()

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float | Schedule = 0.002,
        *,
        decay: float = 0.0,
        epsilon: float = 1e-7,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        momentum_decay: float = 0.004,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            parameters,
            learning_rate,
            decay=decay,
            epsilon=epsilon,
            beta_1=beta_1,
            beta_2=beta_2,
            weight_decay=weight_decay,
        )
        self.momentum_decay = momentum_decay
        self._products: dict[tuple[float, float], tuple[int, float]] = {}

    def step_settings(self, group: ParameterGroup) -> SimpleNamespace:
        """Add the factors of m and g in m̂ to those of `Adam`."""
        settings = super().step_settings(group)
        t, key = self.iterations, (settings.beta_1, settings.momentum_decay)

        def momentum(step: int) -> float:
            return float(settings.beta_1 * (1 - 0.5 * 0.96 ** (step * settings.momentum_decay)))

        done, product = self._products.get(key, (0, 1.0))
        if done > t + 1:  # the state of an earlier step was loaded
            done, product = 0, 1.0
        for step in range(done + 1, t + 2):
            product *= momentum(step)
        self._products[key] = t + 1, product
        settings.gradient_factor = (1 - momentum(t + 1)) / (1 - product)
        settings.momentum_factor = momentum(t + 2) / (1 - product * momentum(t + 2))
        return settings

    @fused(nadam)
    def update(self, gradient: Array, state: State, settings: SimpleNamespace) -> tuple[Array, State]:
        """See the class."""
        beta_1, beta_2 = settings.beta_1, settings.beta_2
        s = beta_1 * state["sum"] + gradient
        q = beta_2 * state["square_sum"] + np.square(gradient)
        m_hat = settings.momentum_factor * (1 - beta_1) * s + settings.gradient_factor * gradient
        v_hat = (1 - beta_2) / settings.correction_2 * q
        return -settings.learning_rate * m_hat / (np.sqrt(v_hat) + settings.epsilon), {"sum": s, "square_sum": q}
