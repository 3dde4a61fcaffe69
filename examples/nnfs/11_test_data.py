# %% [markdown]
# # Chapter 11. Test data
#
# What you will understand:
#
# - a network is judged by data it has never seen; its performance on memorised data shows nothing;
# - overfitting: the training loss keeps falling while the test loss rises;
# - test data are used once, at the end: settings tuned on them make them training data.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import nn

run = chapter.options("Chapter 11. Test data")
EPOCHS = 400 if run.fast else 6_000

# %% [markdown]
# ## By hand: setting data aside
#
# Shuffle first, because the last fifth of the spiral contains only one class. Then split.

# %%
X, y = nn.datasets.spiral(100, 3, rng=np.random.RandomState(0))
order = np.random.default_rng(0).permutation(len(X))
kept, aside = order[60:], order[:60]
print("  without shuffling, the last 60 points have the classes", set(y[-60:].tolist()))
assert len(set(y[aside].tolist())) == 3

# %% [markdown]
# ## On the engine
#
# `nn.data.split` shuffles and splits. With `stratify=True`, every class is represented in proportion.

# %%
X_train, y_train, X_test, y_test = nn.data.split(X, y, share=0.2, stratify=True, rng=0)
chapter.same("80 points of each class remain", np.array([80, 80, 80]), np.bincount(y_train))
chapter.same("20 points of each class are set aside", np.array([20, 20, 20]), np.bincount(y_test))
together = np.concatenate([X_train, X_test])
chapter.same("no point is lost or doubled", np.sort(X, axis=None), np.sort(together, axis=None))

# %% [markdown]
# ## By hand: evaluating
#
# A forward pass without gradients: the mean loss, and the fraction of correct answers.

# %%
network = nn.Sequential(nn.Dense(2, 64, rng=0), nn.ReLU(), nn.Dense(64, 3, rng=0))
optimizer = nn.Adam(network.parameters(), learning_rate=0.02)
model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, metrics=[nn.CategoricalAccuracy()])
history = model.fit(X_train, y_train, epochs=EPOCHS, validation_data=(X_test, y_test), verbose=0)

W1, b1, W2, b2 = (parameter.data for parameter in network.parameters())
scores = np.maximum(0, X_test @ W1 + b1) @ W2 + b2
powers = np.exp(scores - scores.max(axis=1, keepdims=True))
probabilities = powers / powers.sum(axis=1, keepdims=True)
found = model.evaluate(X_test, y_test)
chapter.same("the test loss", -np.log(probabilities[range(60), y_test]).mean(), found["loss"], tolerance=1e-5)
chapter.same("the test accuracy", np.mean(scores.argmax(axis=1) == y_test), found["accuracy"])

best = int(np.argmin(history["val_loss"]))
print(f"  test loss: {history['val_loss'][best]:.3f} at best (epoch {best + 1}), {found['loss']:.3f} at the end;")
print(f"  training loss at the end: {history['loss'][-1]:.3f}")

# %% [markdown]
# ## The picture: overfitting

# %%
figure = Figure(figsize=(8, 3.8), layout="constrained")
axes = figure.subplots()
epochs = np.arange(1, EPOCHS + 1)
axes.plot(epochs, history["loss"], color="#0072b2", label="training data")
axes.plot(epochs, history["val_loss"], "--", color="#d55e00", label="test data")
axes.axvline(best + 1, color="#666666", linewidth=1, linestyle=":")
axes.text(best + 1, max(history["val_loss"]), f" best on test data: epoch {best + 1}", color="#444444")
axes.set(title="Overfitting: the loss falls on training data and rises on test data", xlabel="epoch", ylabel="loss")
axes.set_ylim(0, 1.05 * max(history["val_loss"]))
axes.legend(frameon=False, loc="center right")
axes.spines[["top", "right"]].set_visible(False)
chapter.save(figure, run.out / "11_test_data.png")

# %% [markdown]
# ## Three things to try
#
# 1. Use 1,000 points of each class. What happens to the gap?
#
#    *Answer.* It nearly closes: the losses at the end are 0.17 and 0.34, against 0.06 and 2.3 with 100 points of each
#    class. So many points cannot be memorised one by one.
# 2. Use 8 neurons instead of 64. Can such a small network overfit?
#
#    *Answer.* A little. It cannot even learn the training points (accuracy 0.58), yet the test loss rises from 1.02 to
#    1.11.
# 3. Use `nn.EarlyStopping(patience=500)` as a callback. At which epoch does it stop, and why is that not a fair test?
#
#    *Answer.* At epoch 837, 500 after the best test loss. The test data have chosen the epoch, so they are no longer
#    unseen. Chapter 12 uses validation data for such choices.
