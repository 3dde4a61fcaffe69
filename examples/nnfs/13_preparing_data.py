# %% [markdown]
# # Chapter 13. Preparing data: scaling and augmentation
#
# What you will understand:
#
# - features of very different size make training slow or impossible; scaling brings them to the same range;
# - the scale is computed from the training data alone, and applied to all data;
# - augmentation makes new samples from existing ones, by changes that do not affect the class.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import nn

run = chapter.options("Chapter 13. Preparing data: scaling and augmentation")
EPOCHS = 20 if run.fast else 200

# %% [markdown]
# ## By hand: standardising
#
# Subtract the mean of each feature and divide by its standard deviation, both of the training data.

# %%
X, y = nn.datasets.vertical(100, 3, rng=np.random.RandomState(0))
X = X * np.array([100.0, 1.0], np.float32) + np.array([5000.0, 0.0], np.float32)  # centimetres here, metres there
X_train, y_train, X_test, y_test = nn.data.split(X, y, share=0.2, stratify=True, rng=0)
mean, deviation = X_train.mean(axis=0, dtype=np.float64), X_train.std(axis=0, dtype=np.float64)
by_hand = (X_test - mean) / deviation

standardize = nn.data.Standardizer(X_train)
chapter.same("the test data on the training data's scale", by_hand, standardize(X_test), tolerance=1e-4)

# %% [markdown]
# ## By hand: bytes of an image
#
# Pixels are integers from 0 to 255. The book maps them to −1 … 1.

# %%
pixels = np.array([[0, 51, 255]], np.uint8)
chapter.same("pixels from -1 to 1", (pixels.astype(np.float32) - 127.5) / 127.5, nn.data.rescale(pixels))

# %% [markdown]
# ## The effect of scaling
#
# The same network and the same steps, with and without scaling.

# %%
histories = {}
for name, prepare in [("as measured", None), ("standardised", standardize)]:
    network = nn.Sequential(nn.Dense(2, 16, rng=1), nn.ReLU(), nn.Dense(16, 3, rng=2))
    optimizer = nn.Adam(network.parameters(), learning_rate=0.01)
    model = nn.Model(
        network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, metrics=[nn.CategoricalAccuracy()], rng=0
    )
    training = nn.data.Batches(X_train, y_train, batch_size=32, transform=prepare)
    test = nn.data.Batches(X_test, y_test, batch_size=60, transform=prepare)
    histories[name] = model.fit(training, epochs=EPOCHS, validation_data=test, verbose=0)
    print(f"  {name}: accuracy on new points {histories[name]['val_accuracy'][-1]:.3f}")
assert run.fast or histories["standardised"]["val_accuracy"][-1] > histories["as measured"]["val_accuracy"][-1] + 0.2

# %% [markdown]
# ## By hand: augmentation
#
# A handwritten 3 that is shifted by a pixel is still a 3. Other changes, such as turning a 6 upside down, change the
# class.


# %%
def shifted_by_hand(image, down, right):
    """Return the shifted image, padded with 0."""
    moved = np.zeros_like(image)
    height, width = image.shape
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                moved[row, column] = image[row - down, column - right]
    return moved


digits, labels, _, _ = nn.datasets.digits(rng=0)
images = digits.reshape(-1, 8, 8)
three = images[np.flatnonzero(labels == 3)[:1]]
possible = [shifted_by_hand(three[0], down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
augmented = [nn.data.shift(three, 1, rng=seed)[0] for seed in range(40)]
matches = [min(range(9), key=lambda i: np.abs(possible[i] - image).sum()) for image in augmented]
chapter.same("each shifted image is one of nine", np.stack([possible[i] for i in matches]), np.stack(augmented))
print(f"  of the nine, {len(set(matches))} occurred in 40 draws")

# %% [markdown]
# ## The picture

# %%
figure = Figure(figsize=(10.5, 3.6), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1.25, 1])
axes = left.subplots()
for (name, history), style, colour in zip(histories.items(), ["--", "-"], ["#d55e00", "#0072b2"]):
    axes.plot(range(1, EPOCHS + 1), history["val_accuracy"], style, color=colour, label=name)
axes.axhline(1 / 3, color="#999999", linewidth=1, linestyle=":")
axes.text(EPOCHS, 1 / 3, "guessing ", ha="right", va="bottom", color="#666666")
axes.set(title="The same network, with and without scaling", xlabel="epoch", ylabel="accuracy on new points")
axes.set_ylim(0, 1)
axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 0.42))
axes.spines[["top", "right"]].set_visible(False)
right.suptitle("One 3, and eight made from it", fontsize=12)
made = [nn.data.rotate(nn.data.shift(three, 1, rng=seed), 12, rng=seed)[0] for seed in range(8)]
for axes, image in zip(right.subplots(3, 3).flat, [three[0], *made]):
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=images.max())
    axes.set_axis_off()
chapter.save(figure, run.out / "13_preparing_data.png")

# %% [markdown]
# ## Three things to try
#
# 1. Fit the standardizer on training and test data together. It changes little here. Why is it wrong nevertheless?
#
#    *Answer.* The test data then influence the training, if only through their mean and deviation. The accuracy on
#    them no longer shows what to expect of future data. With outliers or little data, the difference is not small.
# 2. Train on the digits with `nn.data.Batches(images, labels, batch_size=32, augment=lambda X, rng: nn.data.shift(X, 1,
#    rng), transform=lambda X: X.reshape(len(X), -1))`, and without `augment`. Which is better on the test digits?
#
#    *Answer.* With 64 hidden neurons, 60 epochs and three seeds, the network without `augment` is better on the test
#    digits, with 0.98 against 0.93: they are centred, as the training digits are, and an 8×8 image loses much when it
#    is shifted. On test digits shifted in the same way, it has 0.38 against 0.90. Augmentation helps with changes that
#    occur in future data.
# 3. Which changes are harmless for photos of clothes, and which for letters? Look at `nn.data.flip`.
#
#    *Answer.* Clothes: a flip from left to right and small shifts and rotations keep the class; a flip upside down
#    makes images that never occur. Letters: a flip turns a b into a d and a p into a q. Only small shifts, rotations
#    and changes of size are harmless.
