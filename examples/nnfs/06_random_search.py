# %% [markdown]
# # Chapter 6. Random search
#
# What you will understand:
#
# - the simplest training: change the weights at random, and keep the change if the loss falls;
# - it solves easy data, three vertical stripes, and fails on the spiral;
# - so we need to know *in which direction* each weight should change. That is what derivatives are for.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg

run = chapter.options("Chapter 6. Random search")
STEPS = 2_000 if run.fast else 20_000

# %% [markdown]
# ## By hand
#
# The loss of a 2-3-3 network, without a backward pass.


# %%
def softmax_by_hand(X, parameters):
    """Return the probabilities computed by a 2-3-3 network."""
    W1, b1, W2, b2 = parameters
    scores = np.maximum(0, X @ W1 + b1) @ W2 + b2
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def loss_by_hand(X, y, parameters):
    """Return the mean cross-entropy."""
    return -np.log(np.clip(softmax_by_hand(X, parameters)[range(len(y)), y], 1e-7, 1 - 1e-7)).mean()


def search(X, y, steps, seed):
    """Keep random changes that lower the loss. Return the parameters and the lowest loss after each step."""
    rng = np.random.default_rng(seed)
    best = [0.01 * rng.normal(size=shape) for shape in [(2, 3), (3,), (3, 3), (3,)]]
    lowest, curve = loss_by_hand(X, y, best), []
    for _ in range(steps):
        tried = [p + 0.05 * rng.normal(size=p.shape) for p in best]
        loss = loss_by_hand(X, y, tried)
        if loss < lowest:
            lowest, best = loss, tried
        curve.append(lowest)
    return best, curve


# %% [markdown]
# ## On two data sets

# %%
results = {}
for name, make in [("vertical", nn.datasets.vertical), ("spiral", nn.datasets.spiral)]:
    X, y = make(100, 3, rng=np.random.RandomState(0))
    X = X.astype(np.float64)
    best, curve = search(X, y, STEPS, seed=0)
    accuracy = np.mean(softmax_by_hand(X, best).argmax(axis=1) == y)
    print(f"  {name}: loss {curve[-1]:.3f}, accuracy {accuracy:.2f} after {STEPS:,} tries")
    results[name] = X, y, best, curve, accuracy

assert results["vertical"][4] > 0.85, "random search solves vertical data"
assert results["spiral"][4] < 0.7, "random search fails on the spiral"

# %% [markdown]
# ## On the engine
#
# The same network has the same loss here. The engine also computes in which direction each parameter should change.
# One small step against the gradient lowers the loss more than each of 200 random steps of the same length.

# %%
X, y, best, _, _ = results["spiral"]
network = nn.Sequential(nn.Dense(2, 3, dtype=np.float64), nn.ReLU(), nn.Dense(3, 3, dtype=np.float64))
for parameter, values in zip(network.parameters(), best):
    parameter.data = values
cross_entropy = nn.SoftmaxCrossEntropy()
loss = cross_entropy(network(X), y)
chapter.same("the loss of the best network found", loss_by_hand(X, y, best), loss)

loss.backward()
gradients = [parameter.grad for parameter in network.parameters()]
length = np.sqrt(sum((g**2).sum() for g in gradients))
along_gradient = [p - 0.01 * g / length for p, g in zip(best, gradients)]
gain = loss.item() - loss_by_hand(X, y, along_gradient)

rng = np.random.default_rng(1)
random_gains = []
for _ in range(200):
    direction = [rng.normal(size=p.shape) for p in best]
    size = np.sqrt(sum((d**2).sum() for d in direction))
    tried = [p + 0.01 * d / size for p, d in zip(best, direction)]
    random_gains.append(loss.item() - loss_by_hand(X, y, tried))
assert gain > max(random_gains)
print(f"  the gradient step lowers the loss by {gain:.2g}, 200 random steps by {np.mean(random_gains):.2g} on", end=" ")
print(f"average and {max(random_gains):.2g} at best")
with tg.no_grad():
    assert np.allclose(tg.softmax(network(X), axis=1), softmax_by_hand(X, best))

# %% [markdown]
# ## The picture: where it works and where it does not

# %%
figure = Figure(figsize=(10.5, 3.6), layout="constrained")
left, middle, right = figure.subplots(1, 3)
for (name, (*_, curve, accuracy)), style in zip(results.items(), ["-", "--"]):
    left.plot(range(1, STEPS + 1), curve, style, color="#333333", linewidth=2, label=f"{name}: accuracy {accuracy:.2f}")
left.set(title="lowest loss so far", xlabel="random tries", ylabel="loss", xscale="log", ylim=(0, 1.15))
left.legend(frameon=False, fontsize=9)
for axes, (name, (X, y, best, _, _)) in zip([middle, right], results.items()):
    low, high = X.min(axis=0) - 0.1, X.max(axis=0) + 0.1
    across, up = np.meshgrid(np.linspace(low[0], high[0], 200), np.linspace(low[1], high[1], 200))
    chosen = softmax_by_hand(np.stack([across.ravel(), up.ravel()], axis=1), best).argmax(axis=1).reshape(200, 200)
    axes.contourf(
        across, up, chosen, levels=[-0.5, 0.5, 1.5, 2.5], colors=["#0072b2", "#d55e00", "#009e73"], alpha=0.25
    )
    for c, (colour, marker) in enumerate([("#0072b2", "o"), ("#d55e00", "^"), ("#009e73", "s")]):
        axes.scatter(*X[y == c].T, s=9, color=colour, marker=marker)
    axes.set(title=f"{name}: the best network's answers", xlabel="first feature", ylabel="second feature")
for axes in (left, middle, right):
    axes.spines[["top", "right"]].set_visible(False)
chapter.save(figure, run.out / "06_random_search.png")

# %% [markdown]
# ## Three things to try
#
# 1. Try ten times as often on the spiral (`STEPS`). How much does it help?
#
#    *Answer.* Little: with 200,000 tries, the loss falls from 1.069 to 1.058, and the accuracy is 0.42.
# 2. Give the network 64 hidden neurons, in `search` and on the engine. How many times as much as the best random step
#    does the gradient step gain now, and why?
#
#    *Answer.* 7 times, against 1.7 with three neurons. The network now has 387 parameters instead of 21. In so many
#    dimensions, a random direction is nearly at a right angle to the gradient, so it changes the loss little.
# 3. Use changes of 0.5 or 0.005 instead of 0.05. Which is best at the start, and which at the end?
#
#    *Answer.* After 1,000 tries, the losses on the spiral are 1.052, 1.080 and 1.084 for 0.5, 0.05 and 0.005; after
#    20,000, they are 1.025, 1.069 and 1.045. Large changes leave the flat region at the start sooner. Later it is a
#    matter of luck: the two smaller sizes have changed places.
