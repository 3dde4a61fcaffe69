# %% [markdown]
# # Chapter 36. Generative adversarial network
#
# What you will understand:
#
# - a generator turns random numbers into samples; a discriminator learns to distinguish them from data, and the
#   generator learns to deceive it;
# - the two losses and their gradients, and why the generator does not use the obvious one;
# - training is a game of two players rather than a descent, so it may go in circles: the samples gather in one place
#   and move on when the discriminator notices, which is *mode collapse*;
# - less momentum and a penalty on the discriminator's gradient damp the circles.

# %%
from itertools import pairwise

import chapter
import clothes
import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg

run = chapter.options("Chapter 36. Generative adversarial network")
RING_STEPS, RING_RATE = (640, 0.002) if run.fast else (3_200, 0.001)
IMAGE_STEPS = 120 if run.fast else 6_000

# %% [markdown]
# ## By hand: the two losses
#
# The discriminator gives a number a for each sample, and σ(a), with the logistic function σ, is its probability that
# the sample is data. Its loss is the binary cross-entropy of chapter 16, with the numbers a of the data and b of the
# generator's samples:
#
#     L_D = mean(−log σ(a)) + mean(−log(1 − σ(b))) = mean log(1 + e⁻ᵃ) + mean log(1 + eᵇ).
#
# From d/da log(1 + e⁻ᵃ) = σ(a) − 1 and d/db log(1 + eᵇ) = σ(b), with B samples of each kind,
#
#     ∂a = (σ(a) − 1)/B,  ∂b = σ(b)/B.
#
# The generator might use −L_D, in which only b depends on it: ∂b = −σ(b)/B. At first, samples are easy to recognise,
# and σ(b) is almost 0, and so is this gradient, when it is needed most. Goodfellow and others (*Generative adversarial
# nets*, 2014) let it minimise another loss, which has the same aim and a gradient of almost −1/B there:
#
#     L_G = mean(−log σ(b)) = mean log(1 + e⁻ᵇ),  ∂b = (σ(b) − 1)/B.


# %%
def sigmoid(z):
    """Return the logistic function."""
    return 1 / (1 + np.exp(-z))


def loss_of_discriminator(a, b):
    """Return the loss from the logits of data and of generated samples."""
    return tg.mean(tg.softplus(-a)) + tg.mean(tg.softplus(b))


def loss_of_generator(b):
    """Return the loss from the logits of generated samples."""
    return tg.mean(tg.softplus(-b))


# %% [markdown]
# For a generator z·G, and a discriminator h·v with h = tanh(x·W), the gradients pass through dense layers as in chapter
# 9. Writing x for the data and y for the samples of the generator, and k for the hidden numbers of y,
#
#     ∂v = hᵀ·∂a + kᵀ·∂b,  ∂W = xᵀ·(∂a·vᵀ(1 − h²)) + yᵀ·(∂b·vᵀ(1 − k²))   from L_D,
#     ∂G = zᵀ·(∂b·vᵀ(1 − k²))·Wᵀ                                          from L_G.
#
# Each player changes only its own weights.

# %%
rng = np.random.default_rng(run.seed)
B = 6
x, z = rng.normal(size=(B, 2)), rng.normal(size=(B, 3))
G, W, v = rng.normal(size=(3, 2)), rng.normal(size=(2, 5)), rng.normal(size=(5, 1))

y = z @ G
h, k = np.tanh(x @ W), np.tanh(y @ W)
a, b = h @ v, k @ v
d_a, d_b = (sigmoid(a) - 1) / B, sigmoid(b) / B
d_v = h.T @ d_a + k.T @ d_b
d_W = x.T @ (d_a * v.T * (1 - h**2)) + y.T @ (d_b * v.T * (1 - k**2))
d_G = z.T @ ((sigmoid(b) - 1) / B * v.T * (1 - k**2) @ W.T)

leaves = [tg.tensor(each, requires_grad=True) for each in (G, W, v)]


def tiny_discriminator(samples):
    """Return the logits of samples."""
    return tg.tanh(samples @ leaves[1]) @ leaves[2]


loss = loss_of_discriminator(tiny_discriminator(x), tiny_discriminator(z @ leaves[0].detach()))
chapter.same("the discriminator's loss", np.mean(np.log1p(np.exp(-a))) + np.mean(np.log1p(np.exp(b))), loss)
for name, by_hand, gradient in zip("Wv", (d_W, d_v), tg.gradient(loss, leaves[1:])):
    chapter.same(f"its gradient with respect to {name}", by_hand, gradient)
loss = loss_of_generator(tiny_discriminator(z @ leaves[0]))
chapter.same("the generator's loss", np.mean(np.log1p(np.exp(-b))), loss)
chapter.same("its gradient with respect to G", d_G, tg.gradient(loss, leaves[0]))

sure = sigmoid(-6.0)
print(f"  where σ(b) is {sure:.4f}, the gradient is −{sure:.4f}/B from −L_D and −{1 - sure:.4f}/B from L_G")
chapter.claim("at b = −6, the second is more than 400 times as large", (1 - sure) / sure > 400)

# %% [markdown]
# ## By hand: the best discriminator
#
# Let p be the density of the data and q that of the generator. Then L_D = ∫ [p·log(1 + e⁻ᵃ) + q·log(1 + eᵃ)] dx. For
# each x, the derivative with respect to a is −p·(1 − σ(a)) + q·σ(a), which is 0 for
#
#     σ(a) = p/(p + q),  a = log(p/q).
#
# With m = (p + q)/2, the loss of this discriminator is
#
#     −∫ p·log(p/2m) dx − ∫ q·log(q/2m) dx = 2·log 2 − [KL(p‖m) + KL(q‖m)].
#
# The bracket is twice the Jensen–Shannon divergence of p and q. It is 0 where the generator is perfect.


# %%
def normal(x, mean, deviation):
    """Return the normal density."""
    return np.exp(-((x - mean) ** 2) / (2 * deviation**2)) / (deviation * np.sqrt(2 * np.pi))


grid = np.linspace(-12, 12, 4_001)
p, q = normal(grid, 0.5, 1.0), normal(grid, -0.5, 1.2)
m = (p + q) / 2
divergence = np.trapezoid(p * np.log(p / m) + q * np.log(q / m), grid)

logits = tg.tensor(np.log(p / q), requires_grad=True)
loss = tg.trapezoid(p * tg.softplus(-logits) + q * tg.softplus(logits), grid)
chapter.same("the loss of the best discriminator", 2 * np.log(2) - divergence, loss)
chapter.claim("its gradient is 0", np.abs(tg.gradient(loss, logits)).max() < 1e-12)

# %% [markdown]
# ## By hand: why the game goes in circles
#
# The smallest game has data at 0, a generator that always makes the number θ, and a discriminator ψ·x (Mescheder and
# others, *Which training methods for GANs do actually converge?*, 2018). The losses are log 2 + log(1 + e^(ψθ)) and
# log(1 + e^(−ψθ)), so ∂ψ = σ(ψθ)·θ and ∂θ = −σ(−ψθ)·ψ. Near θ = ψ = 0, both σ are ½, and a step of length η is
#
#     [θ, ψ] ← M·[θ, ψ],   M = [[1, η/2], [−η/2, 1]],   |λ|² = det M = 1 + η²/4.
#
# The eigenvalues λ are complex, so the players circle around the solution, and |λ| > 1, so they move away from it.
# Momentum makes this worse, since it keeps directions that are out of date. The squared gradient of the discriminator
# with respect to x is ψ². A penalty γ/2·ψ² in its loss adds γψ to ∂ψ:
#
#     M = [[1, η/2], [−η/2, 1 − ηγ]],   det M = 1 − ηγ + η²/4,
#
# which is below 1 for γ > η/4: the players spiral inwards. (The eigenvalues are complex as long as γ < 1.)


# %%
def growth(eta, gamma, momentum=0.0):
    """Return the factor by which the distance from the solution grows in a step: the largest |λ|."""
    slope = np.array([[0, -0.5], [0.5, gamma]])
    one = np.eye(2)
    step = np.block([[momentum * one, -eta * slope], [momentum * one, one - eta * slope]])  # of [velocity, position]
    return np.abs(np.linalg.eigvals(step)).max()


def gradients(point):
    """Return the gradients of both players at (θ, ψ), with a penalty of γ = ½."""
    theta, psi = point[0], point[1]
    of_theta = tg.grad(lambda theta: tg.softplus(-psi * theta))(theta)
    of_psi = tg.grad(lambda psi: tg.softplus(psi * theta) + psi**2 / 4)(psi)
    return tg.stack([of_theta, of_psi])


chapter.same("the derivative of the gradients", [[0, -0.5], [0.5, 0.5]], tg.jacobian(gradients)(np.zeros(2)))
chapter.same("the growth without penalty", np.sqrt(1 + 0.1**2 / 4), growth(0.1, 0))
chapter.same("and with", np.sqrt(1 - 0.05 + 0.1**2 / 4), growth(0.1, 0.5))
for name, factor in (
    ("plain", growth(0.1, 0)),
    ("momentum 0.9", growth(0.1, 0, 0.9)),
    ("momentum 0.5", growth(0.1, 0, 0.5)),
    ("momentum 0.5 and penalty", growth(0.1, 0.5, 0.5)),
):
    print(f"  100 steps of length 0.1, {name}: the distance is multiplied by {factor**100:.3g}")
chapter.claim("with momentum 0.9, the distance grows more than ten thousandfold", growth(0.1, 0, 0.9) ** 100 > 10_000)
chapter.claim("with momentum 0.5 and the penalty, it shrinks", growth(0.1, 0.5, 0.5) < 1)

# %% [markdown]
# ## On the engine: training two networks
#
# A step trains the discriminator, then the generator. For the discriminator, the samples are plain numbers, so no
# gradient reaches the generator. The penalty contains a gradient, and its own gradient is needed: `create_graph=True`
# records the computation of the first.


# %%
def penalty(discriminator, data):
    """Return the mean squared norm of the discriminator's gradient with respect to the data."""
    data = tg.tensor(data, requires_grad=True)
    slope = tg.gradient(tg.sum(discriminator(data)), data, create_graph=True)
    return tg.mean(tg.sum(slope**2, axis=1))


slope_by_hand = (v.T * (1 - h**2)) @ W.T
chapter.same("the penalty", np.mean(np.sum(slope_by_hand**2, axis=1)), penalty(tiny_discriminator, x))


class Player:
    """Network with its optimizer.

    Args:
        network: the network.
        momentum: β₁ of Adam.
        learning_rate: its learning rate.
    """

    def __init__(self, network, momentum, learning_rate):
        self.network = network
        self.optimizer = nn.Adam(network.parameters(), learning_rate=learning_rate, beta_1=momentum)

    def improve(self, loss):
        """Change the network's parameters by a step against the gradient of its loss."""
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def normal_numbers(draws, count, numbers):
    """Return random numbers for a generator."""
    return draws.normal(size=(count, numbers)).astype(np.float32)


def train_step(generator, discriminator, data, draws, *, numbers, gamma):
    """Train the discriminator, then the generator, on a batch of data."""
    with tg.no_grad():
        made = generator.network(normal_numbers(draws, len(data), numbers))
    loss = loss_of_discriminator(discriminator.network(data), discriminator.network(made))
    discriminator.improve(loss + gamma / 2 * penalty(discriminator.network, data) if gamma else loss)
    made = generator.network(normal_numbers(draws, len(data), numbers))
    generator.improve(loss_of_generator(discriminator.network(made)))


# %% [markdown]
# ## Mode collapse, and a remedy
#
# The data are eight small clusters on a circle. A generator may find one of them first and make nothing else. The
# discriminator then learns to reject this cluster, and the generator moves on to the next. We count the clusters that
# have at least 2 % of the samples within 0.1 of their centre, eight times during training.

# %%
angles = 2 * np.pi * np.arange(8) / 8
centres = np.stack([np.cos(angles), np.sin(angles)], axis=1)


def ring(draws, count):
    """Return points of eight clusters on a circle."""
    return (centres[draws.integers(0, 8, count)] + 0.02 * draws.normal(size=(count, 2))).astype(np.float32)


def clusters(points):
    """Return the fraction of the points within 0.1 of each centre."""
    distances = np.sqrt(((points[:, None] - centres) ** 2).sum(axis=-1))
    near = distances.min(axis=1) < 0.1
    return np.bincount(distances.argmin(axis=1)[near], minlength=8) / len(points)


def dense(draws, sizes):
    """Return a dense network with ReLU."""
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Dense(a, b, rng=draws), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def trained_on_ring(momentum, gamma):
    """Return samples from eight times during training."""
    draws = np.random.default_rng(run.seed)
    generator = Player(dense(draws, [4, 64, 64, 2]), momentum, RING_RATE)
    discriminator = Player(dense(draws, [2, 64, 64, 1]), momentum, RING_RATE)
    seen = []
    for step in range(1, RING_STEPS + 1):
        train_step(generator, discriminator, ring(draws, 128), draws, numbers=4, gamma=gamma)
        if step % (RING_STEPS // 8) == 0:
            with tg.no_grad():
                seen.append(generator.network(normal_numbers(draws, 1_000, 4)).data)
    return seen


ring_samples = {}
counts = {}
for name, momentum, gamma in (("momentum 0.9", 0.9, 0.0), ("momentum 0.5 and penalty", 0.5, 0.1)):
    ring_samples[name] = trained_on_ring(momentum, gamma)
    counts[name] = [int(np.sum(clusters(points) >= 0.02)) for points in ring_samples[name]]
    print(
        f"  {name}: clusters {counts[name]}; near one: {clusters(ring_samples[name][-1]).sum():.0%} of the last samples"
    )

# %% [markdown]
# With momentum 0.9, at most two clusters are found at a time, on average. With momentum 0.5 and the penalty, all eight
# are found, and at least 60 % of the last samples are near one of them.

# %%
chapter.claim("with momentum 0.9, there are at most 2 clusters on average", np.mean(counts["momentum 0.9"]) <= 2)
remedied = ring_samples["momentum 0.5 and penalty"][-1]
if run.fast:
    chapter.claim("with the penalty, a short run finds at least five", counts["momentum 0.5 and penalty"][-1] >= 5)
else:
    chapter.claim("with the penalty, all eight are found", counts["momentum 0.5 and penalty"][-1] == 8)
    chapter.claim("and at least 60 % of the samples are near a centre", clusters(remedied).sum() >= 0.6)

# %% [markdown]
# ## Images
#
# A dense generator turns 64 random numbers into an image of clothes. It has batch normalisation (chapter 23), and the
# discriminator has dropout (chapter 15) in place of the penalty: a cheaper way to keep it from becoming overconfident.
# Both have leaky ReLU, which passes some gradient for negative numbers. The discriminator sees pixels from −1 to 1.
#
# To measure the samples, a small classifier learns the real images and then assigns a class to each sample. The entropy
# H of these classes gives an effective number of classes, e^H: 10 for equal parts, 1 for a collapse to one class.

# %%
data = clothes.load()
few = data.name != "Fashion-MNIST"
images, test_images = (2 * each.reshape(len(each), -1) - 1 for each in (data.X, data.X_test))
NUMBERS = 64
draws = np.random.default_rng(run.seed)
generator = Player(
    nn.Sequential(
        nn.Dense(NUMBERS, 256, rng=draws),
        nn.BatchNorm(256),
        nn.LeakyReLU(0.2),
        nn.Dense(256, 512, rng=draws),
        nn.BatchNorm(512),
        nn.LeakyReLU(0.2),
        nn.Dense(512, 784, rng=draws),
        nn.Tanh(),
    ),
    momentum=0.5,
    learning_rate=nn.CosineDecay(0.0005, steps=IMAGE_STEPS),
)
discriminator = Player(
    nn.Sequential(
        nn.Dense(784, 256, rng=draws),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.3, rng=draws),
        nn.Dense(256, 128, rng=draws),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.3, rng=draws),
        nn.Dense(128, 1, rng=draws),
    ),
    momentum=0.5,
    learning_rate=nn.CosineDecay(0.0005, steps=IMAGE_STEPS),
)
for _ in range(IMAGE_STEPS):
    batch = images[draws.integers(0, len(images), 64)]
    train_step(generator, discriminator, batch, draws, numbers=NUMBERS, gamma=0.0)


def made(z):
    """Return the generator's images for random numbers, with the running statistics of batch normalisation."""
    with tg.no_grad():
        return generator.network.eval()(z.astype(np.float32)).data


classifier = dense(draws, [784, 128, 10])
judge = nn.Model(
    classifier,
    loss=nn.SoftmaxCrossEntropy(),
    optimizer=nn.Adam(classifier.parameters()),
    metrics=[nn.CategoricalAccuracy()],
    rng=run.seed,
)
judge.fit(images, data.y, epochs=20 if few else 3, batch_size=128, verbose=0)
accuracy = judge.evaluate(test_images, data.y_test)["accuracy"]


def class_fractions(rows):
    """Return the fraction of the images in each class, by the classifier, and the effective number of classes."""
    fractions = np.bincount(judge.predict_classes(rows), minlength=10) / len(rows)
    some = fractions[fractions > 0]
    return fractions, np.exp(-np.sum(some * np.log(some)))


samples = made(draws.normal(size=(1_000, NUMBERS)))
fractions, effective = class_fractions(samples)
of_tests, effective_of_tests = class_fractions(test_images)
certain, certain_of_tests = (np.mean(judge.predict_proba(rows).max(axis=1) > 0.9) for rows in (samples, test_images))
print(f"  test accuracy of the classifier {accuracy:.3f}")
print("  samples: " + ", ".join(f"{name} {part:.1%}" for name, part in zip(data.classes, fractions)))
print(f"  effective number of classes {effective:.2f}, of test images {effective_of_tests:.2f}")
print(f"  classified with a probability above 0.9: {certain:.1%} of the samples, {certain_of_tests:.1%} of test images")

# %% [markdown]
# The samples of Fashion-MNIST are recognisable, and of all kinds: each class has at least 1 % of them, and the
# effective number of classes is at least 8. The losses do not demand directly that each class has the same fraction of
# the samples as of the images, but the divergence above is smallest when it does.

# %%
likeness = np.corrcoef(samples.mean(axis=0), images.mean(axis=0))[0, 1]
chapter.claim("the mean sample resembles the mean image: correlation above 0.5", likeness > 0.5)
chapter.claim("the classifier is right for at least 80 % of the test images", accuracy >= 0.8)
if not run.fast and not few:
    chapter.claim("each class has at least 1 % of the samples", fractions.min() >= 0.01)
    chapter.claim("the effective number of classes is at least 8", effective >= 8)

# %% [markdown]
# ## The picture: mode collapse, the remedy, and clothes
#
# Left, samples from four times during training on the ring: above, they gather in one place and move on; below, they
# spread over all clusters. Right, images that the generator made, and the fraction of each class beside that of real
# images.

# %%
figure = Figure(figsize=(13.5, 6.4), layout="constrained")
on_the_left, on_the_right = figure.subfigures(1, 2, width_ratios=[1.25, 1])
for row, name in zip(on_the_left.subplots(2, 4), ring_samples):
    for axes, time in zip(row, (1, 3, 5, 7)):
        axes.scatter(*centres.T, s=90, facecolor="none", edgecolor=chapter.GREY)
        colour = chapter.RED if name == "momentum 0.9" else chapter.BLUE
        axes.scatter(*ring_samples[name][time].T, s=3, color=colour, linewidth=0, alpha=0.6)
        axes.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), xticks=[], yticks=[], aspect="equal")
        axes.set_xlabel(f"step {(time + 1) * (RING_STEPS // 8):,}", fontsize=9)
    row[0].set_title(name, loc="left", fontsize=11)
top, bottom = on_the_right.subplots(2, 1, height_ratios=[2.2, 1])
ROWS, COLUMNS = 7, 14
grid = samples[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 28, 28).swapaxes(1, 2).reshape(28 * ROWS, 28 * COLUMNS)
top.imshow(grid, cmap="gray_r", vmin=-1, vmax=1)
top.set(xticks=[], yticks=[])
top.set_title("generated images", loc="left", fontsize=11)
places = np.arange(10)
bottom.bar(places - 0.2, fractions, width=0.4, color=chapter.BLUE, label="generated")
bottom.bar(places + 0.2, of_tests, width=0.4, color=chapter.GREY, label="real")
bottom.set_xticks(places, data.classes, rotation=35, ha="right", fontsize=9)
bottom.set_ylim(0, 1.3 * max(fractions.max(), of_tests.max()))
bottom.legend(frameon=False, fontsize=9, ncols=2, loc="upper right")
chapter.plain(bottom, "fraction in each class, by the classifier")
chapter.save(figure, run.out / "36_generative_adversarial_network.png")

# %% [markdown]
# ## Three things to try
#
# 1. Use momentum 0.5 on the ring, but no penalty. Which of the two changes is more important?
#
#    *Answer.* The momentum: without the penalty, too, at least six clusters are found.
# 2. Go from one random z to another in ten equal steps, and draw the images. Do they jump?
#
#    *Answer.* No. On average, the largest of the ten steps changes the image by less than half as much as all ten
#    together. A jump from one stored image to another would make one step as large as the whole change.
# 3. Has the generator copied its training images? Compare the distance from a sample to the nearest training image with
#    that from a test image.
#
#    *Answer.* No. For samples, the distance is more than half of that for test images. For copies, it would be near 0.

# %%
if not run.fast:
    found = int(np.sum(clusters(trained_on_ring(0.5, 0.0)[-1]) >= 0.02))
    print(f"  1: clusters without the penalty: {found}")
    chapter.claim("1: at least six", found >= 6)

ends = draws.normal(size=(20, 2, 1, NUMBERS))
way = np.linspace(0, 1, 11)[:, None]
passed = made((ends[:, 0] * (1 - way) + ends[:, 1] * way).reshape(-1, NUMBERS)).reshape(20, 11, -1)
steps = np.linalg.norm(np.diff(passed, axis=1), axis=2).max(axis=1)
whole = np.linalg.norm(passed[:, -1] - passed[:, 0], axis=1)
print(f"  2: the largest of ten steps is {np.mean(steps / whole):.2f} of the whole change, on average")
chapter.claim("2: less than half", np.mean(steps / whole) < 0.5)


def to_training_images(rows):
    """Return the mean distance to the nearest training image."""
    squares = (rows**2).sum(axis=1)[:, None] - 2 * rows @ images.T + (images**2).sum(axis=1)
    return np.sqrt(np.maximum(squares.min(axis=1), 0)).mean()


of_samples, of_test_images = to_training_images(samples[:100]), to_training_images(test_images[:100])
print(f"  3: distance to the nearest training image: samples {of_samples:.1f}, test images {of_test_images:.1f}")
chapter.claim("3: for samples, more than half of that for test images", of_samples > of_test_images / 2)
