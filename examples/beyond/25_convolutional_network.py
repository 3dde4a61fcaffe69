# %% [markdown]
# # Chapter 25. A convolutional network
#
# What you will understand:
#
# - a convolutional network alternates convolutions, which find patterns, with pooling, which keeps the strongest
#   response of each neighbourhood, and ends with dense layers that name the class;
# - max-pooling passes the gradient to the pixel that was the maximum, and to no other;
# - on images of clothes, it is better than the dense network of chapter 19 trained for as long;
# - feature maps show what a layer responds to, and a saliency map which pixels a decision depends on.

# %%
import time

import chapter
import clothes
import numpy as np
from matplotlib.figure import Figure
from numpy.lib.stride_tricks import sliding_window_view

import nn
import tensorgrad as tg

run = chapter.options("Chapter 25. A convolutional network")
EPOCHS = 3 if run.fast else 10
SAMPLES = 2_000 if run.fast else None

# %% [markdown]
# ## By hand: max-pooling
#
# A 2×2 window that moves by 2 cuts the image into blocks, so reshaping gives each block separate axes. Pooling halves
# height and width, makes the next layer's kernels see twice as far, and lets a pattern move by a pixel without changing
# the result much.

# %%
rng = np.random.default_rng(run.seed)
x = rng.normal(size=(2, 6, 8, 3))
blocks = x.reshape(2, 3, 2, 4, 2, 3)  # (batch, i, u, j, v, channels)
pooled = blocks.max(axis=(2, 4))

# %% [markdown]
# The maximum changes by as much as its largest argument changes, and not at all with the others. So the gradient of
# each output goes to one pixel of its block.

# %%
g = rng.normal(size=pooled.shape)
d_x = (np.where(blocks == pooled[:, :, None, :, None], 1.0, 0.0) * g[:, :, None, :, None]).reshape(x.shape)

leaf = tg.tensor(x, requires_grad=True)
output = nn.MaxPool2D(2)(leaf)
(output * g).sum().backward()
chapter.same("max-pooling", pooled, output)
chapter.same("its gradient", d_x, leaf.grad)

# %% [markdown]
# ## On the engine: a network like LeNet
#
# Yann LeCun's network of 1998 read the digits on cheques with two convolutions, two poolings and dense layers. Ours has
# ReLU and the maximum in place of tanh and the mean, and batch normalisation (chapter 23). Pooling comes before both:
# ReLU and the maximum may change places, and a quarter of the numbers is left to normalise. The summary shows how the
# images become smaller and deeper.

# %%
data = clothes.load(samples=SAMPLES)
draws = np.random.default_rng(run.seed)
network = nn.Sequential(
    nn.Conv2D(1, 24, 5, rng=draws),
    nn.MaxPool2D(2),
    nn.BatchNorm(24),
    nn.ReLU(),
    nn.Conv2D(24, 48, 3, rng=draws),
    nn.MaxPool2D(2),
    nn.BatchNorm(48),
    nn.ReLU(),
    nn.Flatten(),
    nn.Dense(5 * 5 * 48, 128, rng=draws),
    nn.ReLU(),
    nn.Dense(128, 10, rng=draws),
)
dense = nn.Sequential(
    nn.Flatten(),
    nn.Dense(28 * 28, 128, rng=draws),
    nn.ReLU(),
    nn.Dense(128, 128, rng=draws),
    nn.ReLU(),
    nn.Dense(128, 10, rng=draws),
)
epochs = EPOCHS if run.fast or data.name == "Fashion-MNIST" else 3 * EPOCHS


def compiled(network):
    """Return a model whose learning rate falls by a third in each tenth of the training."""
    rate = nn.ExponentialDecay(0.002, steps=epochs * -(-len(data.X) // 64) // 10, factor=0.65)
    return nn.Model(
        network,
        loss=nn.SoftmaxCrossEntropy(),
        optimizer=nn.Adam(network.parameters(), learning_rate=rate),
        metrics=[nn.CategoricalAccuracy()],
        rng=run.seed,
    )


model = compiled(network)
model.summary((28, 28, 1))

# %% [markdown]
# ## By hand: its forward pass
#
# Nothing in the network is new: windows as rows (chapter 24), blocks (above), normalisation with running statistics
# (chapter 23), and dense layers (chapter 3).


# %%
def convolved(images, layer):
    """Return the convolution of images with a layer's weights, by hand."""
    kernel, bias = layer.weight.data, layer.bias.data
    windows = sliding_window_view(images, kernel.shape[:2], axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
    rows = windows.reshape(*windows.shape[:3], -1)
    return rows @ kernel.reshape(-1, kernel.shape[-1]) + bias


def max_pooled(images):
    """Return the maximum of each 2×2 block, by hand. An odd last row or column is dropped."""
    batch, height, width, channels = images.shape
    images = images[:, : height // 2 * 2, : width // 2 * 2]
    return images.reshape(batch, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


def normalised(images, layer):
    """Return images normalised with a layer's running statistics, by hand."""
    deviation = np.sqrt(layer.running_variance.data + layer.epsilon)
    return (images - layer.running_mean.data) / deviation * layer.weight.data + layer.bias.data


def forward_by_hand(images):
    """Return the scores of the ten classes, by hand."""
    for convolution, normalisation in ((network[0], network[2]), (network[4], network[6])):
        images = np.maximum(0, normalised(max_pooled(convolved(images, convolution)), normalisation))
    hidden, scores = network[9], network[11]
    rows = np.maximum(0, images.reshape(len(images), -1) @ hidden.weight.data + hidden.bias.data)
    return rows @ scores.weight.data + scores.bias.data


network.eval()
chapter.same("the scores before training", forward_by_hand(data.X[:8]), network(data.X[:8]), tolerance=1e-5)

# %% [markdown]
# ## Training

# %%
tests, histories = {}, {}
for name, each in (("dense", compiled(dense)), ("convolutional", model)):
    began = time.perf_counter()
    histories[name] = each.fit(
        data.X,
        data.y,
        epochs=epochs,
        batch_size=64,
        validation_data=(data.X_validation, data.y_validation),
        verbose=0,
    )
    seconds = time.perf_counter() - began
    tests[name] = each.evaluate(data.X_test, data.y_test)["accuracy"]
    count = sum(parameter.size for parameter in each.network.parameters())
    print(f"  {name}: {count:,} parameters, {seconds:.0f} s, test accuracy {tests[name]:.4f}, validation accuracies")
    print("    " + " ".join(f"{accuracy:.4f}" for accuracy in histories[name]["val_accuracy"]))
chapter.same("the scores after training", forward_by_hand(data.X[:8]), network.eval()(data.X[:8]), tolerance=1e-4)

# %% [markdown]
# On Fashion-MNIST, the convolutional network reaches a validation accuracy of 0.90 after three epochs and of 0.915
# after ten, and at least 0.91 on the test images. The dense network stays behind by a point or more.

# %%
validation = histories["convolutional"]["val_accuracy"]
if run.fast:
    chapter.claim("a short run gets 70 % of the test images right", tests["convolutional"] >= 0.70)
elif data.name == "Fashion-MNIST":
    chapter.claim("validation accuracy is at least 0.90 after 3 epochs", validation[2] >= 0.90)
    chapter.claim("and at least 0.915 after 10", validation[-1] >= 0.915)
    chapter.claim("test accuracy is at least 0.91", tests["convolutional"] >= 0.91)
    chapter.claim("the dense network is worse by at least one point", tests["dense"] <= tests["convolutional"] - 0.01)
else:
    chapter.claim("at least 95 % of the test digits are right", tests["convolutional"] >= 0.95)

# %% [markdown]
# ## Which pixels matter: saliency
#
# The gradient of a class's score with respect to the image says how much each pixel would raise or lower the score. One
# backward pass gives all 784 numbers. A pixel can be checked by changing it.

# %%
chosen = [int(np.flatnonzero(data.y_test == c)[0]) for c in (0, 5, 8, 9)]
images = tg.tensor(data.X_test[chosen], requires_grad=True)
scores = network(images)
predicted = scores.data.argmax(axis=1)
score = tg.sum(scores[range(len(chosen)), predicted])
saliency = np.abs(tg.gradient(score, images))[..., 0]

pixel = np.unravel_index(saliency[0].argmax(), saliency[0].shape)
change = np.zeros_like(data.X_test[chosen])
change[(0, *pixel, 0)] = 1e-3


def total(values):
    """Return the same sum of scores, in float64 by hand."""
    return forward_by_hand(values.astype(np.float64))[range(len(chosen)), predicted].sum()


measured = (total(data.X_test[chosen] + change) - total(data.X_test[chosen] - change)) / 2e-3
chapter.same("the gradient of one pixel, by changing it", abs(measured), saliency[0][pixel], tolerance=0.05)

# %% [markdown]
# ## The picture: from pixels to a decision
#
# For each of four test images: the image, three maps after the first stage of convolution, pooling, normalisation and
# ReLU, three after the second, and the saliency. The first stage keeps outlines and surfaces; the second, with fewer
# pixels, responds to parts. The label of each row is the predicted class.

# %%
first_maps = network[:4](data.X_test[chosen]).data
second_maps = network[4:8](first_maps).data
figure = Figure(figsize=(10.5, 5.6), layout="constrained")
panels = figure.subplots(len(chosen), 8)
for row, index in enumerate(chosen):
    shown = [(data.X_test[index, ..., 0], "gray_r")]
    for maps in (first_maps[row], second_maps[row]):
        strongest = np.argsort(-maps.std(axis=(0, 1)))[:3]
        shown += [(maps[..., f], "viridis") for f in strongest]
    shown.append((saliency[row], "inferno"))
    for axes, (image, colours) in zip(panels[row], shown):
        axes.imshow(image, cmap=colours)
        axes.set(xticks=[], yticks=[])
    panels[row, 0].set_ylabel(data.classes[predicted[row]], fontsize=10)
for column, title in ((0, "image"), (1, "first stage"), (4, "second stage"), (7, "saliency")):
    panels[0, column].set_title(title, loc="left", fontsize=11)
chapter.save(figure, run.out / "25_convolutional_network.png")

# %% [markdown]
# ## Three things to try
#
# 1. Move all test images by three pixels to the right. Does a convolutional network still recognise them?
#
#    *Answer.* Worse than before. The maps move with the image, but the dense layer after `Flatten` has a weight for
#    each position of a map. Training with `nn.data.shift` as augmentation mends it.
# 2. Replace `nn.MaxPool2D` by `nn.AveragePool2D`. Where does the gradient go now?
#
#    *Answer.* To all pixels of a block alike, a quarter to each.
# 3. Replace `nn.Flatten()` by `nn.GlobalAveragePool()` and the 1,200 inputs of the dense layer by 48. How many weights
#    does it save, and what is lost?
#
#    *Answer.* 147,456 of 153,600 weights. Each map is reduced to its mean: the network knows which parts there are, no
#    longer where.

# %%
moved = np.pad(data.X_test, [(0, 0), (0, 0), (3, 0), (0, 0)])[:, :, :-3]
accuracy = model.evaluate(moved, data.y_test)["accuracy"]
print(f"  1: test accuracy {tests['convolutional']:.3f}, moved by three pixels {accuracy:.3f}")
chapter.claim("1: worse by at least 5 points", accuracy < tests["convolutional"] - 0.05)

quarter = tg.gradient((nn.AveragePool2D(2)(leaf) * g).sum(), leaf)
spread = np.broadcast_to(g[:, :, None, :, None] / 4, blocks.shape).reshape(x.shape)
chapter.same("2: a quarter to each", spread, quarter)
saved = nn.Dense(1200, 128).weight.size - nn.Dense(48, 128).weight.size
chapter.claim("3: 147,456 of 153,600 weights", (saved, nn.Dense(1200, 128).weight.size) == (147_456, 153_600))
