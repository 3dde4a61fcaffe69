# %% [markdown]
# # Chapter 32. Custom layers, losses, metrics, callbacks and operations
#
# What you will understand:
#
# - an operation is a function of arrays, declared together with a rule for the gradient of each input;
# - a rule that was derived by hand can be wrong, so `tg.gradcheck` compares it with finite differences;
# - layers, losses, metrics and callbacks are classes with one method each, which work wherever the built-in ones do: in
#   `fit`, in drawings, and in files.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg

run = chapter.options("Chapter 32. Custom layers, losses, metrics, callbacks and operations")
EPOCHS = 100 if run.fast else 300

# %% [markdown]
# ## By hand: an operation with two gradients
#
# Beyond their training data, networks with ReLU or tanh continue as a line or a constant. For periodic data, Ziyin,
# Hartwig and Ueda (*Neural networks fail to learn periodic functions and how to fix it*, 2020) propose the activation
#
#     snake(x, a) = x + sin²(ax)/a,
#
# with a learned frequency a. With sin(2z) = 2·sin z·cos z, its derivatives are
#
#     ∂/∂x = 1 + 2·sin(ax)·cos(ax)·a/a = 1 + sin(2ax),
#     ∂/∂a = 2·sin(ax)·cos(ax)·x/a − sin²(ax)/a² = (x·sin(2ax) − sin²(ax)/a)/a.
#
# `tg.op` takes the function and a rule for each input. The names of a rule's parameters say what it needs: `g`, the
# gradient of the result, and the inputs. If an input was broadcast, the engine sums its gradient.


# %%
@tg.op(
    x=lambda g, x, frequency: g * (1 + np.sin(2 * frequency * x)),
    frequency=lambda g, x, frequency: (
        g * (x * np.sin(2 * frequency * x) - np.sin(frequency * x) ** 2 / frequency) / frequency
    ),
)
def snake(x, frequency):
    """Return x + sin²(frequency·x)/frequency."""
    return x + np.sin(frequency * x) ** 2 / frequency


rng = np.random.default_rng(run.seed)
x, frequency = rng.normal(size=(5, 3)), rng.uniform(0.5, 3, 3)
g = rng.normal(size=x.shape)
leaves = [tg.tensor(value, requires_grad=True) for value in (x, frequency)]
(snake(*leaves) * g).sum().backward()
chapter.same("the gradient with respect to x", g * (1 + np.sin(2 * frequency * x)), leaves[0].grad)
d_frequency = (g * (x * np.sin(2 * frequency * x) - np.sin(frequency * x) ** 2 / frequency) / frequency).sum(axis=0)
chapter.same("with respect to the frequency, summed over the samples", d_frequency, leaves[1].grad)

# %% [markdown]
# ## Check the rule: gradcheck
#
# Both sides of that comparison use the same derivation. Finite differences are independent of it. Because the rules are
# plain NumPy, the engine can differentiate them again, and `order=2` also checks the second derivatives.

# %%
chapter.claim("gradcheck accepts both orders", tg.gradcheck(snake, [x, frequency], order=2))


@tg.op(x=lambda g, x, frequency: g * (1 + np.sin(frequency * x)), frequency=None)
def wrong_snake(x, frequency):
    """Return the same as `snake`. A factor of 2 is missing in the rule."""
    return x + np.sin(frequency * x) ** 2 / frequency


try:
    tg.gradcheck(lambda x: wrong_snake(x, frequency), [x])
except tg.GradcheckError as error:
    message = str(error)
else:
    message = ""
print("  the message of gradcheck for a wrong rule:\n    " + message.strip().replace("\n", "\n    "))
chapter.claim("gradcheck rejects the wrong rule", "is wrong" in message)

# %% [markdown]
# ## On the engine: a layer
#
# A module's parameters are its tensors that require a gradient. If it keeps the arguments of its constructor as
# attributes of the same names, it can be printed, copied, saved and loaded.


# %%
class Snake(nn.Module):
    """Snake activation with a learned frequency for each feature."""

    def __init__(self, features, *, lowest=0.5, highest=6.0):
        self.features, self.lowest, self.highest = features, lowest, highest
        self.frequency = tg.tensor(np.geomspace(lowest, highest, features, dtype=np.float32), requires_grad=True)

    def forward(self, x):
        """Return the activation of x, `(samples, features)`."""
        return snake(x, self.frequency)


print(f"  {Snake(16)!r}, {Snake(16, highest=8.0)!r}")

# %% [markdown]
# ## A loss
#
# log cosh e is about e²/2 for small errors and |e| − log 2 for large ones. It is smooth like the squared error, and its
# derivative, tanh e, limits the influence of outliers. For large e, cosh overflows, but the equivalent formula
# |e| + log(1 + e^(−2|e|)) − log 2 does not. A loss written with tensor operations needs no rule.


# %%
class LogCosh(nn.Loss):
    """Mean of log cosh of the errors."""

    def forward(self, predictions, targets):
        """Return the loss."""
        size = tg.abs(predictions - targets)
        return tg.mean(size + tg.log1p(tg.exp(-2 * size)) - np.log(2))


errors = np.array([[-3.0], [-0.1], [0.2], [1.0]])
leaf = tg.tensor(errors, requires_grad=True)
loss = LogCosh()(leaf, np.zeros_like(errors))
loss.backward()
chapter.same("log cosh", np.mean(np.log(np.cosh(errors))), loss)
chapter.same("its gradient", np.tanh(errors) / 4, leaf.grad)
chapter.claim("it does not overflow", np.isfinite(LogCosh()(np.float32([[1e4]]), np.float32([[0]])).item()))

# %% [markdown]
# ## A metric and a callback
#
# A metric returns a value for each element, and the base class averages over all batches. The methods of a callback are
# called at fixed points of `fit`.


# %%
class Within(nn.Metric):
    """Fraction of the predictions that are within a tolerance of their target."""

    name = "within"

    def __init__(self, tolerance=0.2):
        self.tolerance = tolerance

    def measure(self, predictions, targets):
        """Return whether each prediction is within the tolerance."""
        return np.abs(predictions - targets) <= self.tolerance


class Frequencies(nn.Callback):
    """Record the frequencies of a network after every epoch."""

    def __init__(self):
        self.values = []

    def on_epoch_end(self, epoch, logs):
        """Record the frequency of each unit as a function of x: its frequency times its input weight."""
        dense, activation = self.model.network[0], self.model.network[1]
        self.values.append(np.abs(dense.weight.data[0] * activation.frequency.data))


# %% [markdown]
# ## All parts together
#
# The data are a wave with a trend, sin 2πx + 0.3x, for x from −3 to 3. The test data continue it up to x = 5. Since
# sin²(ax) = (1 − cos 2ax)/2, the correct frequency is a = π.


# %%
def wave(x):
    """Return the target at x."""
    return np.float32(np.sin(2 * np.pi * x) + 0.3 * x)


X = np.linspace(-3, 3, 400, dtype=np.float32)[:, None]
X_after = np.linspace(3, 5, 200, dtype=np.float32)[:, None]


def trained(activation, callbacks):
    """Train a model with one hidden layer of 16 units, and return it."""
    draws = np.random.default_rng(run.seed)
    network = nn.Sequential(
        nn.Dense(1, 16, weight_init=nn.init.constant(1.0))
        if isinstance(activation, Snake)
        else nn.Dense(1, 16, rng=draws),
        activation,
        nn.Dense(16, 1, rng=draws),
    )
    rate = nn.CosineDecay(0.02, steps=EPOCHS * 13)
    optimizer = nn.Adam(network.parameters(), learning_rate=rate)
    model = nn.Model(network, loss=LogCosh(), optimizer=optimizer, metrics=[Within(0.1)], rng=run.seed)
    model.fit(X, wave(X), epochs=EPOCHS, batch_size=32, callbacks=callbacks, verbose=0)
    return model


recorded = Frequencies()
model, with_tanh = trained(Snake(16), [recorded]), trained(nn.Tanh(), [])
after = {}
for name, each in (("snake", model), ("tanh", with_tanh)):
    seen, after[name] = each.evaluate(X, wave(X)), each.evaluate(X_after, wave(X_after))
    print(
        f"  {name}: loss {seen['loss']:.4f}, within 0.1: {seen['within']:.0%}; after the data {after[name]['loss']:.4f}"
    )
chapter.claim(
    "after the data, snake's loss is less than half of tanh's", after["snake"]["loss"] < after["tanh"]["loss"] / 2
)
chapter.claim("the callback was called after every epoch", len(recorded.values) == EPOCHS)
strength = np.abs(model.network[2].weight.data[:, 0] / model.network[1].frequency.data)
strongest = recorded.values[-1][strength.argmax()]
print(f"  the frequency of the strongest unit is {strongest:.3f}")
chapter.claim("it is within 0.2 of π", abs(strongest - np.pi) < 0.2)

# %% [markdown]
# ## Saving and loading
#
# A file contains the names of the classes, and none of their code. Loading creates only classes of `nn` and those
# passed as `custom`.

# %%
path = run.out / "32_custom_parts.safetensors"
model.save(path)
loaded = nn.Model.load(path, custom=[Snake, LogCosh, Within])
chapter.same("the predictions of the loaded model", model.predict(X), loaded.predict(X))
chapter.claim("the metric has kept its tolerance", loaded.metrics[0].tolerance == 0.1)
chapter.claim("its evaluation is the same", loaded.evaluate(X_after, wave(X_after)) == after["snake"])
try:
    nn.Model.load(path)
except nn.LoadError as error:
    print(f"  without custom=: {error}")
    chapter.claim("without custom, the error names the missing argument", "custom=" in str(error))

# %% [markdown]
# ## The picture
#
# The graph of the loss for three samples shows the operation by its name, in the frame of its layer. Beyond the
# training data, on white, the network with snake continues the wave. The network with tanh has learnt the trend, but
# not the wave, even on the training data. The panel on the right shows the frequencies that the callback recorded.
# Thicker lines belong to units with more influence on the output. The strongest unit has reached π.

# %%
loss = LogCosh()(model.network(X[::150]), wave(X[::150]))
loss.name = "loss"
loss.backward(retain_graph=True)
chapter.save(tg.draw(loss), run.out / "32_custom_parts.svg")

figure = Figure(figsize=(10.5, 3.8), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=[1.6, 1])
grid = np.linspace(-3, 5, 800, dtype=np.float32)[:, None]
left.axvspan(-3, 3, color="#eeeeee", linewidth=0)
left.plot(grid, wave(grid), color=chapter.GREY, linewidth=4, label="sin 2πx + 0.3x")
left.plot(grid, model.predict(grid), color=chapter.BLUE, label="snake")
left.plot(grid, with_tanh.predict(grid), "--", color=chapter.RED, label="tanh")
left.set_xlim(-3, 5)
left.set_ylim(-2.4, 4.2)
left.legend(frameon=False, ncols=3, loc="upper left")
chapter.plain(left, "training data (grey) and after", "x")
for values, width in zip(np.transpose(recorded.values), 0.5 + 3.5 * strength / strength.max()):
    right.plot(range(1, EPOCHS + 1), values, color=chapter.BLUE, linewidth=width, alpha=0.8)
right.axhline(np.pi, color=chapter.RED, linestyle="--")
right.set_yticks([1, 2, np.pi, 4, 5], ["1", "2", "π", "4", "5"])
chapter.plain(right, "the frequencies of the 16 units", "epoch")
chapter.save(figure, run.out / "32_custom_parts.png")

# %% [markdown]
# ## Three things to try
#
# 1. Write `snake` as a function of tensors, `x + tg.sin(a * x) ** 2 / a`, without `tg.op`. What is different?
#
#    *Answer.* The gradients are the same: the engine derives them from its rules. The graph has one operation for each
#    operator instead of a single one, and keeps their results for the backward pass.
# 2. Give the loss an argument `weight` and save a model with it. What does the class have to do?
#
#    *Answer.* Keep it as `self.weight`. An argument of the constructor is saved if an attribute has the same name.
# 3. Write a subclass of `Within` for the fraction that is *not* within the tolerance. Which methods does it need?
#
#    *Answer.* Only `measure`, which returns `~super().measure(predictions, targets)`, and a different `name`.

# %%
composed = leaves[0] + tg.sin(leaves[1] * leaves[0]) ** 2 / leaves[1]
gradients = tg.gradient((composed * g).sum(), leaves)
for name, expected, got in zip(("x", "the frequency"), (leaves[0].grad, leaves[1].grad), gradients):
    chapter.same(f"1: the gradient with respect to {name}", expected, got)


class Outside(Within):
    """Fraction of the predictions that are outside the tolerance."""

    name = "outside"

    def measure(self, predictions, targets):
        """Return whether each prediction is outside the tolerance."""
        return ~super().measure(predictions, targets)


predicted = model.predict(X)
chapter.same("3: the two fractions add up to 1", 1.0, Within()(predicted, wave(X)) + Outside()(predicted, wave(X)))
