# %% [markdown]
# # Chapter 16. Binary logistic regression
#
# What you will understand:
#
# - for a yes or no, one output is enough: the sigmoid turns it into a probability;
# - binary cross-entropy is −log p for a yes and −log(1 − p) for a no; several outputs are several such questions at
#   once;
# - together with the sigmoid, its gradient is again the prediction minus the target.

# %%
import by_hand
import chapter
import numpy as np

import nn
import tensorgrad as tg

run = chapter.options("Chapter 16. Binary logistic regression")
EPOCHS = 500 if run.fast else 10_001

# %% [markdown]
# ## By hand: sigmoid, and the loss of one sample

# %%
score, answer = 0.4, 1.0
probability = 1 / (1 + np.exp(-score))
loss = -(answer * np.log(probability) + (1 - answer) * np.log(1 - probability))
gradient = probability - answer

leaf = tg.tensor([[score]], requires_grad=True)
on_the_engine = nn.SigmoidBinaryCrossEntropy()(leaf, [[answer]])
on_the_engine.backward()
chapter.same("binary cross-entropy", loss, on_the_engine)
chapter.same("its gradient with respect to the score: predicted − target", gradient, leaf.grad[0, 0])

# %% [markdown]
# ## By hand and on the engine: two spirals
#
# Targets are a column of 0 and 1, the network is 2-64-1, with the book's settings. The first 100 losses agree.


# %%
def network(dtype):
    """Return network and data, with the same random numbers for every dtype."""
    rng = np.random.RandomState(0)
    X, classes = nn.datasets.spiral(100, 2, rng=rng)
    start = nn.init.normal(0.01)
    layers = nn.Sequential(
        nn.Dense(2, 64, weight_init=start, weight_l2=5e-4, bias_l2=5e-4, dtype=dtype, rng=rng),
        nn.ReLU(),
        nn.Dense(64, 1, weight_init=start, dtype=dtype, rng=rng),
        nn.Sigmoid(),
    )
    X_test, test_classes = nn.datasets.spiral(100, 2, rng=rng)
    return layers, X.astype(dtype), classes[:, None], X_test.astype(dtype), test_classes[:, None]


layers, X, y, _, _ = network(np.float64)
chapter.same_training(
    "binary regression with Adam",
    layers,
    nn.BinaryCrossEntropy(),
    nn.Adam(layers.parameters(), decay=5e-7),
    by_hand.SigmoidCrossEntropy(),
    by_hand.Adam(0.001, decay=5e-7),
    X,
    y,
)

# %% [markdown]
# ## The whole training

# %%
layers, X, y, X_test, y_test = network(np.float32)
model = nn.Model(
    layers,
    loss=nn.BinaryCrossEntropy(),
    optimizer=nn.Adam(layers.parameters(), decay=5e-7),
    metrics=[nn.BinaryAccuracy()],
)
history = model.fit(X, y, epochs=EPOCHS, verbose=0)
test = model.evaluate(X_test, y_test)
print(f"  after {EPOCHS:,} epochs: accuracy {history['accuracy'][-1]:.3f}, on new points {test['accuracy']:.3f}")

# %% [markdown]
# ## The picture: where the network says yes

# %%
figure = nn.plots.decision_boundary(model, X_test, y_test)
chapter.save(figure, run.out / "16_binary_logistic_regression.png")

# %% [markdown]
# ## Three things to try
#
# 1. Count a point as "yes" at 0.9 or more, instead of 0.5. Which kind of error becomes rarer, and which more frequent?
#
#    *Answer.* False positives become rarer, and false negatives more frequent. Of 200 new points, a trained network
#    wrongly answered yes for 13 and missed 22 at a threshold of 0.5; at 0.9 there were 2 and 80.
# 2. Give one network two outputs: is the point in the upper half, and is it of class 1? What must `y` look like?
#
#    *Answer.* One column for each question, 0 or 1 in each: `y = np.stack([X[:, 1] > 0, classes], axis=1)`, shape
#    `(samples, 2)`, and `nn.Dense(64, 2)` as the last layer. The answers do not have to add up to 1.
# 3. Compare with two softmax outputs and `nn.SoftmaxCrossEntropy`. Does the border change?
#
#    *Answer.* Not in principle. The probability of class 1 is the sigmoid of the difference of the two scores, so both
#    networks can draw the same borders. In practice they start from different weights and end with slightly different
#    borders: two such networks agreed on 90 % of the new points, with the same accuracy.
