# %% [markdown]
# # Chapter 14. L1 and L2 regularisation
#
# What you will understand:
#
# - a penalty on the size of the weights prevents a network from memorising its samples;
# - L2 (λΣw²) reduces large weights most, L1 (λΣ|w|) reduces all equally, so that some become almost exactly 0;
# - the measure of success is the gap between the loss on the training data and on new data.

# %%
import by_hand
import chapter
import numpy as np
from matplotlib.figure import Figure

import nn

run = chapter.options("Chapter 14. L1 and L2 regularisation")
EPOCHS = 500 if run.fast else 10_001

# %% [markdown]
# ## By hand: a penalty and its gradient

# %%
weights = np.array([[0.5, -2.0], [0.0, 0.1]])
l1, l2 = 0.1, 0.01
penalty = l1 * np.abs(weights).sum() + l2 * (weights**2).sum()
gradient = l1 * np.sign(weights) + 2 * l2 * weights

layer = nn.Dense(2, 2, weight_l1=l1, weight_l2=l2, dtype=np.float64)
layer.weight.data = weights
on_the_engine = layer.regularization_loss()
on_the_engine.backward()
chapter.same("the penalty of a layer", penalty, on_the_engine)
chapter.same("its gradient", gradient, layer.weight.grad)

# %% [markdown]
# ## By hand and on the engine: the book's training
#
# The spiral, 2-64-3, L2 on the first layer. The gradient of the penalty is added before the optimizer's step.


# %%
def network(dtype=np.float32, **penalties):
    """Draw data, first layer, second layer and test data, in this order, from one random generator."""
    rng = np.random.RandomState(0)
    X, y = nn.datasets.spiral(100, 3, rng=rng)
    start = nn.init.normal(0.01)
    layers = nn.Sequential(
        nn.Dense(2, 64, weight_init=start, dtype=dtype, rng=rng, **penalties),
        nn.ReLU(),
        nn.Dense(64, 3, weight_init=start, dtype=dtype, rng=rng),
    )
    X_test, y_test = nn.datasets.spiral(100, 3, rng=rng)
    return layers, X.astype(dtype), y, X_test.astype(dtype), y_test


layers, X, y, _, _ = network(np.float64, weight_l2=5e-4, bias_l2=5e-4)
chapter.same_training(
    "Adam with L2",
    layers,
    nn.SoftmaxCrossEntropy(),
    nn.Adam(layers.parameters(), learning_rate=0.02, decay=5e-7),
    by_hand.SoftmaxCrossEntropy(),
    by_hand.Adam(0.02, decay=5e-7),
    X,
    y,
)

# %% [markdown]
# ## The gap with and without a penalty

# %%
results = {}
for name, penalties in [
    ("none", {}),
    ("L2, λ = 0.0005", {"weight_l2": 5e-4, "bias_l2": 5e-4}),
    ("L1, λ = 0.0005", {"weight_l1": 5e-4, "bias_l1": 5e-4}),
]:
    layers, X, y, X_test, y_test = network(**penalties)
    model = nn.Model(
        layers,
        loss=nn.SoftmaxCrossEntropy(),
        optimizer=nn.Adam(layers.parameters(), learning_rate=0.02, decay=5e-7),
        metrics=[nn.CategoricalAccuracy()],
    )
    history = model.fit(X, y, epochs=EPOCHS, validation_data=(X_test, y_test), verbose=0)
    results[name] = history, layers[0].weight.numpy()
    training, validation = history["data_loss"][-1], history["val_loss"][-1]
    print(f"  {name:15} loss {training:.3f}, on new points {validation:.3f}: gap {validation - training:.3f}")

gap = {name: history["val_loss"][-1] - history["data_loss"][-1] for name, (history, _) in results.items()}
assert run.fast or gap["L2, λ = 0.0005"] < gap["none"]

# %% [markdown]
# ## The picture: the gap, and the weights after training
#
# Without a penalty, the weights grow as long as training continues. L2 keeps all of them small. With L1, a spike near 0
# appears in a full run: about 16 of 128 weights end below 0.001 in size. The short run is too short to show it.

# %%
figure = Figure(figsize=(10.5, 5.6), layout="constrained")
panels = figure.subplots(2, 3, sharey="row")
for column, (name, (history, final)) in zip(panels.T, results.items()):
    epochs = np.arange(1, len(history["loss"]) + 1)
    column[0].plot(epochs, history["data_loss"], color="#0072b2", label="training")
    column[0].plot(epochs, history["val_loss"], "--", color="#d55e00", label="new points")
    column[0].fill_between(epochs, history["data_loss"], history["val_loss"], color="#d55e00", alpha=0.12)
    column[0].set(title=f"penalty: {name}", xlabel="epoch", ylim=(0, 2))
    column[1].hist(final.clip(-6, 6).ravel(), bins=np.linspace(-6, 6, 49), color="#0072b2")
    for axes in column:
        axes.spines[["top", "right"]].set_visible(False)
panels[0, 0].set_ylabel("loss without penalty")
panels[0, 0].legend(frameon=False)
panels[1, 0].set_ylabel("how many")
figure.supxlabel("weight of the first layer (larger ones at the ends)", fontsize=10)
chapter.save(figure, run.out / "14_l1_and_l2.png")

# %% [markdown]
# ## Three things to try
#
# 1. Set λ = 0.05. What does too strong a penalty do? Look at both losses.
#
#    *Answer.* The penalty outweighs the data. With L2, the loss without the penalty ends at 0.43, on new points at
#    0.57: a small gap, but a worse fit than with 0.0005 (0.20 and 0.48). With L1, the network hardly learns: 1.06 and
#    1.07, close to log 3 = 1.10.
# 2. Use 1,000 points for each class (`spiral(1000, 3)`) and no penalty. Why is the gap smaller now?
#
#    *Answer.* The losses end at 0.29 and 0.46. A network that fits 3,000 points cannot bend around each of them, and
#    new points of the same spiral lie close to points of the training data.
# 3. Count the weights below 0.001 in size after L1 and after L2.
#
#    *Answer.* `np.sum(np.abs(layers[0].weight.numpy()) < 0.001)`: 19 of 128 in a run with L1, none with L2. The pull of
#    L1 does not weaken near 0; that of L2 is proportional to the weight.
