# %% [markdown]
# # Chapter 35. Autoencoder and variational autoencoder
#
# What you will understand:
#
# - an autoencoder compresses each image into a few numbers, its code, and reconstructs the image from them;
# - a variational autoencoder makes each code a small normal distribution and keeps all codes near a standard normal
#   distribution, so that a random code can be decoded into an image;
# - the loss is a bound on the likelihood of the images: an error of reconstruction plus a divergence;
# - a random code z = μ + σ·ε passes the gradient on to μ and σ, because the randomness ε does not depend on them.

# %%
from statistics import NormalDist

import chapter
import clothes
import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg

run = chapter.options("Chapter 35. Autoencoder and variational autoencoder")
EPOCHS = 2 if run.fast else 10
SAMPLES = 1_500 if run.fast else None

# %% [markdown]
# ## By hand: a gradient through a random number
#
# We need the gradient of an expected value, E[f(z)] for z from a normal distribution N(μ, σ²), with respect to μ. There
# are two ways to estimate it from random numbers. The first differentiates the density q:
#
#     ∂/∂μ ∫ f·q dz = ∫ f·(∂ log q/∂μ)·q dz = E[f(z)·(z − μ)/σ²].
#
# The second separates the randomness from the parameters. With z = μ + σ·ε and ε from N(0, 1), the density of ε
# contains neither μ nor σ, and differentiation and expectation change places:
#
#     ∂/∂μ E[f(μ + σε)] = E[f′(z)],  ∂/∂σ E[f(μ + σε)] = E[f′(z)·ε].
#
# This is the *reparameterisation*. For f(z) = z² and μ = σ = 1, the gradient with respect to μ is 2μ = 2 exactly. Both
# estimates have this mean, but their variances are 30 and 4.

# %%
rng = np.random.default_rng(run.seed)
epsilon = rng.normal(size=200_000)
z = 1 + epsilon
by_density, by_reparameterisation = z**2 * epsilon, 2 * z
for name, estimates in (("from the density", by_density), ("reparameterised", by_reparameterisation)):
    print(f"  {name}: mean {estimates.mean():.3f}, variance {estimates.var():.2f}")
chapter.claim(
    "both means are 2, to within 0.1", max(abs(by_density.mean() - 2), abs(by_reparameterisation.mean() - 2)) < 0.1
)
chapter.claim("the first variance is 30, to within 3", abs(by_density.var() - 30) < 3)
chapter.claim("the second is 4, to within 0.1", abs(by_reparameterisation.var() - 4) < 0.1)

mean, deviation = tg.tensor(1.0, requires_grad=True), tg.tensor(1.0, requires_grad=True)
tg.mean((mean + deviation * epsilon) ** 2).backward()
chapter.same("the gradient with respect to μ", by_reparameterisation.mean(), mean.grad)
chapter.same("the gradient with respect to σ", (2 * z * epsilon).mean(), deviation.grad)

# %% [markdown]
# ## By hand: the loss
#
# A decoder turns a code z into the probabilities of an image x. Codes have the prior density p(z) = N(0, 1). The
# likelihood of an image is then the average over all codes, which is infeasible to compute: almost no code leads to
# this image. The encoder proposes a density q(z) of codes that may have been its origin. By Jensen's inequality,
# log E ≥ E log,
#
#     log p(x) = log ∫ p(x|z)·p(z) dz = log E_q[p(x|z)·p(z)/q(z)] ≥ E_q[log p(x|z)] − E_q[log(q(z)/p(z))].
#
# The right side is the evidence lower bound, ELBO. Its first term measures how well the image is reconstructed; the
# second is the Kullback–Leibler divergence of q from the prior. For q = N(μ, σ²),
# log(q/p) = (z² − (z − μ)²/σ²)/2 − log σ, with the expected values E z² = μ² + σ² and E(z − μ)² = σ²:
#
#     KL = (μ² + σ² − 1 − log σ²)/2.


# %%
def divergence(mean, log_variance):
    """Return the Kullback–Leibler divergence of N(mean, variance) from N(0, 1), number by number."""
    return (mean**2 + np.exp(log_variance) - 1 - log_variance) / 2


grid = np.linspace(-12, 12, 20_001)
q = np.exp(-((grid - 0.7) ** 2) / (2 * 0.5**2)) / (0.5 * np.sqrt(2 * np.pi))
p = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
integral = np.trapezoid(q * np.log(q / p, where=q > 0, out=np.zeros_like(q)), grid)
chapter.same("the divergence, as an integral", integral, divergence(0.7, 2 * np.log(0.5)))

# %% [markdown]
# ## By hand: its backward pass
#
# The encoder gives μ and s = log σ², which may have any sign. The decoder gives a number a for each pixel, whose
# logistic function, sigmoid(a), is the probability of ink; log p(x|z) = x·a − log(1 + eᵃ). For B images, the loss is
#
#     L = 1/B·Σ [log(1 + eᵃ) − x·a] + 1/B·Σ (μ² + eˢ − 1 − s)/2,   z = μ + e^(s/2)·ε.
#
# Backwards, with ∂ for the gradient of L and a decoder a = z·W:
#
#     ∂a = (sigmoid(a) − x)/B,  ∂W = zᵀ·∂a,  ∂z = ∂a·Wᵀ,
#     ∂μ = ∂z + μ/B,      ∂s = ∂z·ε·e^(s/2)/2 + (eˢ − 1)/(2B).
#
# The gradient of ε is not needed. An encoder [μ, s] = x·V has ∂V = xᵀ·[∂μ, ∂s].

# %%
B = 5
x, epsilon = rng.random((B, 6)), rng.normal(size=(B, 2))
V, W = rng.normal(size=(6, 4)), rng.normal(size=(2, 6))

mean, log_variance = np.split(x @ V, 2, axis=1)
z = mean + np.exp(log_variance / 2) * epsilon
a = z @ W
loss_by_hand = (np.sum(np.log1p(np.exp(a)) - x * a) + divergence(mean, log_variance).sum()) / B

d_a = (1 / (1 + np.exp(-a)) - x) / B
d_W, d_z = z.T @ d_a, d_a @ W.T
d_mean = d_z + mean / B
d_log_variance = d_z * epsilon * np.exp(log_variance / 2) / 2 + (np.exp(log_variance) - 1) / (2 * B)
d_V = x.T @ np.concatenate([d_mean, d_log_variance], axis=1)

# %% [markdown]
# ## On the engine
#
# The network returns the two terms of the loss. Without the noise and the divergence, it is a plain autoencoder.


# %%
class Autoencoder(nn.Module):
    """Encoder and decoder of images, as functions from rows to rows.

    Args:
        encoder: a network from images `(batch, pixels)` to μ and log σ² side by side, `(batch, 2·numbers)`.
        decoder: a network from codes `(batch, numbers)` to the logits of pixels.
    """

    def __init__(self, encoder, decoder):
        self.encoder, self.decoder = encoder, decoder

    def encode(self, x):
        """Return μ and log σ², `(batch, numbers)` each."""
        return tg.split(self.encoder(x), 2, axis=1)

    def forward(self, x, noise):
        """Return the error of reconstruction and the divergence, per image."""
        mean, log_variance = self.encode(x)
        logits = self.decoder(mean + tg.exp(log_variance / 2) * noise)
        error = nn.SigmoidBinaryCrossEntropy()(logits, x) * x.shape[1]
        return error, tg.sum(mean**2 + tg.exp(log_variance) - 1 - log_variance) / (2 * len(x))


def linear(weights):
    """Return a dense layer without bias that has these weights."""
    layer = nn.Dense(*weights.shape, bias=False, dtype=np.float64)
    layer.weight.data = weights
    return layer


tiny = Autoencoder(linear(V), linear(W))
error, kl = tiny(x, epsilon)
(error + kl).backward()
chapter.same("the loss", loss_by_hand, error + kl)
chapter.same("the gradient with respect to the encoder's weights", d_V, tiny.encoder.weight.grad)
chapter.same("the gradient with respect to the decoder's weights", d_W, tiny.decoder.weight.grad)

# %% [markdown]
# ## Training
#
# Codes of two numbers can be drawn as points, and the images of the decoder as a map. Dense networks with 256 and 64
# hidden units learn them.

# %%
data = clothes.load(samples=SAMPLES)
images, test_images = (each.reshape(len(each), -1) for each in (data.X, data.X_test))
few = data.name != "Fashion-MNIST"
epochs = EPOCHS * (5 if few else 1)


def trained(numbers, *, variational=True):
    """Return an autoencoder with codes of this many numbers, and its loss after each epoch."""
    draws = np.random.default_rng(run.seed)
    encoder = [nn.Dense(784, 256, rng=draws), nn.ReLU(), nn.Dense(256, 64, rng=draws), nn.ReLU()]
    decoder = [nn.Dense(numbers, 64, rng=draws), nn.ReLU(), nn.Dense(64, 256, rng=draws), nn.ReLU()]
    network = Autoencoder(
        nn.Sequential(*encoder, nn.Dense(64, 2 * numbers, rng=draws)),
        nn.Sequential(*decoder, nn.Dense(256, 784, rng=draws)),
    )
    steps = len(images) // 100
    optimizer = nn.Adam(network.parameters(), learning_rate=nn.CosineDecay(0.002, steps=epochs * steps))
    history = []
    for _ in range(epochs):
        order, total = draws.permutation(len(images)), 0.0
        for step in range(steps):
            batch = images[order[100 * step : 100 * (step + 1)]]
            noise = draws.normal(size=(100, numbers)).astype(np.float32)
            error, kl = network(batch, noise if variational else 0 * noise)
            loss = error + kl if variational else error
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / steps
        history.append(total)
    return network, history


def measured(network, numbers, *, noise=True):
    """Return the error of reconstruction and the divergence on the test images."""
    epsilon = np.random.default_rng(1).normal(size=(len(test_images), numbers)).astype(np.float32)
    with tg.no_grad():
        return tuple(each.item() for each in network(test_images, epsilon if noise else 0 * epsilon))


plain, plain_history = trained(2, variational=False)
vae, history = trained(2)
plain_error, _ = measured(plain, 2, noise=False)
error, kl = measured(vae, 2)
print(f"  autoencoder: {plain_error:.1f} nats per test image")
print(
    f"  variational: {error + kl:.1f} = {error:.1f} + {kl:.1f}; training " + " ".join(f"{each:.0f}" for each in history)
)

# %% [markdown]
# A guess of ½ for each pixel costs 784·log 2 = 543 nats. On the test images of Fashion-MNIST, the negative ELBO falls
# to at most 266. About 6 of them are the divergence: this is how much information the code has about its image. The
# plain autoencoder has no such cost, and its error of reconstruction is lower.

# %%
chapter.claim("a guess of ½ costs 543 nats", round(784 * np.log(2)) == 543)
chapter.claim("the loss falls", history[-1] < history[0])
chapter.claim("the plain autoencoder reconstructs with a lower error than the negative ELBO", plain_error < error + kl)
if not run.fast and not few:
    chapter.claim("the negative ELBO is at most 266 nats", error + kl <= 266)
    chapter.claim("of these, 5 to 8 are the divergence", 5 < kl < 8)

# %% [markdown]
# ## The picture: a map of clothes
#
# Left and middle, the codes of the test images with a colour for each class. The plain autoencoder may put them
# anywhere, and leaves holes in which its decoder has not been trained. The variational one fills a disc, as the prior
# demands: over all images, its codes have a variance between 0.6 and 1.7. The plane can therefore be drawn as images,
# on the right. Each image is decoded from one code, and the codes are quantiles of the normal distribution in both
# directions. Neighbours look alike, and between two classes, one turns gradually into the other.

# %%
with tg.no_grad():
    plain_codes = plain.encode(test_images)[0].data
    mean, log_variance = (each.data for each in vae.encode(test_images))
codes = mean + np.exp(log_variance / 2) * rng.normal(size=mean.shape)
print(
    f"  variances of the codes: plain {plain_codes.var(axis=0).mean():.1f}, variational {codes.var(axis=0).mean():.2f}"
)
chapter.claim("that of the plain codes is at least twice as large", plain_codes.var() > 2 * codes.var())
if not run.fast and not few:
    chapter.claim("that of the variational codes is from 0.6 to 1.7", 0.6 < codes.var(axis=0).mean() < 1.7)

SIDE = 16
quantiles = np.array([NormalDist().inv_cdf((i + 0.5) / SIDE) for i in range(SIDE)], np.float32)
across, up = np.meshgrid(quantiles, quantiles[::-1])
with tg.no_grad():
    drawn = tg.sigmoid(vae.decoder(np.stack([across, up], axis=-1).reshape(-1, 2))).data
canvas = drawn.reshape(SIDE, SIDE, 28, 28).swapaxes(1, 2).reshape(28 * SIDE, 28 * SIDE)

figure = Figure(figsize=(13.5, 4.9), layout="constrained")
left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 1.05])
for axes, points, title in ((left, plain_codes, "codes, plain"), (middle, mean, "codes, variational: μ")):
    for label, name in enumerate(data.classes):
        chosen = points[data.y_test == label][:400]
        axes.scatter(*chosen.T, s=5, color=f"C{label}", alpha=0.6, linewidth=0, label=name)
    axes.set_aspect("equal", "datalim")
    chapter.plain(axes, title, "first number", "second number")
figure.legend(
    *middle.get_legend_handles_labels(), loc="outside lower left", ncols=10, markerscale=3, frameon=False, fontsize=9
)
right.imshow(canvas, cmap="gray_r", vmin=0, vmax=1)
right.set(xticks=[], yticks=[])
right.set_title("images decoded from the plane", loc="left", fontsize=11)
chapter.save(figure, run.out / "35_variational_autoencoder.png")

# %% [markdown]
# ## Three things to try
#
# 1. Reconstruct the test images from the mean of their codes, with ε = 0. Is the error higher or lower?
#
#    *Answer.* Lower: the mean is the most probable code according to the encoder. The noise is the price of a smooth
#    map.
# 2. The bound uses one code for each image. Average the weights w = p(x|z)·p(z)/q(z) over 50 codes before taking the
#    logarithm (Burda and others, *Importance weighted autoencoders*, 2016). What changes?
#
#    *Answer.* By Jensen's inequality for an average, the expected logarithm of the mean of 50 weights lies between the
#    ELBO and log p(x). The bound rises without any training, here by 0.2 to 2 nats.
# 3. Use codes of 16 numbers. What improves, and what is lost?
#
#    *Answer.* The negative ELBO falls by more than 15 nats, and edges are sharper. The map is lost: codes of 16 numbers
#    cannot be drawn in a plane.

# %%
without_noise = measured(vae, 2, noise=False)[0]
print(f"  1: error of reconstruction {without_noise:.1f} from the mean, {error:.1f} with noise")
chapter.claim("1: it is lower without noise", without_noise < error)

K, some = 50, test_images[:200]
epsilon = rng.normal(size=(K, len(some), 2)).astype(np.float32)
z = mean[:200] + np.exp(log_variance[:200] / 2) * epsilon
with tg.no_grad():
    logits = vae.decoder(z.reshape(-1, 2)).data.reshape(K, len(some), -1)
log_likelihood = (some * logits - np.logaddexp(0, logits)).sum(axis=-1)
log_weights = log_likelihood + ((epsilon**2 - z**2 + log_variance[:200]) / 2).sum(axis=-1)
largest = log_weights.max(axis=0)
tighter = np.mean(largest + np.log(np.mean(np.exp(log_weights - largest), axis=0)))
print(f"  2: bound {log_weights.mean():.1f} from single codes, {tighter:.1f} from {K}")
chapter.claim("2: the bound rises by more than 0.2 nats", tighter - log_weights.mean() > 0.2)
if not run.fast or few:
    chapter.claim("2: it rises by less than 2 nats", tighter - log_weights.mean() < 2)

if not run.fast and not few:
    wide = measured(trained(16)[0], 16)
    print(f"  3: negative ELBO {sum(wide):.1f} = {wide[0]:.1f} + {wide[1]:.1f} with 16 numbers")
    chapter.claim("3: it falls by more than 15 nats", sum(wide) < error + kl - 15)
