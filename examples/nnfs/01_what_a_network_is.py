# %% [markdown]
# # Chapter 1. What a neural network is
#
# What you will understand:
#
# - a network is a function with many adjustable numbers, its *parameters*;
# - the same function with other parameters returns other results: training is the search for good parameters;
# - how many parameters there are follows from the sizes of the layers.

# %%
import math

import chapter
import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg
from nn.plots.signs import SIGNS

run = chapter.options("Chapter 1. What a neural network is")

# %% [markdown]
# ## By hand: a function with parameters
#
# Two inputs, four hidden neurons, one output. A neuron multiplies its inputs by weights, adds up the products, and
# applies a curve to the sum, here tanh. Larger networks do the same, only more often.


# %%
def network_by_hand(point, W1, b1, W2, b2):
    """Return the output for one point, computed one number at a time."""
    hidden = []
    for neuron in range(4):
        total = point[0] * W1[0][neuron] + point[1] * W1[1][neuron] + b1[neuron]
        hidden.append(math.tanh(total))
    return sum(h * w for h, w in zip(hidden, W2)) + b2


def random_parameters(seed):
    """Draw the parameters of both layers at random."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, 4)), rng.normal(size=4), rng.normal(size=4), rng.normal()


point = [0.5, -1.0]
answers = [network_by_hand(point, *random_parameters(seed)) for seed in range(3)]
print("  the outputs of three networks for one point:", ", ".join(f"{answer:.3f}" for answer in answers))

# %% [markdown]
# ## On the engine
#
# The same function for many points at once: each layer is a matrix product, as chapter 2 explains.


# %%
def network(points, W1, b1, W2, b2):
    """The outputs for all points, as a tensor."""
    return tg.tanh(tg.tensor(points) @ W1 + b1) @ W2 + b2


for seed, answer in enumerate(answers):
    chapter.same(f"the output of network {seed}", answer, network([point], *random_parameters(seed))[0])

# %% [markdown]
# `nn` contains ready-made layers. A dense layer has inputs × neurons weights and a bias for each neuron.

# %%
layers = nn.Sequential(nn.Dense(2, 4, rng=0), nn.Tanh(), nn.Dense(4, 1, rng=0))
count = sum(parameter.size for parameter in layers.parameters())
chapter.same("the number of parameters", (2 * 4 + 4) + (4 * 1 + 1), count)

# %% [markdown]
# A picture of these layers: a circle for each number, a line for each weight. Orange is positive, blue is negative, and
# the wider the line, the larger the weight.

# %%
chapter.save(nn.plots.network(layers, x=[point]), run.out / "01_network.svg")

# %% [markdown]
# ## The picture: three untrained networks
#
# The colour is the output at each point of the plane: orange where it is positive, blue where it is negative. Only
# the parameters differ.

# %%
axis = np.linspace(-3, 3, 121)
plane = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
figure = Figure(figsize=(9.5, 3.4), layout="constrained")
figure.suptitle("One function, three sets of random parameters")
panels = figure.subplots(1, 3, sharey=True)
for seed, axes in enumerate(panels):
    output = network(plane, *random_parameters(seed)).data.reshape(121, 121)
    shades = axes.contourf(axis, axis, output, levels=np.linspace(-5, 5, 21), cmap=SIGNS, extend="both")
    axes.contour(axis, axis, output, levels=[0], colors="black", linewidths=1.2)
    axes.set(title=f"network {seed}", xlabel="first input", aspect="equal")
panels[0].set_ylabel("second input")
figure.colorbar(shades, ax=panels, label="output (black line: 0)", ticks=[-5, 0, 5])
chapter.save(figure, run.out / "01_what_a_network_is.png")

# %% [markdown]
# ## Three things to try
#
# 1. In `random_parameters` multiply the first array by 5. What happens to the borders between the colours, and why?
#
#    *Answer.* Every tanh now goes from −1 to 1 within a fifth of the distance, so the colours change along sharp,
#    nearly straight edges: one for each hidden neuron, where its sum is 0. The edges also move towards the middle of
#    the plane, because the biases have not changed.
# 2. Leave out `tanh` in both functions. Which shapes can the black line have now?
#
#    *Answer.* Only a straight line. Without a curve, the output is a weighted sum of the two inputs plus a number, and
#    it is 0 on a line.
# 3. How many parameters does a 784-128-10 network have? Compute it, then check with `nn.Sequential` as above.
#
#    *Answer.* 784 · 128 + 128 + 128 · 10 + 10 = 101,770.
