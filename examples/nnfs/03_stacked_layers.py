# %% [markdown]
# # Chapter 3. Stacked layers
#
# What you will understand:
#
# - the outputs of a layer are the inputs of the next, so their sizes must fit;
# - a dense layer is an object that keeps its weights and biases;
# - the spiral data: three classes that no straight line can separate.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import nn

run = chapter.options("Chapter 3. Stacked layers")

# %% [markdown]
# ## By hand: a layer as a class
#
# Small random weights and biases of zero: the initial values of the whole book. `RandomState(0)` reproduces its
# numbers.


# %%
class DenseByHand:
    """Dense layer: every input is connected to every neuron."""

    def __init__(self, inputs, neurons, rng):
        self.weight = (0.01 * rng.randn(inputs, neurons)).astype(np.float32)
        self.bias = np.zeros(neurons, dtype=np.float32)

    def forward(self, x):
        """Return a row for each sample, with a column for each neuron."""
        return x @ self.weight + self.bias


def spiral_by_hand(samples, classes, rng):
    """Return points on intertwined arms and their classes. Class c covers the angles 4c to 4c + 4, with noise."""
    X, y = [], []
    for c in range(classes):
        radius = np.linspace(0.0, 1.0, samples)
        angle = np.linspace(4.0 * c, 4.0 * (c + 1), samples) + 0.2 * rng.randn(samples)
        X.append(np.stack([radius * np.sin(2.5 * angle), radius * np.cos(2.5 * angle)], axis=1))
        y.append(np.full(samples, c))
    return np.concatenate(X).astype(np.float32), np.concatenate(y)


rng = np.random.RandomState(0)
X, y = spiral_by_hand(100, 3, rng)
first, second = DenseByHand(2, 3, rng), DenseByHand(3, 3, rng)
by_hand = second.forward(first.forward(X))
print("  shapes from the input to the output:", X.shape, "→", first.forward(X).shape, "→", by_hand.shape)

# %% [markdown]
# ## On the engine
#
# The random numbers are drawn in the same order: data first, then the layers.

# %%
rng = np.random.RandomState(0)
X_again, y_again = nn.datasets.spiral(100, 3, rng=rng)
start = nn.init.normal(0.01)
network = nn.Sequential(nn.Dense(2, 3, weight_init=start, rng=rng), nn.Dense(3, 3, weight_init=start, rng=rng))

chapter.same("the spiral's points", X, X_again)
chapter.same("their classes", y, y_again)
for number, (by_hand_layer, layer) in enumerate(zip((first, second), network)):
    chapter.same(f"the weights of layer {number}", by_hand_layer.weight, layer.weight)
chapter.same("the outputs of two stacked layers", by_hand, network(X_again))

# %% [markdown]
# Without a curve between them, two layers compute no more than one: `(xW₁)W₂ = x(W₁W₂)`. Chapter 4 adds the curve.

# %%
chapter.same("two linear layers and one", X @ (first.weight @ second.weight), network(X))

# %% [markdown]
# ## The picture: the data to learn

# %%
figure = Figure(figsize=(6.2, 4.8), layout="constrained")
axes = figure.subplots()
for c, (colour, marker) in enumerate([("#0072b2", "o"), ("#d55e00", "^"), ("#009e73", "s")]):
    axes.scatter(*X[y == c].T, s=16, color=colour, marker=marker, label=f"class {c}")
axes.set(title="Spiral data: 100 points of each class", xlabel="first feature", ylabel="second feature", aspect="equal")
axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
axes.spines[["top", "right"]].set_visible(False)
chapter.save(figure, run.out / "03_stacked_layers.png")

# %% [markdown]
# ## Three things to try
#
# 1. Make the second layer `nn.Dense(4, 3)`. What does the error say?
#
#    *Answer.* `layer 1: Dense(4, 3): expected inputs of width 4, got an array of shape (300, 3).` Layers are counted
#    from 0.
# 2. Print `nn.datasets.spiral(5, 2)`. Which points of the two classes are closest to each other?
#
#    *Answer.* The first points of both: they have the radius 0, so both lie at the origin. No network can distinguish
#    them.
# 3. `print(network)` and `list(network.parameters())`: find the four arrays, and the sum of their sizes.
#
#    *Answer.* Weights `(2, 3)` and `(3, 3)`, two biases `(3,)`: 6 + 3 + 9 + 3 = 21 numbers.
