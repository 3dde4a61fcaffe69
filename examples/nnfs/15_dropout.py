# %% [markdown]
# # Chapter 15. Dropout
#
# What you will understand:
#
# - dropout sets a random fraction of the outputs to 0 in every training step, so that no neuron relies on another;
# - the others are divided by 1 − rate, so that the mean stays the same; in evaluation nothing is dropped;
# - the backward pass multiplies the gradient by the same mask as the forward pass.

# %%
import by_hand
import chapter
import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg

run = chapter.options("Chapter 15. Dropout")
EPOCHS = 300 if run.fast else 6_000

# %% [markdown]
# ## By hand: a mask
#
# The rate is the fraction that is *dropped*, as in the book.

# %%
outputs = np.linspace(-2, 3, 10_000).reshape(100, 100)
hand = by_hand.Dropout(0.3, np.random.default_rng(0))
dropped = hand.forward(outputs)
print(f"  {np.mean(dropped == 0):.1%} are 0; the mean is {dropped.mean():.3f}, and was {outputs.mean():.3f}")

# %% [markdown]
# ## On the engine
#
# Masks are random, so the comparison uses properties of every mask: each output is 0 or its input / 0.7, and the
# gradient is 0 or 1 / 0.7 in the same places.

# %%
layer = nn.Dropout(0.3, rng=0)
leaf = tg.tensor(outputs, requires_grad=True)
result = layer(leaf)
result.sum().backward()
mask = result.data / outputs
assert np.all((np.abs(mask) < 1e-12) | (np.abs(mask - 1 / 0.7) < 1e-12))
chapter.same("the gradient passes through the same mask", mask, leaf.grad)
chapter.same("by hand as well", hand.mask, hand.backward(np.ones((100, 100), np.float64)))
assert abs(np.mean(mask == 0) - 0.3) < 0.02

layer.eval()
chapter.same("in evaluation nothing is dropped", outputs, layer(outputs))

# %% [markdown]
# ## The gap between training and new points, for several rates
#
# `fit` trains with dropout and validates without.

# %%
histories = {}
for rate in (0.0, 0.1, 0.3):
    rng = np.random.RandomState(0)
    X, y = nn.datasets.spiral(100, 3, rng=rng)
    layers = nn.Sequential(
        nn.Dense(2, 64, weight_l2=5e-4, bias_l2=5e-4, weight_init=nn.init.normal(0.01), rng=rng),
        nn.ReLU(),
        nn.Dropout(rate, rng=1),
        nn.Dense(64, 3, weight_init=nn.init.normal(0.01), rng=rng),
    )
    test = nn.datasets.spiral(100, 3, rng=rng)
    optimizer = nn.Adam(layers.parameters(), learning_rate=0.05, decay=5e-5)
    model = nn.Model(layers, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, metrics=[nn.CategoricalAccuracy()])
    histories[rate] = model.fit(X, y, epochs=EPOCHS, validation_data=test, verbose=0)
    seen, new = model.evaluate(X, y), model.evaluate(*test)
    gap = new["loss"] - seen["loss"]
    print(f"  rate {rate}: loss {seen['loss']:.3f}, on new points {new['loss']:.3f}: the gap is {gap:.3f}")

# %% [markdown]
# ## The picture
#
# At a rate of 0.3, the training loss is *above* the validation loss, because it is measured with dropout. The gap
# between training points and new points becomes smaller. Since 64 neurons are few, both losses also become larger.

# %%
figure = Figure(figsize=(10.5, 3.4), layout="constrained")
panels = figure.subplots(1, 3, sharey=True)
for axes, (rate, history) in zip(panels, histories.items()):
    epochs = np.arange(1, EPOCHS + 1)
    axes.plot(epochs, history["data_loss"], color="#0072b2", linewidth=0.8, label="training, with dropout")
    axes.plot(epochs, history["val_loss"], "--", color="#d55e00", label="new points, without")
    axes.set(title=f"rate {rate}", xlabel="epoch", ylim=(0, 1.4))
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("loss")
panels[1].legend(frameon=False, loc="upper right")
chapter.save(figure, run.out / "15_dropout.png")

# %% [markdown]
# ## Three things to try
#
# 1. Use a rate of 0.9 with 64 neurons, and with 512. Which network can still learn?
#
#    *Answer.* Neither, with these settings: after 3,000 epochs, both losses were log 3 = 1.099, the same as for
#    guessing. Of 64 neurons, six remain in each step, and of 512 about 51, drawn anew each time. Their gradients have
#    no consistent direction, so the L2 penalty pulls all weights to 0.
# 2. Apply dropout to the inputs instead. Why is that worse for two features than for 784 pixels?
#
#    *Answer.* After 3,000 epochs, the accuracy on new points was 0.42, against 0.85 without dropout. With a rate of
#    0.3, every second point loses at least one of its two features, and the other does not determine the class.
#    Neighbouring pixels are nearly the same, so an image can be recognised with a third of its 784 pixels missing.
# 3. Forget `layer.eval()`: predict the same point ten times in training mode. What does the spread show?
#
#    *Answer.* How much the answer depends on which neurons are missing. Well inside a class the spread is small, and
#    near a border it is large. As an estimate of uncertainty, this is called Monte Carlo dropout.
