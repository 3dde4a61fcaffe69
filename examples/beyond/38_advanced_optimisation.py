# %% [markdown]
# # Chapter 38. Advanced optimisation
#
# What you will understand:
#
# - the condition number, the ratio of the largest to the smallest curvature, determines how many steps gradient descent
#   needs; with momentum, it is about the square root of that;
# - Newton's method divides by the curvature; the natural gradient and L-BFGS replace the Hessian with something
#   cheaper;
# - the largest eigenvalues of a Hessian can be found without the Hessian, by products with vectors;
# - a learning rate above 2/λ, where λ is the largest eigenvalue, is unstable, so large rates lead to flat minima.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg

run = chapter.options("Chapter 38. Advanced optimisation")
rng = np.random.default_rng(run.seed)

# %% [markdown]
# ## By hand: a valley, and its condition number
#
# Near a minimum, every smooth loss is approximately quadratic. In the directions of the Hessian's eigenvectors it is L
# = ½·Σ λᵢxᵢ². Gradient descent with the rate η multiplies each xᵢ by 1 − ηλᵢ. These factors are below 1 in absolute
# value only if η < 2/λᵢ for all i. The best rate makes the largest and the smallest λ equally slow:
#
#     η = 2/(λ₁ + λₙ),   with the factor (κ − 1)/(κ + 1) for each step, where κ = λ₁/λₙ
#
# is the condition number. Momentum, v ← βv − ηL′, x ← x + v, with the best β and η has the factor (√κ − 1)/(√κ + 1) in
# the long run. For κ = 100, the factors are 0.980 and 0.818: to make the error a million times smaller takes 691 steps
# without momentum and 93 with it.

# %%
CURVATURES = np.array([1.0, 100.0])
kappa = CURVATURES.max() / CURVATURES.min()
root = np.sqrt(kappa)
START = np.array([1.0, 1.0])


def descent(rate, momentum=0.0, steps=2_000):
    """Return the path of gradient descent on the quadratic function, from START."""
    x, v, path = START.copy(), np.zeros(2), [START]
    for _ in range(steps):
        v = momentum * v - rate * CURVATURES * x
        x = x + v
        path.append(x)
    return np.array(path)


def steps_needed(path, factor=1e-6):
    """Return the first step from which on the distance from 0 is a factor of that at the start."""
    distances = np.linalg.norm(path, axis=1)
    return int(np.flatnonzero(distances > factor * distances[0]).max()) + 1


plain = descent(2 / CURVATURES.sum())
best_momentum, best_rate = ((root - 1) / (root + 1)) ** 2, 4 / (np.sqrt(CURVATURES).sum() ** 2)
heavy = descent(best_rate, best_momentum)
factors = np.linalg.norm(plain[1:11], axis=1) / np.linalg.norm(plain[:10], axis=1)
chapter.same("the factor of each step", np.full(10, (kappa - 1) / (kappa + 1)), factors)
print(f"  steps to a millionth: {steps_needed(plain)} without momentum, {steps_needed(heavy)} with")
chapter.claim("0.980 and 0.818", (round(99 / 101, 3), round(9 / 11, 3)) == (0.980, 0.818))
chapter.claim("691 steps", steps_needed(plain) == 691)
chapter.claim("93 steps with momentum", steps_needed(heavy) == 93)
chapter.claim("above 2/λ it diverges", np.linalg.norm(descent(2.01 / 100, steps=500)[-1]) > 10)

# %% [markdown]
# The optimizers of `nn` take the same steps.

# %%
for momentum, rate, path in ((0.0, 2 / CURVATURES.sum(), plain), (best_momentum, best_rate, heavy)):
    x = tg.tensor(START.copy(), requires_grad=True)
    optimizer = nn.SGD([x], learning_rate=rate, momentum=momentum)
    for _ in range(20):
        optimizer.zero_grad()
        ((CURVATURES * x**2).sum() / 2).backward()
        optimizer.step()
    chapter.same(f"20 steps of nn.SGD with momentum {momentum:.2f}", path[20], x)

# %% [markdown]
# ## By hand: Newton's method and the natural gradient
#
# Newton's method goes to the minimum of the quadratic function with the same gradient g and Hessian H: w ← w − H⁻¹g.
# Take logistic regression, which distinguishes the digits 3 and 8 by their 64 pixels: p = σ(Xw), y is 0 or 1, and the
# loss is the mean of −log of the probability of the right class, plus ½·α·‖w‖². Then
#
#     g = Xᵀ(p − y)/n + αw,   H = Xᵀ·diag(p(1 − p))·X/n + α.
#
# The natural gradient divides by the Fisher matrix F in place of H: the mean of ∇log P·∇log Pᵀ, over the samples and
# over the classes with their predicted probabilities. It measures how much a step changes the predictions, and needs
# first derivatives only. Here ∇log P is (1 − p)·x for class 1 and −p·x for class 0, so each sample has the mean
#
#     p·(1 − p)²·xxᵀ + (1 − p)·p²·xxᵀ = p(1 − p)·xxᵀ:
#
# without the penalty, F is H. For networks the two differ, and F has the advantage that no eigenvalue is negative.

# %%
images, labels, _, _ = nn.datasets.digits(rng=0)
chosen = np.isin(labels, (3, 8))
X = images[chosen].astype(np.float64).reshape(chosen.sum(), -1)
X = np.column_stack([X - X.mean(axis=0), np.ones(len(X))])
y = (labels[chosen] == 8).astype(np.float64)
PENALTY = 1e-5


def loss(w):
    """Return the loss of the weights, an array or a tensor."""
    signed = (X @ w) * (1 - 2 * y)  # of the right class, the logit is −signed
    return tg.softplus(signed).mean() + PENALTY / 2 * (w**2).sum()


def slope_and_curvature(w):
    """Return the gradient and the Hessian, by the formulas."""
    p = 1 / (1 + np.exp(-X @ w))
    curvature = (X * (p * (1 - p))[:, None]).T @ X / len(X)
    return X.T @ (p - y) / len(X) + PENALTY * w, curvature + PENALTY * np.eye(len(w))


w = 0.1 * rng.normal(size=X.shape[1])
g, H = slope_and_curvature(w)
chapter.same("the gradient", g, tg.grad(loss)(w))
chapter.same("the Hessian", H, tg.hessian(loss)(w))
direction = rng.normal(size=w.shape)
chapter.same("the Hessian times a vector", H @ direction, tg.hvp(loss, w, direction))
p = (1 / (1 + np.exp(-X @ w)))[:, None]
fisher = sum((P * score).T @ score for P, score in ((p, (1 - p) * X), (1 - p, -p * X))) / len(X)
chapter.same("the Fisher matrix", H - PENALTY * np.eye(len(w)), fisher)

# %% [markdown]
# All methods start from w = 0. There p(1 − p), and with it the curvature, is largest; it is over 1,000 times the
# smallest curvature at the minimum. Newton's method needs at most 12 steps to a gradient below 10⁻⁸. `nn.LBFGS`, which
# estimates the inverse Hessian from how gradients change from step to step, needs at most 100 gradients. Gradient
# descent, with the best rate for these curvatures, has not reached it after 3,000.

# %%
sizes = {"Newton": [], "gradient descent": [], "L-BFGS": []}
w = np.zeros(X.shape[1])
for _ in range(14):
    g, H = slope_and_curvature(w)
    sizes["Newton"].append(np.linalg.norm(g))
    w = w - np.linalg.solve(H, g)
minimum = w
eigenvalues = np.linalg.eigvalsh(slope_and_curvature(minimum)[1])
steepest = np.linalg.eigvalsh(slope_and_curvature(np.zeros(X.shape[1]))[1])[-1]
condition = steepest / eigenvalues[0]

w = np.zeros(X.shape[1])
for _ in range(500 if run.fast else 3_000):
    g, _ = slope_and_curvature(w)
    sizes["gradient descent"].append(np.linalg.norm(g))
    w = w - 2 / (steepest + eigenvalues[0]) * g

weights = tg.tensor(np.zeros(X.shape[1]), requires_grad=True)
optimizer = nn.LBFGS(
    [weights], max_iterations=200, line_search="strong_wolfe", gradient_tolerance=1e-10, change_tolerance=0
)


def closure():
    """Compute the loss and its gradient, whose norm is recorded."""
    optimizer.zero_grad()
    value = loss(weights)
    value.backward()
    sizes["L-BFGS"].append(np.linalg.norm(weights.grad))
    return value


optimizer.step(closure)
needed = {name: next((k for k, size in enumerate(each) if size < 1e-8), None) for name, each in sizes.items()}
print(f"  largest curvature / smallest: {condition:,.0f}; gradients until the norm is below 1e-8: {needed}")
chapter.same("the minimum that L-BFGS finds", minimum, weights, tolerance=1e-5)
chapter.claim("the largest curvature is over 1,000 times the smallest", condition > 1_000)
chapter.claim("Newton's method needs at most 12 steps", needed["Newton"] <= 12)
gains = [after / before for before, after in zip(sizes["Newton"], sizes["Newton"][1:])][: needed["Newton"]]
chapter.claim("its steps become more and more effective", gains[-1] < 0.01 < 0.1 < gains[0])
chapter.claim("L-BFGS needs at most 100 gradients", needed["L-BFGS"] <= 100)
chapter.claim("gradient descent does not get there", needed["gradient descent"] is None)

# %% [markdown]
# ## By hand: eigenvalues without the Hessian
#
# A network with a million parameters has a Hessian with 10¹² numbers, but its product with a vector v is cheap: it is
# the gradient of the number g·v, so `tg.hvp` costs a few gradients. Lanczos's method needs nothing else. It multiplies
# a random vector by H again and again, makes each result orthogonal to those before, and records the coefficients α and
# β:
#
#     H·vₖ = βₖ₋₁·vₖ₋₁ + αₖ·vₖ + βₖ·vₖ₊₁.
#
# In the basis of the vₖ, H is thus a matrix T with α on the diagonal and β beside it. After a few steps, the largest
# eigenvalues of T approximate those of H.


# %%
def lanczos(product, size, steps, rng):
    """Return the eigenvalues of T after some steps with a function that multiplies by H."""
    vector = rng.normal(size=size)
    basis = [vector / np.linalg.norm(vector)]
    diagonal, beside = [], []
    for _ in range(steps):
        following = product(basis[-1])
        diagonal.append(following @ basis[-1])
        for _ in range(2):  # twice, against rounding
            following = following - np.array(basis).T @ (np.array(basis) @ following)
        beside.append(np.linalg.norm(following))
        basis.append(following / beside[-1])
    return np.linalg.eigvalsh(np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1))


H = slope_and_curvature(minimum)[1]
found = lanczos(lambda v: tg.hvp(loss, minimum, v).data, len(minimum), 30, rng)
exact = np.linalg.eigvalsh(H)
chapter.same("the three largest of 65 eigenvalues, after 30 products", exact[-3:], found[-3:], tolerance=1e-6)

# %% [markdown]
# ## On the engine: sharp and flat minima
#
# A network with 64 inputs, 32 tanh neurons and 10 outputs has 2,410 parameters. It learns 300 digits with the squared
# error, by gradient descent with all digits in each step. The largest eigenvalue of its Hessian, the sharpness, is
# computed every 100 steps by 12 products.
#
# Gradient descent that converges to a minimum must be stable there: λ < 2/η. In fact, sharpness grows during training
# until it meets that bound, overshoots, and then stays near it, while the loss still falls (Cohen and others, *Gradient
# descent on neural networks typically occurs at the edge of stability*, 2021). The larger the rate, the flatter the
# place where training ends. That is the steepest of 2,410 directions, however. A random change of the parameters, which
# has a component in all of them, raises the loss by about the same amount after each of the three training runs.


# %%
FEW, SHAPES = 300, ((64, 32), (32,), (32, 10), (10,))
CUTS = np.cumsum([0, *(int(np.prod(shape)) for shape in SHAPES)])
inputs = images[:FEW].reshape(FEW, 64).astype(np.float64)
inputs = inputs - inputs.mean(axis=0)
targets = np.eye(10)[labels[:FEW]]


def network_loss(vector):
    """Return the squared error of the network with these parameters."""
    parts = zip(CUTS, CUTS[1:], SHAPES)
    W, b, V, c = (tg.reshape(vector[begin:end], shape) for begin, end, shape in parts)
    return ((tg.tanh(inputs @ W + b) @ V + c - targets) ** 2).sum() / (2 * FEW)


def sharpness(vector):
    """Return the largest eigenvalue of the Hessian."""
    draws = np.random.default_rng(run.seed)
    return lanczos(lambda v: tg.hvp(network_loss, vector, v).data, len(vector), 12, draws)[-1]


RATES, STEPS, EVERY = (0.2, 0.4, 0.6), 600 if run.fast else 3_000, 100
slope = tg.value_and_grad(network_loss)
beginning = np.concatenate([rng.normal(size=2048) / 8, np.zeros(32), rng.normal(size=320) / np.sqrt(32), np.zeros(10)])
chapter.claim("2,410 parameters", len(beginning) == 2_410)
sharp, ends, final = {}, {}, {}
for rate in RATES:
    vector, sharp[rate] = beginning, []
    for step in range(STEPS + 1):
        if step % EVERY == 0:
            sharp[rate].append(sharpness(vector))
        value, gradient = slope(vector)
        vector = vector - rate * gradient.data
    ends[rate], final[rate] = vector, value.item()
    print(f"  rate {rate}: 2/η = {2 / rate:.1f}, sharpness {sharp[rate][-1]:.2f} at the end, loss {final[rate]:.3f}")

bumps = 0.05 * rng.normal(size=(20, len(beginning)))
with tg.no_grad():
    rise = {rate: np.mean([network_loss(ends[rate] + bump).item() for bump in bumps]) - final[rate] for rate in RATES}
chapter.claim("sharpness grows from the start", all(each[-1] > each[0] for each in sharp.values()))
if not run.fast:
    last = {rate: np.mean(each[-5:]) for rate, each in sharp.items()}
    chapter.claim(
        "with the two larger rates it stays near 2/η, to within 10 %",
        all(abs(last[rate] * rate / 2 - 1) < 0.1 for rate in (0.4, 0.6)),
    )
    chapter.claim("the larger the rate, the flatter the place where training ends", last[0.6] < last[0.4] < last[0.2])
    print("  random changes raise the loss by " + ", ".join(f"{each:.4f} (rate {rate})" for rate, each in rise.items()))
    chapter.claim("random changes cost about the same, to within 25 %", max(rise.values()) < 1.25 * min(rise.values()))

# %% [markdown]
# ## Paths of all optimizers
#
# The valley of the first section with κ = 20, and 60 steps of each optimizer; for L-BFGS, each computed gradient counts
# as a step.

# %%
CURVED = np.array([1.0, 20.0])
BEGIN = np.array([-1.5, 0.6])
makers = {
    "SGD": lambda x: nn.SGD(x, learning_rate=0.09),
    "momentum": lambda x: nn.SGD(x, learning_rate=0.03, momentum=0.8),
    "Adagrad": lambda x: nn.Adagrad(x, learning_rate=0.3),
    "RMSprop": lambda x: nn.RMSprop(x, learning_rate=0.03),
    "Adam": lambda x: nn.Adam(x, learning_rate=0.1),
    "NAdam": lambda x: nn.NAdam(x, learning_rate=0.1),
    "Lion": lambda x: nn.Lion(x, learning_rate=0.03),
    "L-BFGS": lambda x: nn.LBFGS(x, max_iterations=60, line_search="strong_wolfe"),
}


def path_of(make):
    """Return the path of an optimizer in the valley, with a point for each gradient and the last."""
    x = tg.tensor(BEGIN.copy(), requires_grad=True)
    optimizer, path = make([x]), []

    def valley():
        """Compute the loss and its gradient, and record the place."""
        optimizer.zero_grad()
        value = (CURVED * x**2).sum() / 2
        value.backward()
        path.append(x.data.copy())
        return value

    if optimizer.needs_closure:
        optimizer.step(valley)
    else:
        for _ in range(60):
            valley()
            optimizer.step()
    return np.array([*path, x.data])


paths = {name: path_of(make) for name, make in makers.items()}
for name, path in paths.items():
    print(f"  {name}: {np.linalg.norm(path[-1]):.1e} from the minimum after {len(path) - 1} gradients")
distances = {name: np.linalg.norm(path[-1]) for name, path in paths.items()}
chapter.claim(
    "L-BFGS arrives first and closest", distances["L-BFGS"] == min(distances.values()) and len(paths["L-BFGS"]) < 30
)
chapter.claim("all are closer than at the start", max(distances.values()) < np.linalg.norm(BEGIN) / 2)

# %% [markdown]
# A network's loss has more than two parameters, but two directions can be drawn: those in which the paths vary most.
# `nn.plots.loss_landscape` does so for a network that is trained on the spiral three times, from the same start. Where
# a path seems to climb, it moves in a direction that the map does not show.

# %%
X_spiral, y_spiral = nn.datasets.spiral(50, 3, rng=0)
recorded = {}
for name, make in {
    "SGD": lambda parameters: nn.SGD(parameters, learning_rate=0.5),
    "momentum": lambda parameters: nn.SGD(parameters, learning_rate=0.05, momentum=0.9),
    "Adam": lambda parameters: nn.Adam(parameters, learning_rate=0.02),
}.items():
    draws = np.random.default_rng(run.seed)
    network = nn.Sequential(nn.Dense(2, 32, rng=draws), nn.ReLU(), nn.Dense(32, 3, rng=draws))
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=make(network.parameters()), rng=run.seed)
    recorded[name] = nn.plots.ParameterPath()
    epochs = 20 if run.fast else 100
    history = model.fit(X_spiral, y_spiral, epochs=epochs, batch_size=15, callbacks=[recorded[name]], verbose=0)
    print(f"  {name}: loss {history['loss'][-1]:.3f} on the spiral")
landscape = nn.plots.loss_landscape(model, X_spiral, y_spiral, paths=recorded, resolution=15 if run.fast else 41)
chapter.save(landscape, run.out / "38_loss_landscape.png")

# %% [markdown]
# ## Finding a learning rate by trial
#
# In practice, λ is rarely computed for a network. `nn.plots.learning_rate_finder` lets the rate grow from step to step,
# and draws the loss against the rate. It falls, and then rises where the rate is too large for the curvature. A tenth
# of the rate with the lowest loss is a good first choice (Smith, *Cyclical learning rates for training neural
# networks*, 2017).

# %%
draws = np.random.default_rng(run.seed)
network = nn.Sequential(nn.Dense(64, 32, rng=draws), nn.ReLU(), nn.Dense(32, 10, rng=draws))
model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(network.parameters()), rng=run.seed)
finder = nn.plots.learning_rate_finder(model, images.reshape(len(images), 64), labels, low=1e-5)
chapter.save(finder, run.out / "38_learning_rate_finder.png")

# %% [markdown]
# ## The picture: valleys, methods, and sharpness
#
# Top left, the paths of eight optimizers in the valley. SGD crosses it again and again; the optimizers that divide by
# the size of each gradient, such as Adam, go along the diagonal at first; L-BFGS learns the curvature, and jumps to the
# minimum. Top right, the size of the gradient in logistic regression: slow progress for gradient descent, and steps
# that become more and more effective for Newton's method. Bottom left, the 65 eigenvalues of its Hessian, and those
# from Lanczos's method. Bottom right, the sharpness of the network during training; the dashed lines are 2/η.

# %%
figure = Figure(figsize=(10.5, 8.5), layout="constrained")
(tracks, sizes_panel), (spectrum, edge) = figure.subplots(2, 2)
grid = np.meshgrid(np.linspace(-1.8, 0.6, 100), np.linspace(-0.7, 0.8, 100))
heights = sum(curvature * axis**2 for curvature, axis in zip(CURVED, grid)) / 2
tracks.contour(*grid, heights, levels=np.geomspace(0.01, heights.max(), 14), colors="#dddddd", linewidths=0.8)
colours = (chapter.GREY, chapter.BLUE, chapter.ORANGE, chapter.GREEN, chapter.RED, "#cc79a7", "#56b4e9", "black")
for colour, (name, path) in zip(colours, paths.items()):
    tracks.plot(*path.T, color=colour, linewidth=1.2, marker=".", markersize=3, label=name)
tracks.plot(0, 0, "*", color="black", markersize=12)
tracks.legend(frameon=False, fontsize=8, ncols=2, loc="lower left")
chapter.plain(tracks, "eight optimizers, κ = 20")
for name, colour in {"gradient descent": chapter.GREY, "L-BFGS": chapter.BLUE, "Newton": chapter.RED}.items():
    sizes_panel.semilogy(
        sizes[name][:150], color=colour, marker="." if name != "gradient descent" else None, label=name
    )
sizes_panel.set_ylim(1e-12, 10)
sizes_panel.legend(frameon=False)
chapter.plain(sizes_panel, "norm of the gradient, logistic regression", "gradients computed")
spectrum.semilogy(np.arange(65, 0, -1), exact, ".", color=chapter.GREY, markersize=9, label="all 65 eigenvalues")
spectrum.semilogy(np.arange(30, 0, -1), found, "x", color=chapter.RED, label="Lanczos, 30 products")
spectrum.legend(frameon=False)
chapter.plain(spectrum, "eigenvalues of the Hessian", "number, from the largest")
for rate, colour in zip(RATES, (chapter.GREEN, chapter.ORANGE, chapter.BLUE)):
    edge.plot(np.arange(len(sharp[rate])) * EVERY, sharp[rate], color=colour, label=f"η = {rate}")
    edge.axhline(2 / rate, color=colour, linestyle="--", linewidth=1)
edge.set_ylim(0, 11)
edge.legend(frameon=False)
chapter.plain(edge, "sharpness of the network", "step")
chapter.save(figure, run.out / "38_advanced_optimisation.png")

# %% [markdown]
# ## Three things to try
#
# 1. Leave out `- X.mean(axis=0)`. What happens to the largest curvature?
#
#    *Answer.* It becomes more than three times as large. All samples then have a large component in common, their mean,
#    and the loss is steep in that direction. That is why inputs are centred (chapter 13), and activations normalised
#    (chapter 23).
# 2. Start Newton's method far away, at random weights with standard deviation 3.
#
#    *Answer.* The loss rises at the first step. At such weights most p are close to 0 or 1, p(1 − p) is almost 0, and
#    dividing by it makes the step far too long. In practice a line search, or a multiple of the identity that is added
#    to H, prevents this.
# 3. How many more steps does a valley with κ = 400 take, compared with κ = 100?
#
#    *Answer.* Four times as many without momentum, and twice as many with it: the numbers of steps are proportional to
#    κ and to √κ.

# %%
raw = np.column_stack([images[chosen].reshape(chosen.sum(), -1), np.ones(len(X))]).astype(np.float64)
of_raw, of_centred = (np.linalg.eigvalsh(each.T @ each / (4 * len(each)))[-1] for each in (raw, X))
print(f"  1: largest curvature at w = 0: {of_raw:.2f} without centring, {of_centred:.2f} with")
chapter.claim("1: more than three times as large", of_raw > 3 * of_centred)
far = 3 * rng.normal(size=X.shape[1])
g, H = slope_and_curvature(far)
stepped = far - np.linalg.solve(H, g)
print(f"  2: loss {loss(far).item():.1f} before and {loss(stepped).item():.1f} after a step")
chapter.claim("2: the loss rises", loss(stepped).item() > loss(far).item())
CURVATURES, root = np.array([1.0, 400.0]), 20.0
longer = steps_needed(descent(2 / 401, steps=5_000)) / steps_needed(plain)
longer_heavy = steps_needed(descent(4 / 21**2, (19 / 21) ** 2)) / steps_needed(heavy)
print(f"  3: {longer:.2f} times as many steps, {longer_heavy:.2f} with momentum")
chapter.claim(
    "3: four times as many, and twice, to within 10 %", abs(longer / 4 - 1) < 0.1 and abs(longer_heavy / 2 - 1) < 0.1
)
