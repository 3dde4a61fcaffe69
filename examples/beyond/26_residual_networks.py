# %% [markdown]
# # Chapter 26. Residual networks
#
# What you will understand:
#
# - a residual block adds its input to its result, so its gradient has a path that no layer can weaken or amplify;
# - without shortcuts, batch normalisation makes gradients grow by a constant factor per layer: in a network of 56
#   layers, those of the first layers are a thousand times those of the last;
# - with shortcuts, all layers have gradients of a similar size, at 20 layers and at 56;
# - a network of 20 layers learns faster with shortcuts than without, at the same number of parameters.

# %%
import time

import chapter
import numpy as np
import objects
from matplotlib.figure import Figure

import nn
import tensorgrad as tg

run = chapter.options("Chapter 26. Residual networks")
EPOCHS = 2 if run.fast else 6
SAMPLES = 384 if run.fast else None

# %% [markdown]
# ## By hand: a residual block
#
# A block computes y = x + F(x), where F is a few layers; here two dense ones, F(x) = relu(x·V)·W. Only what has to
# change is learned: to pass x on unchanged, F has to be zero, which is easier to learn than the identity.
#
# Let g be the gradient with respect to y. The sum passes it to both of its parts, so
#
#     ∂x = g + ∂F,   ∂F = ((g·Wᵀ)·[x·V > 0])·Vᵀ.
#
# The first part is g itself, whatever the weights are.

# %%
rng = np.random.default_rng(run.seed)
x, V, W = rng.normal(size=(4, 6)), rng.normal(size=(6, 8)), rng.normal(size=(8, 6))
hidden = np.maximum(0, x @ V)
y = x + hidden @ W

g = rng.normal(size=y.shape)
d_W = hidden.T @ g
d_hidden = (g @ W.T) * (hidden > 0)
d_V = x.T @ d_hidden
d_x = g + d_hidden @ V.T

# %% [markdown]
# ## On the engine

# %%
layers = nn.Dense(6, 8, bias=False, dtype=np.float64), nn.ReLU(), nn.Dense(8, 6, bias=False, dtype=np.float64)
block = nn.Residual(*layers)
layers[0].weight.data, layers[2].weight.data = V, W
leaf = tg.tensor(x, requires_grad=True)
output = block(leaf)
(output * g).sum().backward()
chapter.same("a residual block", y, output)
chapter.same("its gradient with respect to x", d_x, leaf.grad)
chapter.same("with respect to V", d_V, layers[0].weight.grad)
chapter.same("with respect to W", d_W, layers[2].weight.grad)

# %% [markdown]
# ## A residual network for small images
#
# The network of He, Zhang, Ren and Sun (*Deep Residual Learning for Image Recognition*, 2015) has one convolution, then
# three stages of n blocks with 16, 32 and 64 channels, a mean over the positions, and a dense layer: 6n + 2 layers. Two
# convolutions with batch normalisation (chapter 23) form a block. The first block of the second and of the third stage
# halves height and width and doubles the channels, so its shortcut has to do the same: it takes every second pixel and
# adds channels of zeros on both sides. It has no parameters. The plain network is the same without shortcuts.


# %%
class Subsample(nn.Module):
    """Shortcut to half the height and width and twice the channels."""

    def __init__(self, channels):
        self.channels = channels

    def forward(self, x):
        """Return every second pixel, between channels of zeros."""
        zeros = self.channels // 2
        return tg.pad(x[:, ::2, ::2], [(0, 0), (0, 0), (0, 0), (zeros, zeros)])


def convolution(channels, filters, draws, stride=1):
    """Return a 3×3 convolution. Its bias would be removed by the normalisation that follows."""
    return nn.Conv2D(channels, filters, 3, stride=stride, padding=1, bias=False, rng=draws)


def network(depth, *, shortcuts):
    """Return a network of `depth` layers, which is 6n + 2, with or without shortcuts."""
    draws = np.random.default_rng(run.seed)
    layers = [convolution(3, 16, draws), nn.BatchNorm(16), nn.ReLU()]
    channels = 16
    for filters in (16, 32, 64):
        for _ in range((depth - 2) // 6):
            halves = filters != channels
            inside = (
                convolution(channels, filters, draws, 2 if halves else 1),
                nn.BatchNorm(filters),
                nn.ReLU(),
                convolution(filters, filters, draws),
                nn.BatchNorm(filters),
            )
            around = nn.Residual(*inside, shortcut=Subsample(channels) if halves else None)
            layers += [around if shortcuts else nn.Sequential(*inside), nn.ReLU()]
            channels = filters
    return nn.Sequential(*layers, nn.GlobalAveragePool(), nn.Dense(64, 10, rng=draws))


count = sum(parameter.size for parameter in network(20, shortcuts=True).parameters())
print(f"  20 layers: {count:,} parameters")
chapter.claim("269,722 parameters at 20 layers", count == 269_722)
same_count = sum(parameter.size for parameter in network(20, shortcuts=False).parameters())
chapter.claim("as many without shortcuts", same_count == count)

# %% [markdown]
# ## Gradients, layer by layer
#
# What does a plain layer do to the gradient? Let z, with variance 1, be the output of a normalisation. About half of
# the numbers pass ReLU, and relu(z) has the variance 1/2 − 1/(2π) = (π − 1)/(2π) if z is normally distributed. With
# random weights of variance s and n inputs per output, the next layer has an output of variance n·s·(π − 1)/(2π), and
# its normalisation divides by the square root of that.
#
# Backwards, the square of the gradient is divided by this variance, multiplied by n·s by the weights, and halved by
# ReLU:
#
#     factor per layer, squared: (n·s/2) / (n·s·(π − 1)/(2π)) = π/(π − 1) ≈ 1.47.
#
# So the gradient grows by √1.47 ≈ 1.21 per layer on its way to the input, whatever s is (Yang and others, *A Mean Field
# Theory of Batch Normalization*, 2019). Twenty layers multiply it by 46, and 55 by 38,000. A step that suits the
# first layers does nothing in the last, and one that suits the last destroys the first.
#
# With shortcuts, a block adds a branch of variance 1 to a sum of variance v, and the growth is that of a sum, not of a
# power. We measure both: the norm of the loss's gradient with respect to each kernel, before training.

# %%
data = objects.load()
mean, deviation = data.X.mean(axis=(0, 1, 2)), data.X.std(axis=(0, 1, 2))
every = 2 if run.fast and data.X.shape[1] == 32 else 1  # a short run uses a quarter of the pixels
X, X_test = (((each[:, ::every, ::every] - mean) / deviation).astype(np.float32) for each in (data.X, data.X_test))
y, y_test = data.y, data.y_test
loss = nn.SoftmaxCrossEntropy()


def gradient_norms(network):
    """Return the norm of the loss's gradient with respect to each kernel, from the first layer to the last."""
    kernels = [parameter for parameter in network.parameters() if parameter.ndim == 4]
    return np.array([np.linalg.norm(each) for each in tg.gradient(loss(network(X[:64]), y[:64]), kernels)])


norms = {(depth, kind): gradient_norms(network(depth, shortcuts=kind)) for depth in (20, 56) for kind in (False, True)}
for (depth, kind), each in norms.items():
    name = "with shortcuts" if kind else "without"
    print(f"  {depth} layers, {name:14}: first {each[0]:8.2f}, last {each[-1]:.2f}, ratio {each[0] / each[-1]:.1f}")
growth = (norms[56, False][0] / norms[56, False][18]) ** (1 / 18)
print(f"  growth per layer in the first stage of the plain network of 56 layers: {growth:.3f}")
chapter.claim("the gradient grows by 1.21 per layer, to within 0.08", abs(growth - np.sqrt(np.pi / (np.pi - 1))) < 0.08)
chapter.claim("46 times over twenty layers", round((np.pi / (np.pi - 1)) ** 10) == 46)
chapter.claim("38,000 times over 55", round((np.pi / (np.pi - 1)) ** 27.5, -3) == 38_000)
spread = {key: each.max() / each.min() for key, each in norms.items()}
chapter.claim("56 plain layers: the largest is over 500 times the smallest", spread[56, False] > 500)
largest_spread = max(spread[20, True], spread[56, True])
chapter.claim("with shortcuts, less than 15 times, at 20 layers and at 56", largest_spread < 15)

# %% [markdown]
# ## Training
#
# Both networks of 20 layers, with the same initial weights, order of images, optimizer and rate. Half of the images are
# mirrored at random. On 5,000 images of CIFAR-10, six epochs take two minutes for each on one thread. Longer training
# brings the plain network closer at this depth; He and others found that it falls behind for good at 56 layers.


# %%
def trained(network):
    """Return the history of training a network."""
    mirror = nn.data.flip if data.name == "CIFAR-10" else None  # a mirrored digit is not a digit
    batches = nn.data.Batches(X[:SAMPLES], y[:SAMPLES], batch_size=64, augment=mirror, rng=run.seed)
    rate = nn.CosineDecay(0.003, steps=EPOCHS * len(batches))
    model = nn.Model(
        network,
        loss=loss,
        optimizer=nn.Adam(network.parameters(), learning_rate=rate),
        metrics=[nn.CategoricalAccuracy()],
        rng=run.seed,
    )
    began = time.perf_counter()
    history = model.fit(batches, epochs=EPOCHS, validation_data=(X_test[:SAMPLES], y_test[:SAMPLES]), verbose=0)
    print(f"    {time.perf_counter() - began:.0f} s; loss and test accuracy after each epoch:")
    for name in ("loss", "val_accuracy"):
        print("      " + " ".join(f"{value:.3f}" for value in history[name]))
    return history


histories = {}
for kind in (True, False):
    print(f"  {'with' if kind else 'without'} shortcuts:")
    histories[kind] = trained(network(20, shortcuts=kind))

# %% [markdown]
# With shortcuts, the training loss is lower in every epoch. After six, more than half of the test images are classified
# correctly, at least five percentage points more than without.

# %%
losses = {kind: np.array(history["loss"]) for kind, history in histories.items()}
accuracies = {kind: history["val_accuracy"][-1] for kind, history in histories.items()}
if run.fast:
    chapter.claim("with shortcuts, the loss is lower after two epochs", losses[True][-1] < losses[False][-1])
else:
    chapter.claim("with shortcuts, the loss is lower in every epoch", np.all(losses[True] < losses[False]))
    if data.name == "CIFAR-10":
        better = accuracies[True] - accuracies[False]
        chapter.claim("test accuracy is at least 5 points better", better >= 0.05)
        chapter.claim("and more than a half", accuracies[True] > 0.5)

# %% [markdown]
# ## The picture: gradients and learning
#
# Left: the norm of the gradient with respect to each kernel before training, on a logarithmic scale. Without shortcuts
# it is a straight line in each stage: constant factors. With shortcuts it is flat, and 56 layers are hardly harder than
# 20. Right: the training loss of the two networks of 20 layers, and the test accuracy.

# %%
figure = Figure(figsize=(11, 4.2), layout="constrained")
left, middle, right = figure.subplots(1, 3, width_ratios=[1.7, 1, 1])
styles = {True: {"color": chapter.BLUE, "linestyle": "-"}, False: {"color": chapter.RED, "linestyle": "--"}}
for (depth, kind), each in norms.items():
    width = 2 if depth == 56 else 1.2
    left.semilogy(np.arange(1, len(each) + 1), each, **styles[kind], linewidth=width)
    text = f"{depth}, {'with' if kind else 'without'} shortcuts"
    if depth == 56:
        left.annotate(text, (3, each[2]), xytext=(8, 6), textcoords="offset points", color=styles[kind]["color"])
    else:
        left.text(0.2, each[0], "20", color=styles[kind]["color"], ha="right", va="center", fontsize=9)
left.set_xlim(-3, 58)
chapter.plain(left, "norm of the gradient before training", "layer", "")
epochs = np.arange(1, EPOCHS + 1)
for kind, history in histories.items():
    name = "with shortcuts" if kind else "without"
    middle.plot(epochs, history["loss"], **styles[kind], marker="o", markersize=4, label=name)
    right.plot(epochs, history["val_accuracy"], **styles[kind], marker="o", markersize=4, label=name)
middle.legend(frameon=False)
chapter.plain(middle, "20 layers: training loss", "epoch", "")
chapter.plain(right, "test accuracy", "epoch", "")
for axes in (middle, right):
    axes.set_xticks(epochs)
chapter.save(figure, run.out / "26_residual_networks.png")

# %% [markdown]
# ## Three things to try
#
# 1. Set the weight of the last normalisation in each block to zero before training. What does a network of 56 layers
#    compute then?
#
#    *Answer.* The same as one of 20: each branch is zero, so each block passes on its input, and only the first
#    convolution and the dense layer are left. Networks are often initialised that way.
# 2. Leave the normalisation out of the blocks of a deep residual network. How large do the numbers become?
#
#    *Answer.* Each block adds a branch that is as large as its input, so the variance doubles in each: after 27 blocks
#    the numbers are 2¹³·⁵ ≈ 11,600 times as large as at the beginning.
# 3. Use a convolution of 1×1 with stride 2 as the shortcut of the two blocks that double the channels. How many
#    parameters does this add?
#
#    *Answer.* 16·32 + 32·64 = 2,560 weights, about one in a hundred. He and others found the gain small.

# %%
outputs = []
for depth in (20, 56):
    each = network(depth, shortcuts=True)
    each[-1].weight.data = network(20, shortcuts=True)[-1].weight.data
    for layer in each:
        if isinstance(layer, nn.Residual):
            layer.layers[-1].weight.data = np.zeros_like(layer.layers[-1].weight.data)
    outputs.append(each.eval()(X[:8]).data)
chapter.same("1: 20 layers and 56", outputs[0], outputs[1], tolerance=1e-6)

stream = rng.normal(size=(64, 512))
before = stream.std()
for _ in range(27):
    V, W = rng.normal(size=(2, 512, 512)) * np.sqrt(2 / 512)
    stream = stream + np.maximum(0, stream @ V) @ W * np.sqrt(1 / 2)
print(f"  2: after 27 blocks, {stream.std() / before:,.0f} times as large")
chapter.claim("2: about 11,600 times, to within a factor of 1.5", 11_600 / 1.5 < stream.std() / before < 11_600 * 1.5)
added = sum(nn.Conv2D(channels, 2 * channels, 1, bias=False).weight.size for channels in (16, 32))
chapter.claim("3: 2,560, about one in a hundred", added == 2_560 and round(100 * added / count) == 1)
