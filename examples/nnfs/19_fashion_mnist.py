# %% [markdown]
# # Chapter 19. A real data set: Fashion-MNIST
#
# What you will understand:
#
# - images become rows of numbers: they are loaded, scaled to −1 … 1, shuffled and flattened;
# - 60,000 samples are learnt in batches of 128; after ten epochs, seven of eight new images are classified correctly;
# - the loop written by hand and the engine take the same steps, and the engine takes no longer.

# %%
import time

import by_hand
import chapter
import fashion
import numpy as np
from matplotlib.figure import Figure

import nn
from nn.plots.signs import SIGNS

run = chapter.options("Chapter 19. A real data set: Fashion-MNIST")
EPOCHS = 1 if run.fast else 10
SAMPLES = 5_000 if run.fast else None

# %% [markdown]
# ## The data
#
# For the real images, call `nn.datasets.fashion_mnist()` once: it downloads 30 MB. Without them, the chapter uses
# handwritten digits.

# %%
raw = fashion.images()
print(f"  as stored in the files: {raw.X.shape} {raw.X.dtype}, from {raw.X.min()} to {raw.X.max()}")

# %% [markdown]
# ## By hand: scaled, flattened, shuffled
#
# Bytes become numbers from −1 to 1, an image becomes a row, and a random order mixes the classes in every batch.

# %%
order = np.random.default_rng(0).permutation(len(raw.X))[:SAMPLES]
rows = ((raw.X[order].astype(np.float32) - 127.5) / 127.5).reshape(len(order), -1)
given = fashion.data(np.random.default_rng(0), samples=SAMPLES)
chapter.same("the images as rows", rows, given.X)
chapter.same("their classes", raw.y[order], given.y)

# %% [markdown]
# ## By hand: the loop of the book
#
# A forward pass, a backward pass and a step of Adam for each batch of 128, all in NumPy.

# %%
layers = fashion.network(given.side**2, np.random.default_rng(0))
hand = chapter.by_hand_copy(layers, by_hand.SoftmaxCrossEntropy())
adam = by_hand.Adam(0.001, decay=1e-3)

losses_by_hand, right = [], 0
began = time.perf_counter()
for _ in range(EPOCHS):
    for begin in range(0, len(given.X), 128):
        batch = slice(begin, begin + 128)
        output = hand.forward(given.X[batch])
        losses_by_hand.append(hand.loss.loss(given.y[batch]))
        right += np.sum(output.argmax(axis=1) == given.y[batch])
        hand.backward(given.y[batch])
        adam.step(hand)
seconds_by_hand = time.perf_counter() - began

# %% [markdown]
# ## On the engine
#
# The same initial weights, and the same batches in the same order. A callback records the losses. The first are equal;
# later, rounding errors have grown, because training is chaotic.


# %%
class Losses(nn.Callback):
    """Record the loss of every step."""

    def __init__(self):
        self.values = []

    def on_step_end(self, step, logs):
        """Record the loss."""
        self.values.append(logs["loss"])


seen = Losses()
model = fashion.model(layers)
began = time.perf_counter()
history = model.fit(given.X, given.y, epochs=EPOCHS, batch_size=128, shuffle=False, callbacks=[seen], verbose=0)
seconds = time.perf_counter() - began
first = min(20, len(losses_by_hand))
chapter.same(f"the losses of the first {first} steps", losses_by_hand[:first], seen.values[:first], tolerance=1e-4)

test = model.evaluate(given.X_test, given.y_test)
accuracy_by_hand = right / (EPOCHS * len(given.X))
print(f"  accuracy over all epochs: by hand {accuracy_by_hand:.3f}, on the engine {np.mean(history['accuracy']):.3f}")
print(f"  by hand {seconds_by_hand:.1f} s, on the engine {seconds:.1f} s for {len(seen.values):,} steps")
print(f"  training: loss {history['loss'][-1]:.3f}, accuracy {history['accuracy'][-1]:.3f} (during the epoch)")
print(f"  new images: loss {test['loss']:.3f}, accuracy {test['accuracy']:.3f}")

# %% [markdown]
# ## The picture: the data, and what the first layer looks for
#
# The weights of a neuron of the first layer form an image, too: orange where light pixels raise its output, blue where
# they lower it.

# %%
figure = Figure(figsize=(10, 3.2), layout="constrained")
left, right = figure.subfigures(1, 2)
left.suptitle(f"{given.name}: ten of the images")
for c, axes in enumerate(left.subplots(2, 5).flat):
    axes.imshow(given.X[np.flatnonzero(given.y == c)[0]].reshape(given.side, given.side), cmap="gray_r")
    axes.set_title(given.classes[c], fontsize=9)
    axes.set_axis_off()
weights = layers[0].weight.data
strongest = np.argsort(-np.abs(layers[2].weight.data).sum(axis=1))[:10]
right.suptitle("Weights of ten neurons of the first layer")
for neuron, axes in zip(strongest, right.subplots(2, 5).flat):
    image = weights[:, neuron].reshape(given.side, given.side)
    axes.imshow(image, cmap=SIGNS, vmin=-np.abs(image).max(), vmax=np.abs(image).max())
    axes.set_title(f"neuron {neuron}", fontsize=9)
    axes.set_axis_off()
chapter.save(figure, run.out / "19_fashion_mnist.png")

# %% [markdown]
# ## Three things to try
#
# 1. Leave out the shuffling in `fashion.data` and sort by class instead. What happens to the loss, and why?
#
#    *Answer.* The loss of each batch falls at once, because all its images have the same answer, and jumps when the
#    next class begins. After an epoch the network has forgotten all but the last classes: it assigned all 10,000
#    new images to bags or ankle boots, with an accuracy of 0.11.
# 2. Use batches of 8 and of 8,192. Compare the time for an epoch, and the accuracy after it.
#
#    *Answer.* An epoch with batches of 8 took about nine times as long as with 128 (14 s and 1.6 s on one core), for a
#    few more correct answers: 0.839 and 0.825. Batches of 8,192 were hardly faster than 128, and their 8 steps are too
#    few: 0.389.
# 3. Give `fit` augmented images: `nn.data.Batches(given.X.reshape(-1, given.side, given.side), given.y, batch_size=128,
#    augment=nn.data.flip, transform=lambda X: X.reshape(len(X), -1))`. Does the accuracy on new images rise?
#
#    *Answer.* No, not in ten epochs: 0.868 with flipped images, 0.870 without. The accuracy on the training images
#    falls, too, from 0.894 to 0.889. This network has not yet memorised its images, so there is little to gain from new
#    ones.
