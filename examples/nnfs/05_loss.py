# %% [markdown]
# # Chapter 5. Loss: how wrong a network is
#
# What you will understand:
#
# - cross-entropy: minus the logarithm of the probability that the network assigns to the correct class;
# - one-hot targets and class numbers contain the same information;
# - accuracy counts correct answers, and the loss also measures their certainty. The spiral's first loss is 1.0986104.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import nn

run = chapter.options("Chapter 5. Loss: how wrong a network is")

# %% [markdown]
# ## By hand: cross-entropy of three samples
#
# With one-hot targets it is −Σ t·log p. All but one t are 0, so only the probability of the correct class matters.

# %%
probabilities = np.array([[0.7, 0.1, 0.2], [0.1, 0.5, 0.4], [0.02, 0.9, 0.08]])
classes = np.array([0, 1, 1])
one_hot = np.eye(3, dtype=np.float64)[classes]

of_the_correct_class = probabilities[range(3), classes]
losses = -np.log(of_the_correct_class)
assert np.allclose(losses, -(one_hot * np.log(probabilities)).sum(axis=1))
print("  losses:", ", ".join(f"{loss:.3f}" for loss in losses), f"and their mean {losses.mean():.4f}")

cross_entropy = nn.CategoricalCrossEntropy()
chapter.same("cross-entropy from class numbers", losses.mean(), cross_entropy(probabilities, classes))
chapter.same("cross-entropy from one-hot rows", losses.mean(), cross_entropy(probabilities, one_hot))

# %% [markdown]
# ## By hand: a probability of zero
#
# log 0 is minus infinity, so probabilities are clipped to between 1e-7 and 1 − 1e-7 first.

# %%
certain_but_wrong = np.array([[0.0, 1.0, 0.0]])
clipped = np.clip(certain_but_wrong, 1e-7, 1 - 1e-7)
chapter.same("the loss of a certain error", -np.log(clipped[0, 0]), cross_entropy(certain_but_wrong, [0]))

# %% [markdown]
# ## By hand: accuracy
#
# The fraction of samples whose largest probability is that of the correct class.

# %%
accuracy = np.mean(probabilities.argmax(axis=1) == classes)
metric = nn.CategoricalAccuracy()
metric.update(probabilities, classes)
chapter.same("accuracy", accuracy, metric.result())

# %% [markdown]
# ## The first loss of the spiral
#
# A 2-3-3 network with weights near 0 gives each of three classes about 1/3, so its loss is close to log 3 = 1.0986123.

# %%
rng = np.random.RandomState(0)
X, y = nn.datasets.spiral(100, 3, rng=rng)
start = nn.init.normal(0.01)
network = nn.Sequential(
    nn.Dense(2, 3, weight_init=start, rng=rng), nn.ReLU(), nn.Dense(3, 3, weight_init=start, rng=rng), nn.Softmax()
)
W1, b1, W2, b2 = (parameter.data for parameter in network.parameters())
scores = np.maximum(0, X @ W1 + b1) @ W2 + b2
exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
by_hand = exponentials / exponentials.sum(axis=1, keepdims=True)

loss_by_hand = -np.log(by_hand[range(len(y)), y]).mean()
loss = cross_entropy(network(X), y)
chapter.same("the spiral's first loss", loss_by_hand, loss)
chapter.same("the book's number", 1.0986104, loss, tolerance=1e-6)

# %% [markdown]
# ## The picture: confident mistakes cost the most

# %%
figure = Figure(figsize=(7, 4), layout="constrained")
axes = figure.subplots()
p = np.linspace(0.002, 1, 500)
axes.plot(p, -np.log(p), color="#0072b2", linewidth=2)
for name, chance, marker in [
    ("sample 0", 0.7, "o"),
    ("sample 1", 0.5, "^"),
    ("sample 2", 0.9, "s"),
    ("guessing among three", 1 / 3, "D"),
    ("sure of another class", 0.02, "X"),
]:
    axes.plot(chance, -np.log(chance), marker, markersize=8, color="#d55e00")
    axes.annotate(f"{name}: {-np.log(chance):.2f}", (chance, -np.log(chance)), (9, 6), textcoords="offset points")
axes.set(title="Cross-entropy of one sample", xlabel="probability of the correct class", ylabel="loss")
axes.set(xlim=(0, 1.18), ylim=(0, 6.3), xticks=np.linspace(0, 1, 6))
axes.spines[["top", "right"]].set_visible(False)
chapter.save(figure, run.out / "05_loss.png")

# %% [markdown]
# ## Three things to try
#
# 1. Two networks classify 90 of 100 samples correctly. Can their losses differ? Find probabilities that show it.
#
#    *Answer.* Yes. With 0.99 for the correct class of 90 samples and 0.4 for the other ten, the loss is 0.10. With 0.51
#    and 0.01, it is 1.07. Both networks classify the same 90 samples correctly.
# 2. What is the first loss with ten classes and small weights? Guess, then compute it with `spiral(100, 10)` and
#    `nn.Dense(3, 10)`. (The book's number is for three.)
#
#    *Answer.* Close to log 10 = 2.3026: nearly equal probabilities give each class about 1/10. The computed loss is
#    2.30258.
# 3. `nn.SoftmaxCrossEntropy()` takes the scores before softmax. Compare it with the loss here at scores of ±1000.
#
#    *Answer.* For scores (1000, −1000) and the wrong class, the loss here is −log 1e-7 = 16.1, as the probability is
#    clipped, and its gradient is 0. `SoftmaxCrossEntropy` computes the true loss, 2,000, and a gradient that shows what
#    to change.
