# %% [markdown]
# # Chapter 22. Prediction on a photo
#
# What you will understand:
#
# - a photo must be made like the training images: grey, of the same size, dark on light turned over, the same scale;
# - each of these steps, left out, spoils the answer, or how sure it seems, without any error;
# - the network always answers, also when it should not: look at the probabilities.

# %%
from pathlib import Path

import chapter
import fashion
import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageOps

import nn

run = chapter.options("Chapter 22. Prediction on a photo")
given = fashion.data(np.random.default_rng(0), samples=5_000 if run.fast else 30_000)
model = fashion.trained(given, epochs=2 if run.fast else 5)

# %% [markdown]
# ## A photo
#
# Put your own beside this file as `photo.png`; its middle square is used. Without one, a test image that the network
# knows is made into a "photo": enlarged, in colour, dark cloth on a light table.

# %%
own = Path(__file__).parent / "photo.png" if "__file__" in globals() else Path("photo.png")
if own.exists():
    photo = ImageOps.exif_transpose(Image.open(own)).convert("RGB")  # cameras note how they were held
    photo = ImageOps.fit(photo, (min(photo.size),) * 2)
    truth = None
else:
    scores = model.predict(given.X_test)
    known = int(np.flatnonzero(scores.argmax(axis=1) == given.y_test)[0])
    truth = int(given.y_test[known])
    ink = (given.X_test[known].reshape(given.side, given.side) + 1) / 2
    cloth, table = np.array([60, 40, 70]), np.array([245, 240, 225])
    pixels = table + ink[:, :, None] * (cloth - table)
    photo = Image.fromarray(pixels.astype(np.uint8), "RGB").resize((360, 360), Image.Resampling.BICUBIC)
photo.save(run.out / "22_photo.png")

# %% [markdown]
# ## By hand: making it like the training images
#
# Grey is a weighted mean of red, green and blue, as eyes see them; small is a mean over squares of pixels; the training
# images are light on dark, so everything is turned over; and then −1 … 1.

# %%
colours = np.asarray(photo, dtype=np.float64)
grey = colours @ np.array([299, 587, 114]) / 1000
grey_by_pillow = np.asarray(photo.convert("L"), dtype=np.float64)
assert np.abs(grey - grey_by_pillow).max() <= 1

small = np.asarray(photo.convert("L").resize((given.side, given.side), Image.Resampling.BOX), dtype=np.float64)
inverted = 255 - small
assert np.ptp(inverted) > 0, "the photo is of one colour: there is nothing on it"
stretched = (inverted - inverted.min()) / np.ptp(inverted) * 255
prepared = ((stretched - 127.5) / 127.5).astype(np.float32).reshape(1, -1)

# %% [markdown]
# ## On the engine
#
# `nn.data.rescale` does the last step; then forwards, by hand and with `predict`.

# %%
rescaled = nn.data.rescale(stretched.round().astype(np.uint8)).reshape(1, -1)
chapter.same("the prepared photo", prepared, rescaled, tolerance=1 / 127)

x = prepared
for layer in model.network:
    x = np.maximum(0, x) if isinstance(layer, nn.ReLU) else x @ layer.weight.data + layer.bias.data
scores = model.predict(prepared)
chapter.same("the scores", x, scores, tolerance=1e-4)


def probabilities(scores):
    """Softmax of one row."""
    powers = np.exp(scores[0] - scores[0].max())
    return powers / powers.sum()


answer = int(scores.argmax())
print(f"  the network sees: {given.classes[answer]} ({probabilities(scores)[answer]:.0%})")
assert truth is None or answer == truth

# %% [markdown]
# ## The picture: every step, and what happens when one is left out

# %%
wrong = {
    "as it should be": prepared,
    "not inverted": -prepared,
    "not scaled": stretched.astype(np.float32).reshape(1, -1),
    "upside down": prepared.reshape(given.side, given.side)[::-1].reshape(1, -1),
}
figure = Figure(figsize=(11, 5.2), layout="constrained")
top, bottom = figure.subfigures(2, 1)
steps = [("photo", photo), ("grey", grey), (f"{given.side} × {given.side}", small), ("inverted, stretched", stretched)]
for axes, (name, image) in zip(top.subplots(1, 4), steps):
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    axes.set_title(name, fontsize=10)
    axes.set_axis_off()
for axes, (name, row) in zip(bottom.subplots(1, 4, sharey=True), wrong.items()):
    chances = probabilities(model.predict(row))
    colours = ["#d55e00" if c == answer else "#0072b2" for c in range(10)]
    axes.bar(range(10), chances, color=colours)
    axes.set_xticks(range(10), given.classes, rotation=90, fontsize=8)
    axes.set_title(f"{name}:\n{given.classes[int(chances.argmax())]} ({chances.max():.0%})", fontsize=10)
    axes.set_ylim(0, 1)
    axes.spines[["top", "right"]].set_visible(False)
chapter.save(figure, run.out / "22_prediction.png")

# %% [markdown]
# ## Three things to try
#
# 1. A photo of your own shoe on white paper. Which step needs most care, and what does the network say to your hand?
# 2. Move the object by five pixels to the side. Why does a dense network mind, and which augmentation helps?
# 3. Feed it random noise. How sure is it?
