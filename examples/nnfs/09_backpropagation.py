# %% [markdown]
# # Chapter 9. Backpropagation
#
# What you will understand:
#
# - backpropagation applies the chain rule from the loss back to every weight, and computes nothing twice;
# - the backward pass of a neuron, of a dense layer, and of softmax with cross-entropy, by hand;
# - the engine does the same with rules for single operations, so that no layer has to be derived by hand.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg
from nn.plots.signs import SIGNS

run = chapter.options("Chapter 9. Backpropagation")

# %% [markdown]
# ## By hand: one neuron
#
# z = x₀w₀ + x₁w₁ + x₂w₂ + b, y = max(0, z). The slope of y with respect to each weight is that of the ReLU (1, as
# z > 0) times that of the sum (1) times that of the product (the input).

# %%
x, w, b = np.array([1.0, -2.0, 3.0]), np.array([-3.0, -1.0, 2.0]), 1.0
z = x @ w + b
relu_slope = 1.0 if z > 0 else 0.0
dw_by_hand, dx_by_hand, db_by_hand = relu_slope * x, relu_slope * w, relu_slope

inputs = [tg.tensor(value, requires_grad=True, name=f"x{i}") for i, value in enumerate(x)]
weights = [tg.tensor(value, requires_grad=True, name=f"w{i}") for i, value in enumerate(w)]
bias = tg.tensor(b, requires_grad=True, name="b")
y = tg.maximum(inputs[0] * weights[0] + inputs[1] * weights[1] + inputs[2] * weights[2] + bias, 0.0)
y.name = "y"
y.backward(retain_graph=True)
chapter.same(
    "a neuron's gradient with respect to its weights", dw_by_hand, np.array([weight.grad for weight in weights])
)
chapter.same("with respect to its inputs", dx_by_hand, np.array([each.grad for each in inputs]))
chapter.same("with respect to its bias", db_by_hand, bias.grad)
chapter.save(tg.walkthrough(y), run.out / "09_backpropagation.html")

# %% [markdown]
# ## By hand: a whole network
#
# dense → ReLU → dense → softmax and cross-entropy, for a batch. The backward pass goes through the forward pass from
# the last line to the first, with one rule for each line.

# %%
rng = np.random.RandomState(0)
X, classes = nn.datasets.spiral(100, 3, rng=rng)
X = X.astype(np.float64)
W1, b1 = 0.1 * rng.randn(2, 8), np.zeros(8, dtype=np.float64)
W2, b2 = 0.1 * rng.randn(8, 3), np.zeros(3, dtype=np.float64)

hidden = X @ W1 + b1
active = np.maximum(0, hidden)
scores = active @ W2 + b2
exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
loss = -np.log(probabilities[range(300), classes]).mean()

# %% [markdown]
# Softmax and cross-entropy together have a short rule: the prediction minus the target. For one sample with the scores
# s and the correct class c, the probabilities are p[k] = exp(s[k]) / Σ exp(s[j]), so
#
#     loss = −log p[c] = −s[c] + log Σ exp(s[j])
#     ∂loss/∂s[k] = exp(s[k]) / Σ exp(s[j]) − (1 if k = c else 0) = p[k] − (1 if k = c else 0).
#
# The loss of the batch is a mean over 300 samples, so the gradient is divided by 300.

# %%
d_scores = probabilities.copy()
d_scores[range(300), classes] -= 1
d_scores /= 300

# %% [markdown]
# A matrix product has one rule for each factor. Number by number, scores[i, k] = Σ active[i, j] · W2[j, k], summed over
# j. The weight W2[j, k] is used for every sample i, with the factor active[i, j], and the contributions add up:
#
#     ∂loss/∂W2[j, k] = Σ active[i, j] · d_scores[i, k], summed over i.
#
# Here the sum runs over the *first* index of `active`, while a matrix product sums over the last index of its first
# factor. So `active` is transposed: `active.T @ d_scores`. In the same way ∂loss/∂active[i, j] = Σ d_scores[i, k] ·
# W2[j, k], summed over k: `d_scores @ W2.T`. The shapes agree: (8, 300) @ (300, 3) is (8, 3), the shape of W2.

# %%
d_W2, d_b2 = active.T @ d_scores, d_scores.sum(axis=0)
d_active = d_scores @ W2.T
d_hidden = np.where(hidden > 0, d_active, 0.0)
d_W1, d_b1 = X.T @ d_hidden, d_hidden.sum(axis=0)

# %% [markdown]
# ## On the engine
#
# Only the forward pass has to be written.

# %%
network = nn.Sequential(nn.Dense(2, 8, dtype=np.float64), nn.ReLU(), nn.Dense(8, 3, dtype=np.float64))
for parameter, values in zip(network.parameters(), [W1, b1, W2, b2]):
    parameter.data = values
loss_on_the_engine = nn.SoftmaxCrossEntropy()(network(X), classes)
loss_on_the_engine.backward()
chapter.same("the loss", loss, loss_on_the_engine)
for (name, parameter), gradient in zip(network.named_parameters(), [d_W1, d_b1, d_W2, d_b2]):
    chapter.same(f"the gradient of {name}", gradient, parameter.grad, tolerance=1e-9)

# %% [markdown]
# ## The picture: the graph of the whole network
#
# `tg.draw` shows every intermediate value and its gradient, here for four samples. Each module has a frame.

# %%
samples = tg.tensor(X[::75], name="samples")
loss = nn.SoftmaxCrossEntropy()(network(samples), classes[::75])
loss.name = "loss"
network.zero_grad()
loss.backward(retain_graph=True)
chapter.save(tg.draw(loss), run.out / "09_backpropagation.svg")

# %%
figure = Figure(figsize=(8, 3.4), layout="constrained")
figure.suptitle("Gradients of the weights: a larger weight raises the loss (orange) or lowers it (blue)")
for axes, (name, parameter) in zip(figure.subplots(1, 2, width_ratios=[8, 3]), list(network.named_parameters())[::2]):
    limit = np.abs(parameter.grad).max()
    axes.imshow(parameter.grad, cmap=SIGNS, vmin=-limit, vmax=limit, aspect="auto")
    axes.set(title=f"{name} {parameter.shape}", xlabel="neuron", ylabel="input")
    axes.set_xticks(range(parameter.shape[1]))
    axes.set_yticks(range(parameter.shape[0]))
chapter.save(figure, run.out / "09_backpropagation.png")

# %% [markdown]
# ## Three things to try
#
# 1. Leave out `d_scores /= 300`. By which factor are all gradients wrong, and how would you notice?
#
#    *Answer.* All are 300 times too large, and the loss is correct. A comparison with the engine or with finite
#    differences shows the error: all ratios are 300. In training, SGD would take steps 300 times too long; Adam would
#    hide the error, because it divides by the size of the gradients.
# 2. Give the neuron the bias -20. What are its gradients now, and why does a "dead" ReLU never recover?
#
#    *Answer.* z is −15, so the ReLU returns 0 and its slope is 0: all gradients are 0. No step changes the weights, so
#    z stays negative. Only another sample with a positive z could bring the neuron back, and a dead one has none.
# 3. Derive the backward pass of `nn.Tanh` in place of ReLU by hand (1 − tanh²), and compare it with the engine.
#
#    *Answer.* With `active = np.tanh(hidden)`, one line changes: `d_hidden = d_active * (1 - active**2)`. With
#    `nn.Tanh()` in the network, all comparisons hold again.
