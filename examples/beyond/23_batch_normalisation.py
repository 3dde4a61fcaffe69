# %% [markdown]
# # Chapter 23. Batch normalisation
#
# What you will understand:
#
# - batch normalisation gives every feature mean 0 and variance 1 over the batch, then a scale and a shift that are
#   learned;
# - its backward pass removes from the gradient what would only move the mean or the variance, because both are
#   computed from the batch;
# - in evaluation, running averages replace the statistics of the batch, so that a prediction does not depend on
#   what else is in the batch;
# - a deep network of sigmoids that cannot be trained without it is trained with it.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg

run = chapter.options("Chapter 23. Batch normalisation")
EPOCHS = 12 if run.fast else 40

# %% [markdown]
# ## By hand: the forward pass
#
# For each feature, over the samples of the batch: the mean μ, the variance σ², the normalised x̂ = (x − μ)/√(σ² + ε),
# and the output y = γx̂ + β. The small ε keeps a constant feature from being divided by zero.

# %%
rng = np.random.default_rng(run.seed)
x = rng.normal(3.0, [0.5, 2.0, 10.0], size=(8, 3))
gamma, beta, epsilon = np.array([1.0, 2.0, 0.5]), np.array([0.0, -1.0, 4.0]), 1e-5

mean, variance = x.mean(axis=0), x.var(axis=0)
deviation = np.sqrt(variance + epsilon)
normalised = (x - mean) / deviation
y = gamma * normalised + beta

# %% [markdown]
# ## By hand: the backward pass
#
# Let g be the gradient with respect to y, and ĝ = γg that with respect to x̂. Over a batch of n samples,
#
#     ∂γ = Σ g·x̂,   ∂β = Σ g.
#
# Each xᵢ acts on x̂ in three ways: directly, through μ, and through σ. From x̂ⱼ = (xⱼ − μ)/σ,
#
#     ∂x̂ⱼ/∂xᵢ = (δᵢⱼ − ∂μ/∂xᵢ)/σ − x̂ⱼ·(∂σ/∂xᵢ)/σ,   with ∂μ/∂xᵢ = 1/n and ∂σ/∂xᵢ = x̂ᵢ/n.
#
# Multiplied by ĝⱼ and summed over j:
#
#     ∂xᵢ = (ĝᵢ − mean(ĝ) − x̂ᵢ·mean(ĝ·x̂)) / σ.
#
# The two means that are subtracted are the parts of ĝ along the constant vector and along x̂. So ∂x has no component
# that shifts the batch or stretches it: such a change of x would not change y.

# %%
g = rng.normal(size=x.shape)
d_gamma, d_beta = (g * normalised).sum(axis=0), g.sum(axis=0)
d_normalised = gamma * g
d_x = (d_normalised - d_normalised.mean(axis=0) - normalised * (d_normalised * normalised).mean(axis=0)) / deviation
chapter.claim("the gradient does not shift the batch", np.all(np.abs(d_x.sum(axis=0)) < 1e-12))
chapter.claim("nor stretch it, up to ε", np.all(np.abs((d_x * normalised).sum(axis=0)) < 1e-3))

# %% [markdown]
# ## On the engine
#
# The layer is one recorded operation with that backward rule.

# %%
layer = nn.BatchNorm(3, epsilon=epsilon, dtype=np.float64)
layer.weight.data, layer.bias.data = gamma, beta
leaf = tg.tensor(x, requires_grad=True)
output = layer(leaf)
(output * g).sum().backward()
chapter.same("the output", y, output)
chapter.same("the gradient with respect to x", d_x, leaf.grad)
chapter.same("with respect to γ", d_gamma, layer.weight.grad)
chapter.same("with respect to β", d_beta, layer.bias.grad)

# %% [markdown]
# ## By hand: running statistics
#
# Every training step moves the running mean and variance a tenth of the way to those of the batch. The variance is the
# unbiased one, divided by n − 1: the batch is a sample of the data, and the running variance estimates that of all.

# %%
running_mean, running_variance = np.zeros(3), np.ones(3)
layer = nn.BatchNorm(3, epsilon=epsilon, dtype=np.float64)
for _ in range(100):
    batch = rng.normal(3.0, [0.5, 2.0, 10.0], size=(8, 3))
    running_mean = 0.9 * running_mean + 0.1 * batch.mean(axis=0)
    running_variance = 0.9 * running_variance + 0.1 * batch.var(axis=0, ddof=1)
    layer(batch)
chapter.same("the running mean", running_mean, layer.running_mean)
chapter.same("the running variance", running_variance, layer.running_variance)

layer.eval()
alone, together = layer(x[:1]).data[0], layer(x).data[0]
chapter.same("in evaluation, x by hand", (x - running_mean) / np.sqrt(running_variance + epsilon), layer(x))
chapter.same("a sample alone and in its batch", alone, together)

# %% [markdown]
# ## Why it helps: ten layers of sigmoids
#
# The slope of a sigmoid is at most 1/4, so ten of them multiply a gradient by at most 4⁻¹⁰ ≈ 10⁻⁶. Weights of the usual
# size do not make up for that, and the first layers do not learn. Normalisation divides by the standard deviation,
# which is small where the signal is weak: the backward pass divides by it as well, and the gradient keeps its size. The
# data are the handwritten digits of scikit-learn.

# %%
X, labels, X_test, labels_test = nn.datasets.digits(rng=0)
DEPTH, WIDTH = 10, 32


def network(*, normalise):
    """Return DEPTH hidden layers of sigmoids, with or without batch normalisation before each."""
    draws = np.random.default_rng(run.seed)
    layers, inputs = [], X.shape[1]
    for _ in range(DEPTH):
        layers.append(nn.Dense(inputs, WIDTH, rng=draws))
        layers += [nn.BatchNorm(WIDTH)] if normalise else []
        layers.append(nn.Sigmoid())
        inputs = WIDTH
    return nn.Sequential(*layers, nn.Dense(WIDTH, 10, rng=draws))


def activations_and_gradients(layers):
    """Return the outputs of the sigmoids, and the gradient norm of each dense layer's weight, for 256 samples."""
    values, outputs = X[:256], []
    for each in layers:
        values = each(values)
        if isinstance(each, nn.Sigmoid):
            outputs.append(values.data)
    layers.zero_grad()
    nn.SoftmaxCrossEntropy()(values, labels[:256]).backward()
    norms = [np.linalg.norm(each.weight.grad) for each in layers if isinstance(each, nn.Dense)]
    layers.zero_grad()
    return outputs, norms


names = {False: "plain", True: "with BatchNorm"}
at_start, histories, test_accuracy = {}, {}, {}
for normalise, name in names.items():
    layers = network(normalise=normalise)
    at_start[normalise] = activations_and_gradients(layers)
    model = nn.Model(
        layers,
        loss=nn.SoftmaxCrossEntropy(),
        optimizer=nn.Adam(layers.parameters(), learning_rate=0.01),
        metrics=[nn.CategoricalAccuracy()],
        rng=run.seed,
    )
    histories[normalise] = model.fit(X, labels, epochs=EPOCHS, batch_size=64, verbose=0)
    test_accuracy[normalise] = model.evaluate(X_test, labels_test)["accuracy"]
    first, last = at_start[normalise][1][0], at_start[normalise][1][-1]
    print(f"  {name}: gradient norm {first:.1e} in the first layer and {last:.1e} in the last, before training")
    print(
        f"  {name}: training loss {histories[normalise]['loss'][-1]:.3f}, test accuracy {test_accuracy[normalise]:.3f}"
    )

spread = {normalise: at_start[normalise][0][-1].std(axis=0).mean() for normalise in names}
chapter.claim("plain, the tenth layer hardly depends on the sample: spread < 0.001", spread[False] < 1e-3)
chapter.claim(
    "with BatchNorm, the spread is > 0.15 in every layer", min(o.std(axis=0).mean() for o in at_start[True][0]) > 0.15
)
ratio = {normalise: at_start[normalise][1][-1] / at_start[normalise][1][0] for normalise in names}
chapter.claim("plain, the first gradient is over 10,000 times smaller than the last", ratio[False] > 1e4)
chapter.claim("with BatchNorm, it is at most 10 times smaller", ratio[True] < 10)
chapter.claim("plain, at most a quarter of the test digits are right", test_accuracy[False] <= 0.25)
chapter.claim("with BatchNorm, at least 90 % are", test_accuracy[True] >= 0.90)

# %% [markdown]
# ## The picture
#
# Each row on the left is a histogram of one layer's outputs before training, from the first layer at the top to the
# tenth. Without normalisation every sigmoid soon gives the same number for every digit. The gradients on the right, on
# a logarithmic scale, explain the curves below them.

# %%
figure = Figure(figsize=(10.5, 5.4), layout="constrained")
panels = figure.subplot_mosaic([["plain", "with BatchNorm", "gradients"], ["plain", "with BatchNorm", "loss"]])
colours = {False: chapter.RED, True: chapter.BLUE}
bins = np.linspace(0, 1, 61)
for normalise, name in names.items():
    axes = panels[name]
    for depth, outputs in enumerate(at_start[normalise][0]):
        counts, _ = np.histogram(outputs, bins)
        base = DEPTH - depth
        heights = base + 0.85 * counts / counts.max()
        axes.fill_between(bins[:-1], base, heights, step="post", color=colours[normalise], alpha=0.75, linewidth=0)
    axes.set_yticks(range(1, DEPTH + 1), [str(depth) for depth in range(DEPTH, 0, -1)])
    chapter.plain(axes, f"outputs at the start, {name}", "output of the sigmoid", "layer")
    dash = "-" if normalise else "--"
    panels["gradients"].semilogy(
        range(1, DEPTH + 2),
        at_start[normalise][1],
        dash,
        marker="o",
        markersize=4,
        color=colours[normalise],
        label=name,
    )
    panels["loss"].plot(range(1, EPOCHS + 1), histories[normalise]["loss"], dash, color=colours[normalise], label=name)
chapter.plain(panels["gradients"], "gradient norms at the start", "layer")
chapter.plain(panels["loss"], "training loss", "epoch")
panels["loss"].set_ylim(0, 2.5)
panels["gradients"].legend(frameon=False)
chapter.save(figure, run.out / "23_batch_normalisation.png")

# %% [markdown]
# ## Three things to try
#
# 1. Set `bias=False` in the dense layers of the network with BatchNorm. What is lost?
#
#    *Answer.* Nothing. A bias shifts all samples of a feature alike, and the mean that is subtracted contains the same
#    shift. Its gradient is always zero; β takes its place.
# 2. Train with a batch size of 2. Why does the loss become noisy?
#
#    *Answer.* Of two samples, one becomes +1 and the other −1 in every feature, whatever their values were: only the
#    sign of their difference is left. Statistics need a batch that represents the data. For very small batches,
#    `nn.GroupNorm` and `nn.LayerNorm` normalise each sample by itself.
# 3. Predict a single test digit in training mode: `layers.train()(X_test[:1])`. Why is it an error?
#
#    *Answer.* The variance of a single sample is zero, so it would be normalised to β whatever it shows. A prediction
#    has to use the running statistics, and `eval()` selects them.
