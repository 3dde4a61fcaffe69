# %% [markdown]
# # Chapter 37. Diffusion
#
# What you will understand:
#
# - noise is added to data step by step until nothing else is left, and any number of steps can be combined into one;
# - a network learns to predict the noise in a noisy sample, with the mean squared error as its loss;
# - the best prediction is known: it is the gradient of the logarithm of the density of noisy samples, times a factor;
# - with these predictions, pure noise is turned into new samples step by step.

# %%
from itertools import pairwise

import chapter
import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg

run = chapter.options("Chapter 37. Diffusion")
STEPS_SPIRAL, STEPS_DIGITS = (300, 400) if run.fast else (6_000, 4_000)
SAMPLES = 200 if run.fast else 1_000

# %% [markdown]
# ## By hand: adding noise
#
# One step shrinks x a little and adds a little noise of variance βₜ. With αₜ = 1 − βₜ and independent εₜ from N(0, 1),
#
#     xₜ = √αₜ·xₜ₋₁ + √βₜ·εₜ.
#
# If xₜ₋₁ = √ᾱₜ₋₁·x₀ + √(1 − ᾱₜ₋₁)·ε, then xₜ has the mean √(αₜ·ᾱₜ₋₁)·x₀, and its variance is the sum
# αₜ·(1 − ᾱₜ₋₁) + βₜ = 1 − αₜ·ᾱₜ₋₁, since variances of independent numbers add up. So with ᾱₜ = α₁·α₂·…·αₜ,
#
#     xₜ = √ᾱₜ·x₀ + √(1 − ᾱₜ)·ε
#
# in a single step. Here are 100 steps with βₜ from 0.001 to 0.2. At the end, 1/49,000 of the variance is left of x₀.

# %%
T = 100
beta = np.concatenate([[0], np.linspace(0.001, 0.2, T)])  # beta[t] for t from 1 to T
alpha = 1 - beta
alpha_bar = np.cumprod(alpha)

scale, variance = 1.0, 0.0
for t in range(1, T + 1):
    scale, variance = np.sqrt(alpha[t]) * scale, alpha[t] * variance + beta[t]
chapter.same("the factor after 100 steps", scale, np.sqrt(alpha_bar[T]))
chapter.same("the variance after 100 steps", variance, 1 - alpha_bar[T])
print(f"  1/{1 / alpha_bar[T]:,.0f} of the variance is left")
chapter.claim("about 1/49,000 of the variance is left of x₀", 48_500 < 1 / alpha_bar[T] < 49_500)

# %% [markdown]
# ## By hand: the loss and its gradient
#
# A network receives xₜ and t and predicts ε. The loss is the mean squared error for random x₀, t and ε. With one hidden
# layer, h = tanh(u·W) for u = [xₜ, t/T], and ε̂ = h·V, for B samples of n numbers:
#
#     L = 1/(B·n)·Σ (ε̂ − ε)²,   ∂ε̂ = 2(ε̂ − ε)/(B·n),
#     ∂V = hᵀ·∂ε̂,   ∂W = uᵀ·(∂ε̂·Vᵀ·(1 − h²)).
#
# No gradient passes through xₜ: it is the network's input.

# %%
rng = np.random.default_rng(run.seed)
B, n = 6, 2
x0, epsilon, t = rng.normal(size=(B, n)), rng.normal(size=(B, n)), rng.integers(1, T + 1, B)
W, V = rng.normal(size=(n + 1, 5)), rng.normal(size=(5, n))

x_t = np.sqrt(alpha_bar[t])[:, None] * x0 + np.sqrt(1 - alpha_bar[t])[:, None] * epsilon
u = np.concatenate([x_t, t[:, None] / T], axis=1)
h = np.tanh(u @ W)
difference = h @ V - epsilon
d_prediction = 2 * difference / (B * n)
d_V = h.T @ d_prediction
d_W = u.T @ (d_prediction @ V.T * (1 - h**2))

leaves = [tg.tensor(each, requires_grad=True) for each in (W, V)]
loss = nn.MeanSquaredError()(tg.tanh(u @ leaves[0]) @ leaves[1], epsilon)
loss.backward()
chapter.same("the loss", np.mean(difference**2), loss)
chapter.same("the gradient with respect to W", d_W, leaves[0].grad)
chapter.same("the gradient with respect to V", d_V, leaves[1].grad)

# %% [markdown]
# ## By hand: the best prediction
#
# The mean squared error is smallest for the expected value of ε, given xₜ. If the data are N points xᵢ, all equally
# likely, the density of xₜ is a mixture of N normal distributions, and point i is its origin with the probability wᵢ:
#
#     q(xₜ) = 1/N·Σᵢ N(xₜ; √ᾱₜ·xᵢ, 1 − ᾱₜ),   wᵢ ∝ exp(−|xₜ − √ᾱₜ·xᵢ|²/(2(1 − ᾱₜ))),
#     E[ε | xₜ] = Σᵢ wᵢ·(xₜ − √ᾱₜ·xᵢ)/√(1 − ᾱₜ).
#
# Differentiating log q gives ∇log q(xₜ) = −Σᵢ wᵢ·(xₜ − √ᾱₜ·xᵢ)/(1 − ᾱₜ), so
#
#     E[ε | xₜ] = −√(1 − ᾱₜ)·∇log q(xₜ).
#
# Subtracting the predicted noise thus moves a sample to where noisy samples are more likely.


# %%
def best_prediction(x_t, t, points):
    """Return E[ε | xₜ] for data that are these points."""
    rest = x_t[:, None] - np.sqrt(alpha_bar[t]) * points
    exponent = -np.sum(rest**2, axis=-1) / (2 * (1 - alpha_bar[t]))
    w = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    w /= w.sum(axis=1, keepdims=True)
    return np.einsum("bi,bin->bn", w, rest) / np.sqrt(1 - alpha_bar[t])


points, noisy = rng.normal(size=(30, 2)), tg.tensor(rng.normal(size=(8, 2)), requires_grad=True)
for t in (5, 50):
    squares = tg.sum((tg.expand_dims(noisy, 1) - np.sqrt(alpha_bar[t]) * points) ** 2, axis=-1)
    log_q = tg.logsumexp(-squares / (2 * (1 - alpha_bar[t])), axis=1)  # up to a constant
    score = tg.gradient(tg.sum(log_q), noisy)
    chapter.same(
        f"the best prediction at t = {t}", best_prediction(noisy.data, t, points), -np.sqrt(1 - alpha_bar[t]) * score
    )

# %% [markdown]
# ## By hand: one step back
#
# If x₀ were known, xₜ₋₁ would have a density proportional to N(xₜ; √αₜ·xₜ₋₁, βₜ)·N(xₜ₋₁; √ᾱₜ₋₁·x₀, 1 − ᾱₜ₋₁). In a
# product of normal densities, the reciprocals of the variances add up, and the mean is weighted with them:
#
#     1/σₜ² = αₜ/βₜ + 1/(1 − ᾱₜ₋₁),   μₜ = σₜ²·(√αₜ·xₜ/βₜ + √ᾱₜ₋₁·x₀/(1 − ᾱₜ₋₁)).
#
# With x₀ = (xₜ − √(1 − ᾱₜ)·ε)/√ᾱₜ and αₜ·(1 − ᾱₜ₋₁) + βₜ = 1 − ᾱₜ from above, this becomes
#
#     σₜ² = βₜ·(1 − ᾱₜ₋₁)/(1 − ᾱₜ),   μₜ = (xₜ − βₜ/√(1 − ᾱₜ)·ε)/√αₜ.
#
# The network's prediction takes the place of ε. Then xₜ₋₁ = μₜ + σₜ·z, with new noise z.

# %%
t = np.arange(2, T + 1)[:, None]
x0, epsilon = rng.normal(size=(2, T - 1, 3))
x_t = np.sqrt(alpha_bar[t]) * x0 + np.sqrt(1 - alpha_bar[t]) * epsilon
variance = 1 / (alpha[t] / beta[t] + 1 / (1 - alpha_bar[t - 1]))
weighted = np.sqrt(alpha[t]) * x_t / beta[t] + np.sqrt(alpha_bar[t - 1]) * x0 / (1 - alpha_bar[t - 1])
chapter.same("the variance of a step back", variance, beta[t] * (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t]))
chapter.same("its mean", variance * weighted, (x_t - beta[t] / np.sqrt(1 - alpha_bar[t]) * epsilon) / np.sqrt(alpha[t]))

# %% [markdown]
# ## On the engine: a spiral
#
# The data are points in the plane on a spiral of two turns. The network is dense and receives t as sines and cosines of
# several frequencies, like the sinusoidal positions of a Transformer.


# %%
class Denoiser(nn.Module):
    """Network that predicts the noise in x at step t.

    Args:
        features: the numbers of a sample.
        units: the width of the three hidden layers.
        rng: the random generator of the weights.
    """

    def __init__(self, features, units, rng):
        sizes = [features + 16, units, units, units]
        hidden = [layer for a, b in pairwise(sizes) for layer in (nn.Dense(a, b, rng=rng), nn.SiLU())]
        self.network = nn.Sequential(*hidden, nn.Dense(units, features, rng=rng))

    def forward(self, x, t):
        """Return the predicted noise for samples `(batch, features)` and steps `(batch,)`."""
        angles = np.asarray(t)[:, None] / T * 2.0 ** np.arange(8)
        times = np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)
        return self.network(tg.concatenate([x, times], axis=1))


def trained(X, units, steps, *, batch_size, learning_rate):
    """Return a network trained on samples X, and its loss, averaged over hundredths of the training."""
    draws = np.random.default_rng(run.seed)
    network = Denoiser(X.shape[1], units, draws)
    optimizer = nn.Adam(network.parameters(), learning_rate=nn.CosineDecay(learning_rate, steps=steps))
    losses = []
    for _ in range(steps):
        x0 = X[draws.integers(0, len(X), batch_size)]
        t = draws.integers(1, T + 1, batch_size)
        epsilon = draws.normal(size=x0.shape).astype(np.float32)
        kept = alpha_bar[t, None].astype(np.float32)
        loss = nn.MeanSquaredError()(network(np.sqrt(kept) * x0 + np.sqrt(1 - kept) * epsilon, t), epsilon)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return network, np.mean(np.reshape(losses, (100, -1)), axis=1)


def sampled(predict, shape, *, noise=1.0):
    """Return samples at steps T, T − 1, …, 0, `(T + 1, samples, features)`.

    Args:
        predict: a function of x and t, one integer, that returns the noise in x.
        shape: the number of samples and of features.
        noise: a factor of the noise that is added in each step.
    """
    draws = np.random.default_rng(run.seed + 1)
    x = draws.normal(size=shape)
    states = [x]
    for t in range(T, 0, -1):
        deviation = np.sqrt(beta[t] * (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t]))
        mean = (x - beta[t] / np.sqrt(1 - alpha_bar[t]) * predict(x, t)) / np.sqrt(alpha[t])
        x = mean + noise * deviation * draws.normal(size=shape)
        states.append(x)
    return np.stack(states)


def predicting(network):
    """Return a network as a function of x and one step t."""

    def predict(x, t):
        with tg.no_grad():
            return network(x.astype(np.float32), np.full(len(x), t)).data

    return predict


def spiral(u):
    """Return points of the spiral for u from 0 (centre) to 1. Uniform u are uniform along the spiral."""
    angle = 4 * np.pi * np.sqrt(u)
    return 1.5 * np.sqrt(u)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def distance(points, others):
    """Return the mean distance from points to the nearest of others."""
    return np.sqrt(((points[:, None] - others) ** 2).sum(axis=-1)).min(axis=1).mean()


X = (spiral(rng.random(4_000)) + 0.02 * rng.normal(size=(4_000, 2))).astype(np.float32)
curve = spiral(np.linspace(0, 1, 1_000))
spiral_network, spiral_losses = trained(X, 128, STEPS_SPIRAL, batch_size=512, learning_rate=0.01)
states = sampled(predicting(spiral_network), (SAMPLES, 2))
from_samples, from_curve = distance(states[-1], curve), distance(curve, states[-1])
noise_to_curve = distance(states[0], curve)
to_data = distance(X[:SAMPLES], curve), distance(curve, X[:SAMPLES])
print(f"  loss {spiral_losses[0]:.3f} → {spiral_losses[-1]:.3f}")
print(f"  to the spiral: from samples {from_samples:.3f}, noise {noise_to_curve:.3f}, data {to_data[0]:.3f}")
print(
    f"  from the spiral: to the nearest sample {from_curve:.3f}, to the nearest of as many data points {to_data[1]:.3f}"
)

# %% [markdown]
# A sample is at most 0.09 from the spiral on average, pure noise more than 0.3, and the turns are 0.75 apart. No part
# of the spiral is left out: from any point of it, the nearest of 1,000 samples is at most 0.04 away on average.

# %%
chapter.claim("the loss falls", spiral_losses[-1] < spiral_losses[0])
if run.fast:
    chapter.claim("a short run gets closer than noise", from_samples < noise_to_curve - 0.05)
else:
    chapter.claim("from a sample to the spiral: at most 0.09", from_samples <= 0.09)
    chapter.claim("from pure noise: more than 0.3", noise_to_curve > 0.3)
    chapter.claim("from a point of the spiral to the nearest sample: at most 0.04", from_curve <= 0.04)

# %% [markdown]
# ## Images
#
# For images, only the number of features changes. The data are the training part of scikit-learn's handwritten digits,
# 8×8 pixels from −1 to 1. To measure the samples, a small classifier learns the same digits and then assigns a class to
# each sample.

# %%
digits, labels, test_digits, test_labels = nn.datasets.digits(rng=0)
digits, test_digits = 2 * digits - 1, 2 * test_digits - 1
digit_network, digit_losses = trained(digits, 256, STEPS_DIGITS, batch_size=128, learning_rate=0.002)
digit_states = sampled(predicting(digit_network), (SAMPLES, 64))
made = digit_states[-1]

draws = np.random.default_rng(run.seed)
classifier = nn.Sequential(nn.Dense(64, 64, rng=draws), nn.ReLU(), nn.Dense(64, 10, rng=draws))
judge = nn.Model(
    classifier,
    loss=nn.SoftmaxCrossEntropy(),
    optimizer=nn.Adam(classifier.parameters(), learning_rate=0.005),
    metrics=[nn.CategoricalAccuracy()],
    rng=run.seed,
)
judge.fit(digits, labels, epochs=20, batch_size=64, verbose=0)
accuracy = judge.evaluate(test_digits, test_labels)["accuracy"]
probabilities = judge.predict_proba(made.astype(np.float32))
fractions = np.bincount(probabilities.argmax(axis=1), minlength=10) / SAMPLES
certain = np.mean(probabilities.max(axis=1) > 0.9)
certain_of_tests = np.mean(judge.predict_proba(test_digits).max(axis=1) > 0.9)
print(f"  loss {digit_losses[0]:.3f} → {digit_losses[-1]:.3f}; test accuracy of the classifier {accuracy:.3f}")
print("  samples in each class: " + ", ".join(f"{digit}: {part:.1%}" for digit, part in enumerate(fractions)))
print(f"  probability above 0.9: {certain:.1%} of the samples, {certain_of_tests:.1%} of the test digits")

# %% [markdown]
# All ten digits occur, each in at least 2 % of the samples. The classifier assigns a probability above 0.9 to at least
# 35 % of the samples, and to more than 90 % of real digits. Some samples lie between two digits: a dense network of
# this size comes little closer, even with longer training. Large diffusion models use convolution and attention.

# %%
chapter.claim("the classifier is right for at least 93 % of the test digits", accuracy >= 0.93)
if run.fast:
    chapter.claim("a short run makes at least eight digits", np.sum(fractions > 0) >= 8)
else:
    chapter.claim("each class has at least 2 % of the samples", fractions.min() >= 0.02)
    chapter.claim("at least 35 % of them are classified with a probability above 0.9", certain >= 0.35)
    chapter.claim("and more than 90 % of the test digits", certain_of_tests > 0.9)

# %% [markdown]
# ## The picture: from noise to a sample
#
# The samples at six steps from t = 100 to 0. For most of the steps, little can be seen. The overall shape comes first
# and the details come last. The film therefore shows every tenth step at first, and then each of the last twenty.


# %%
def tiled(rows, side):
    """Return side×side images of 8×8 pixels as one image."""
    images = np.pad(rows[: side * side].reshape(side, side, 8, 8), ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=-1)
    return images.swapaxes(1, 2).reshape(9 * side, 9 * side)


def draw(points_axes, digits_axes, t):
    """Draw the samples at step t."""
    points_axes.plot(*curve.T, color=chapter.GREY, linewidth=1)
    points_axes.scatter(*states[T - t].T, s=3, color=chapter.BLUE, linewidth=0)
    points_axes.set(xlim=(-2.4, 2.4), ylim=(-2.4, 2.4), xticks=[], yticks=[], aspect="equal")
    digits_axes.imshow(tiled(digit_states[T - t], 6), cmap="gray_r", vmin=-1, vmax=1)
    digits_axes.set(xticks=[], yticks=[])
    points_axes.set_title(f"t = {t}", loc="left", fontsize=11)


figure = Figure(figsize=(13, 4.5), layout="constrained")
panels = figure.subplots(2, 6)
for column, t in enumerate((100, 40, 20, 10, 5, 0)):
    draw(*panels[:, column], t)
chapter.save(figure, run.out / "37_diffusion.png")


def frames():
    """Yield the figures of the film."""
    film = Figure(figsize=(7.2, 3.7), layout="constrained")
    for t in film_steps:
        film.clear()
        draw(*film.subplots(1, 2), t)
        yield film


film_steps = (100, 20, 5, 0) if run.fast else (*range(T, 20, -10), *range(20, -1, -1))
nn.plots.Animation(frames(), seconds=0.15, title="Denoising").save(run.out / "37_diffusion.gif")
print(f"  picture: {run.out / '37_diffusion.gif'}")

# %% [markdown]
# ## Three things to try
#
# 1. Use the best prediction, by hand, for the digits in place of the network. What does it produce?
#
#    *Answer.* The training digits, pixel for pixel. The best answer to the training loss is to remember the data. A
#    sample is new only because the network is too small, and its training too short, to find this answer.
# 2. Leave out the noise z of the steps back. What happens to the spiral?
#
#    *Answer.* Each step leads to the mean of the possible points, and the samples gather in parts of the spiral. Points
#    of it are at least twice as far from the nearest sample.
# 3. A hundred evaluations of the network for each sample are a lot. Estimate x₀ from the prediction, and jump from t to
#    an earlier s along the same line: xₛ = √ᾱₛ·x₀ + √(1 − ᾱₛ)·ε (Song and others, *Denoising diffusion implicit
#    models*, 2021). How many steps suffice?
#
#    *Answer.* With twenty, a sample is farther from the spiral by at most 0.05 than with a hundred random steps.

# %%
remembered = sampled(lambda x, t: best_prediction(x, t, digits), (20, 64))[-1]
for name, rows in (("best prediction", remembered), ("network", made[:200]), ("test digits", test_digits[:200])):
    print(f"  1: {name}: {distance(rows, digits):.3f} to the nearest training digit")
chapter.claim("1: the best prediction gives training digits", distance(remembered, digits) < 1e-6)
chapter.claim("1: those of the network are new", distance(made[:200], digits) > 1)

silent = sampled(predicting(spiral_network), (SAMPLES, 2), noise=0.0)[-1]
print(
    f"  2: without noise, {distance(curve, silent):.3f} from the spiral to a sample, {distance(silent, curve):.3f} back"
)
chapter.claim(
    "2: points of the spiral are at least twice as far from a sample", distance(curve, silent) > 2 * from_curve
)

x = states[0]
jumps = np.linspace(T, 0, 21).round().astype(int)
for t, s in pairwise(jumps):
    predicted = predicting(spiral_network)(x, t)
    origin = (x - np.sqrt(1 - alpha_bar[t]) * predicted) / np.sqrt(alpha_bar[t])
    x = np.sqrt(alpha_bar[s]) * origin + np.sqrt(1 - alpha_bar[s]) * predicted
print(f"  3: twenty steps: {distance(x, curve):.3f} from a sample to the spiral, {distance(curve, x):.3f} back")
chapter.claim("3: a sample is farther by at most 0.05", distance(x, curve) < from_samples + 0.05)
