# %% [markdown]
# # Chapter 12. Validation data
#
# What you will understand:
#
# - settings (rates, sizes, penalties) are chosen on validation data, so that the test data remain unseen;
# - k-fold validation leaves out every sample once, which makes better use of few samples;
# - the best of many trials looks better than it is: part of its lead is luck.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import nn

run = chapter.options("Chapter 12. Validation data")
EPOCHS = 60 if run.fast else 800

# %% [markdown]
# ## By hand: k folds
#
# Shuffle the indices of the samples, split them into k parts, and leave out one part after another.

# %%
numbers = np.random.default_rng(0).permutation(10)
folds_by_hand = [np.sort(part) for part in np.array_split(numbers, 5)]
assert np.array_equal(np.sort(np.concatenate(folds_by_hand)), np.arange(10))
print("  five folds of ten samples:", [part.tolist() for part in folds_by_hand])

# %% [markdown]
# ## On the engine
#
# `nn.data.k_fold` yields training and validation data for each fold.

# %%
samples = np.arange(10.0)[:, None]
left_out = []
for X_train, _, X_valid, _ in nn.data.k_fold(samples, np.arange(10), k=5, rng=0):
    assert not set(X_train.ravel()) & set(X_valid.ravel())
    left_out += X_valid.ravel().tolist()
chapter.same("every sample is left out exactly once", np.arange(10.0), np.sort(left_out))

# %% [markdown]
# ## Choosing the number of neurons
#
# Five folds for each size. The test data are used once, after the choice.

# %%
X, y = nn.datasets.spiral(100, 3, rng=np.random.RandomState(0))
X, y, X_test, y_test = nn.data.split(X, y, share=0.2, stratify=True, rng=0)
SIZES = [4, 8, 16, 32, 64]


def trained(neurons, X, y):
    """Return a model of this size, trained on these samples."""
    network = nn.Sequential(nn.Dense(2, neurons, rng=1), nn.ReLU(), nn.Dense(neurons, 3, rng=2))
    optimizer = nn.Adam(network.parameters(), learning_rate=0.05)
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, metrics=[nn.CategoricalAccuracy()])
    model.fit(X, y, epochs=EPOCHS, verbose=0)
    return model


accuracies = np.zeros((len(SIZES), 5), np.float64)
for row, neurons in enumerate(SIZES):
    for fold, (X_train, y_train, X_valid, y_valid) in enumerate(nn.data.k_fold(X, y, k=5, stratify=True, rng=0)):
        accuracies[row, fold] = trained(neurons, X_train, y_train).evaluate(X_valid, y_valid)["accuracy"]
    mean, spread = accuracies[row].mean(), accuracies[row].std()
    print(f"  {neurons:2} neurons: {mean:.3f} ± {spread:.3f}")

chosen = int(accuracies.mean(axis=1).argmax())
test = trained(SIZES[chosen], X, y).evaluate(X_test, y_test)["accuracy"]
print(f"  chosen: {SIZES[chosen]} neurons, trained on all folds; accuracy on the test data: {test:.3f}")

# %% [markdown]
# ## The picture

# %%
figure = Figure(figsize=(7, 4), layout="constrained")
axes = figure.subplots()
for fold, marker in enumerate("o^sDv"):
    axes.plot(range(len(SIZES)), accuracies[:, fold], marker, color="#0072b2", alpha=0.6, label=f"fold {fold + 1}")
axes.plot(range(len(SIZES)), accuracies.mean(axis=1), color="#0072b2", linewidth=2, label="mean of the folds")
axes.plot(chosen, test, "*", color="#d55e00", markersize=16, label="test data, once")
axes.set_xticks(range(len(SIZES)), [str(neurons) for neurons in SIZES])
axes.set(title="Choosing the number of neurons by five folds", xlabel="neurons", ylabel="accuracy")
axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
axes.spines[["top", "right"]].set_visible(False)
chapter.save(figure, run.out / "12_validation_data.png")

# %% [markdown]
# ## Three things to try
#
# 1. Choose the learning rate in the same way, from 0.001 to 0.5. Is the best rate the same for every size?
#
#    *Answer.* No. With 8 neurons 0.01 was best (accuracy 0.45), with 64 it was 0.05 (0.78). A rate that is far too
#    large ruins both: 64 neurons with a rate of 0.5 reached 0.44. So sizes and rates have to be chosen together.
# 2. Use ten folds. What does that cost, and how much more stable is the mean?
#
#    *Answer.* Twice as many training runs, on 216 samples each instead of 192. The mean was no more stable here: over
#    four shuffles, the mean had a standard deviation of 0.012 with five folds and of 0.020 with ten. In both cases,
#    every sample is left out once.
# 3. Give `trained` twenty different seeds for 64 neurons and keep the best. How does it perform on the test data?
#
#    *Answer.* In one such trial, the best of twenty had a validation accuracy of 0.88 (their mean was 0.83), but 0.78
#    on the test data, where the mean of all twenty was 0.79. Its lead was luck.
