# %% [markdown]
# # Chapter 4. Activation functions
#
# What you will understand:
#
# - what step, linear, sigmoid and ReLU do to a number;
# - how softmax turns scores into probabilities, and why the largest score is subtracted first;
# - why a network needs a curve between layers: two ReLUs make a ramp, and ramps can approximate any shape.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg

run = chapter.options("Chapter 4. Activation functions")

# %% [markdown]
# ## By hand: a number in, a number out


# %%
def step(x):
    """Return 1 above 0, else 0, as the first artificial neurons did."""
    return np.where(x > 0, 1.0, 0.0)


def sigmoid(x):
    """Return a number between 0 and 1."""
    return 1 / (1 + np.exp(-x))


def relu(x):
    """Return x above 0, else 0."""
    return np.maximum(0, x)


x = np.linspace(-4, 4, 161)
chapter.same("step", step(x), tg.heaviside(x, 0.0))
chapter.same("linear", x, nn.Identity()(tg.tensor(x)))
chapter.same("sigmoid", sigmoid(x), nn.Sigmoid()(x))
chapter.same("ReLU", relu(x), nn.ReLU()(x))

# %% [markdown]
# ## By hand: softmax
#
# Exponentials make every score positive, and dividing by their sum makes them add up to 1. `exp(1000)` is too large
# for any float. Only differences of scores matter, so the largest score of each row is subtracted first.


# %%
def softmax(scores):
    """Return probabilities, with a row for each sample."""
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


scores = np.array([[4.8, 1.21, 2.385], [8.9, -1.81, 0.2], [1000.0, 1001.0, 999.0]])
probabilities = softmax(scores)
print("  probabilities of the last row, whose exponentials would overflow:", np.round(probabilities[2], 3))
assert np.allclose(probabilities.sum(axis=1), 1)
chapter.same("softmax", probabilities, nn.Softmax()(scores))

# %% [markdown]
# ## Why curves matter: a sine made of ramps
#
# A pair of ReLUs makes a ramp: flat, then rising, then flat again. Seven ramps, each starting where the last one ends,
# follow a sine wave. Here the weights are set by hand; from chapter 10 on, training finds them.

# %%
RAMPS = 7
corners = np.linspace(0, 1, RAMPS + 1)
heights = np.sin(2 * np.pi * corners)
slopes = np.diff(heights) / np.diff(corners)
grid = np.linspace(0, 1, 201)
by_hand = sum(s * (relu(grid - left) - relu(grid - right)) for s, left, right in zip(slopes, corners, corners[1:]))

hidden = nn.Dense(1, 2 * RAMPS, dtype=np.float64, weight_init=nn.init.constant(1.0))
hidden.bias.data = -np.concatenate([corners[:-1], corners[1:]])
output = nn.Dense(2 * RAMPS, 1, dtype=np.float64)
output.weight.data = np.concatenate([slopes, -slopes])[:, None]
network = nn.Sequential(hidden, nn.ReLU(), output)
chapter.same("a sine made of ramps", by_hand[:, None], network(grid[:, None]))

# %% [markdown]
# ## The picture

# %%
figure = Figure(figsize=(10, 5.6), layout="constrained")
panels = figure.subplots(2, 3)
for axes, name, curve in zip(panels.flat, ["step", "linear", "sigmoid", "ReLU"], [step(x), x, sigmoid(x), relu(x)]):
    axes.plot(x, curve, color="#0072b2", linewidth=2)
    axes.axvline(0, color="#999999", linewidth=0.8)
    axes.set_title(name, loc="left", fontsize=11)
places, width = np.arange(3), 0.27
for row, colour in enumerate(["#0072b2", "#d55e00", "#009e73"]):
    panels[1, 1].bar(places + width * (row - 1), probabilities[row], width, color=colour, label=f"sample {row}")
panels[1, 1].set_xticks(places, [f"class {c}" for c in places])
panels[1, 1].set_title("softmax: each sample's bars add up to 1", loc="left", fontsize=11)
panels[1, 1].legend(frameon=False, fontsize=9)
panels[1, 2].plot(grid, np.sin(2 * np.pi * grid), color="#999999", linewidth=3, label="sin 2πx")
panels[1, 2].plot(grid, by_hand, color="#d55e00", linewidth=1.5, label=f"{RAMPS} ramps of two ReLUs")
panels[1, 2].set_title("why curves matter", loc="left", fontsize=11)
panels[1, 2].legend(frameon=False, fontsize=9, loc="lower left")
panels[1, 2].set_ylim(-1.5, 1.1)
for axes in panels.flat:
    axes.spines[["top", "right"]].set_visible(False)
chapter.save(figure, run.out / "04_activation_functions.png")

# %% [markdown]
# ## Three things to try
#
# 1. `RAMPS = 20`. How large is the largest error, with 7 ramps and with 20?
#
#    *Answer.* 0.097 with 7 ramps and 0.012 with 20. It falls with the square of their number: (20 / 7)² is about 8.
# 2. Take `- scores.max(...)` out of `softmax`. Which warning appears, and what happens to the last row?
#
#    *Answer.* `overflow encountered in exp`, then `invalid value encountered in divide`. The last row becomes NaN,
#    infinity divided by infinity, and the assertion below it fails.
# 3. Replace `nn.ReLU()` in the ramps by `nn.Identity()`. What does `network(grid[:, None])` return then, and why?
#
#    *Answer.* 0 everywhere. Without ReLU, each pair returns its slope times `right − left` for every x, which is the
#    rise of its ramp. The rises of a whole wave add up to 0.
