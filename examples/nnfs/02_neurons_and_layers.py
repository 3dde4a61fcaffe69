# %% [markdown]
# # Chapter 2. Neurons and layers
#
# What you will understand:
#
# - a neuron multiplies each input by a weight, adds the products up, and adds a bias;
# - a layer is many neurons that share their inputs, so it is a product of a matrix and a vector;
# - a batch is many samples at once, so a layer of a batch is a product of two matrices.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import tensorgrad as tg

run = chapter.options("Chapter 2. Neurons and layers")

# %% [markdown]
# ## By hand: one neuron
#
# Three inputs, three weights, one bias.

# %%
inputs = [1.0, 2.0, 3.0]
weights = [0.2, 0.8, -0.5]
bias = 2.0

neuron = 0.0
for x, w in zip(inputs, weights):
    neuron += x * w
neuron += bias
print(f"  the output of one neuron: {neuron:.1f}")

# %% [markdown]
# The same sum is a dot product, `inputs · weights`.

# %%
assert np.isclose(np.array(inputs) @ np.array(weights) + bias, neuron)

# %% [markdown]
# ## By hand: a layer, and a batch
#
# A row of `batch` is a sample. A *column* of `W` contains the weights of a neuron, so `batch @ W` has a row for each
# sample and a column for each neuron. The biases are added to every row: NumPy repeats them (*broadcasting*).

# %%
batch = np.array([[1.0, 2.0, 3.0, 2.5], [2.0, 5.0, -1.0, 2.0], [-1.5, 2.7, 3.3, -0.8]])
W = np.array([[0.2, 0.5, -0.26], [0.8, -0.91, -0.27], [-0.5, 0.26, 0.17], [1.0, -0.5, 0.87]])
b = np.array([2.0, 3.0, 0.5])

layer = np.empty((3, 3))
for sample in range(3):
    for neuron_of_layer in range(3):
        total = b[neuron_of_layer]
        for feature in range(4):
            total += batch[sample, feature] * W[feature, neuron_of_layer]
        layer[sample, neuron_of_layer] = total
assert np.allclose(layer, batch @ W + b)

# %% [markdown]
# ## On the engine
#
# A tensor is an array that records how it was computed. The formula stays the same.

# %%
weight_tensor = tg.tensor(W, requires_grad=True, name="W")
bias_tensor = tg.tensor(b, requires_grad=True, name="b")
output = tg.tensor(batch, name="batch") @ weight_tensor + bias_tensor
output.name = "layer"

chapter.same("the layer's outputs for the whole batch", layer, output)

# %% [markdown]
# ## The picture: what each input contributes
#
# The bars are the products of input and weight for the first sample; the last bar is the bias. The line is their sum.

# %%
figure = Figure(figsize=(9, 3.2), layout="constrained")
figure.suptitle("Each neuron adds up its products of input and weight")
for neuron_of_layer, axes in enumerate(figure.subplots(1, 3, sharey=True)):
    parts = [*(batch[0] * W[:, neuron_of_layer]), b[neuron_of_layer]]
    axes.bar(["x₀w₀", "x₁w₁", "x₂w₂", "x₃w₃", "bias"], parts, color=["#0072b2"] * 4 + ["#999999"])
    axes.plot([-0.4, 4.4], [sum(parts)] * 2, color="#d55e00", linewidth=2)
    axes.text(-0.4, sum(parts), f" sum {sum(parts):.2f}", va="bottom", color="#a04000")
    axes.axhline(0, color="#666666", linewidth=0.8)
    axes.set_title(f"neuron {neuron_of_layer}", loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
chapter.save(figure, run.out / "02_neurons_and_layers.png")

# %% [markdown]
# ## Three things to try
#
# 1. Give the second neuron the bias -3. Which column of the output changes, and by how much?
#
#    *Answer.* The second column falls by 6, because the bias falls from 3 to −3. The others do not change: every neuron
#    has a separate bias and a separate column.
# 2. Pass a batch of one sample, `batch[:1]`, and an empty batch, `batch[:0]`. Look at the `.shape` of the outputs.
#
#    *Answer.* `(1, 3)` and `(0, 3)`. A layer accepts any number of samples, including 0.
# 3. `print(tg.draw(output))` shows the graph as text. Where is the bias, and why does its shape differ from the
#    output's?
#
#    *Answer.* The bias is an operand of the last line, `add`. Its shape is `(3,)`, one number for each neuron;
#    broadcasting adds it to every row.
