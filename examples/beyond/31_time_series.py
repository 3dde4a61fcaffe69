# %% [markdown]
# # Chapter 31. Time series
#
# What you will understand:
#
# - windows turn a series into samples: some months to read, and the months after them to forecast;
# - the split into training, validation and test data follows time, and the scale comes from the training years;
#   otherwise the test measures what the network has already seen;
# - a forecast must be compared with simple ones, which need no training;
# - with the pinball loss, a network learns quantiles, and so predicts an interval.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg

run = chapter.options("Chapter 31. Time series")
EPOCHS = 3 if run.fast else 12

# %% [markdown]
# ## The series
#
# The monthly number of sunspots has been recorded since 1749. It rises and falls with a period of about eleven years,
# and no two cycles are equally high. The task is to forecast the next two years, month by month.


# %%
def made_up_cycles(rng):
    """Return 3,126 numbers in cycles of about eleven years: the square of a pendulum that is pushed at random."""
    position = np.zeros(3_126)
    for t in range(2, len(position)):
        position[t] = 2 * 0.995 * np.cos(np.pi / 132) * position[t - 1] - 0.995**2 * position[t - 2] + rng.normal()
    return 50 * (position / position.std() + 0.3 * rng.normal(size=len(position))) ** 2


rng = np.random.default_rng(run.seed)
try:
    months, numbers = nn.datasets.sunspots(download=False)
    source = "sunspots"
except FileNotFoundError:
    print("  The sunspots are not on this machine: made-up cycles replace them.")
    print("  To download them (21 kB): python -c 'import nn; nn.datasets.sunspots()'")
    months, numbers, source = np.datetime64("1749-01") + np.arange(3_126), made_up_cycles(rng), "made-up cycles"
print(f"  {source}: {len(numbers):,} months, {numbers.min():.0f} to {numbers.max():.0f}")
spectrum = np.abs(np.fft.rfft(numbers - numbers.mean()))
period = len(numbers) / spectrum.argmax() / 12
print(f"  strongest period: {period:.1f} years")
chapter.claim("the period is about eleven years", 10 < period < 12 or source != "sunspots")

# %% [markdown]
# The more sunspots there are, the more their number changes from month to month. For counts, a square root evens this
# out: if x is changed by a multiple of √x, then √x is changed by about the same amount everywhere, as its derivative is
# 1/(2√x). The network sees the square root.

# %%
level = np.convolve(numbers, np.ones(25) / 25, mode="valid")
changes = {"numbers": np.diff(numbers)[12:-11], "square roots": np.diff(np.sqrt(numbers))[12:-11]}
is_high = level > np.median(level)
ratios = {name: np.std(each[is_high]) / np.std(each[~is_high]) for name, each in changes.items()}
for name, ratio in ratios.items():
    print(f"  {name}: monthly changes in high years are {ratio:.1f} times those in low years")
chapter.claim("a square root evens the changes out", abs(np.log(ratios["square roots"])) < np.log(ratios["numbers"]))

# %% [markdown]
# ## By hand: windows
#
# A sample is 132 months, which are eleven years, and the 24 months after them. With one sample beginning in each month,
# neighbouring samples share almost all of their months.

# %%
READ, AHEAD = 132, 24
roots = np.sqrt(numbers)
count = len(roots) - READ - AHEAD + 1
by_hand = np.empty((count, READ + AHEAD))
for start in range(count):
    for offset in range(READ + AHEAD):
        by_hand[start, offset] = roots[start + offset]
windows = np.lib.stride_tricks.sliding_window_view(roots, READ + AHEAD)
chapter.same("the windows, as a view of the series", by_hand, windows, tolerance=0)

# %% [markdown]
# ## Split by time
#
# The training data end in 1929, validation ends in 1959, and the test begins in 1960. A sample belongs to a period if
# all months that it forecasts do; the months that it reads may be earlier, as they are known when the forecast is made.
# Samples whose forecast crosses a boundary are left out. Mean and standard deviation are those of the training years.
#
# A forecast without any training shows how much a wrong split hides. It looks up the training sample with the most
# similar months to read, and copies the months after them. With samples assigned at random, a test sample has a
# neighbour in the training data that begins a month earlier or later and contains the answer. Its error is then about
# half of that with the split by time.

# %%
border, later_border = np.searchsorted(months, np.array(["1930-01", "1960-01"], "datetime64[M]"))
begins = np.arange(count) + READ  # the month of the first forecast
ends = begins + AHEAD
parts = {
    "training": ends <= border,
    "validation": (begins >= border) & (ends <= later_border),
    "test": begins >= later_border,
}
print("  samples: " + ", ".join(f"{part.sum():,} for {name}" for name, part in parts.items()))
known_months = {
    name: {month for row in np.flatnonzero(part) for month in range(begins[row], ends[row])}
    for name, part in parts.items()
}
chapter.claim("no month is forecast in two parts", not known_months["training"] & known_months["validation"])
chapter.claim("nor in the test", not known_months["test"] & (known_months["training"] | known_months["validation"]))


def copied(train, test):
    """Return the mean absolute error of copying the months after the most similar training sample."""
    found = []
    for row in test[::5]:
        nearest = train[((windows[train, :READ] - windows[row, :READ]) ** 2).sum(axis=1).argmin()]
        found.append(np.abs(windows[nearest, READ:] ** 2 - windows[row, READ:] ** 2).mean())
    return np.mean(found)


rows = {name: np.flatnonzero(part) for name, part in parts.items()}
shuffled = rng.permutation(count)
honest, leaking = copied(rows["training"], rows["test"]), copied(*np.split(shuffled, [len(rows["training"])]))
print(f"  error of copying: {honest:.1f} with the split by time, {leaking:.1f} with a random split")
chapter.claim("a random split hides about half of the error", leaking < (0.65 if source == "sunspots" else 1) * honest)

mean, std = roots[:border].mean(), roots[:border].std()
scaled = ((windows - mean) / std).astype(np.float32)

# %% [markdown]
# ## By hand: the pinball loss
#
# There are as many numbers above the median as below it. More generally, a fraction τ of all numbers is below their
# τ-quantile. Let q be a forecast and y the observed number. The pinball loss is
#
#     L(q) = τ·(y − q) if y > q,   (1 − τ)·(q − y) otherwise,
#
# with the derivative −τ if y > q and 1 − τ otherwise. Its mean over all y is least where
#
#     (1 − τ)·P(y < q) − τ·P(y > q) = 0,   so   P(y < q) = τ:
#
# at the τ-quantile. For τ = 1/2 the loss is half the absolute error, and q the median.

# %%
LEVELS = np.array([0.1, 0.5, 0.9], np.float32)


class Pinball(nn.Loss):
    """Mean pinball loss of predicted quantiles `(…, 3)` of targets `(…)`."""

    def forward(self, predictions, targets):
        """Return the loss."""
        errors = targets[..., None] - predictions
        return tg.maximum(LEVELS * errors, (LEVELS - 1) * errors).mean()


q, y = rng.normal(size=(5, 3)), rng.normal(size=5)
above = y[:, None] > q
leaf = tg.tensor(q, requires_grad=True)
loss = Pinball()(leaf, y)
loss.backward()
by_hand = np.where(above, LEVELS * (y[:, None] - q), (1 - LEVELS) * (q - y[:, None])).mean()
chapter.same("the pinball loss", by_hand, loss, tolerance=1e-7)
chapter.same("its gradient", np.where(above, -LEVELS, 1 - LEVELS) / q.size, leaf.grad, tolerance=1e-7)

draws = rng.gamma(2.0, size=10_001)
candidates = np.linspace(0, 8, 801)
lowest = [
    candidates[np.argmin([np.maximum(t * (draws - c), (t - 1) * (draws - c)).mean() for c in candidates])]
    for t in LEVELS
]
chapter.claim("it is least at the quantile", np.allclose(lowest, np.quantile(draws, LEVELS), atol=0.02))

# %% [markdown]
# ## On the engine
#
# A GRU (chapter 30) reads the 132 months in 22 steps of half a year. A dense layer gives three numbers for each month
# ahead: the difference of the median from the mean of the last twelve months, and the distances of the other two
# quantiles from it. softplus, log(1 + eᶻ), makes the distances positive, so that the quantiles are in order.


# %%
class Forecaster(nn.Module):
    """GRU that reads half a year at a time, and predicts three quantiles of the months ahead."""

    def __init__(self, rng):
        self.recurrent = nn.GRU(6, 32, rng=rng)
        self.output = nn.Dense(32, 3 * AHEAD, weight_init=nn.init.normal(0.01), rng=rng)

    def forward(self, x):
        """Return the quantiles `(samples, AHEAD, 3)` after the months `(samples, months)`."""
        state = self.recurrent(tg.reshape(x, (len(x), -1, 6)))
        raw = tg.reshape(self.output(state), (-1, AHEAD, 3))
        median = raw[..., 1] + tg.mean(x[:, -12:], axis=1, keepdims=True)
        return tg.stack([median - tg.softplus(raw[..., 0]), median, median + tg.softplus(raw[..., 2])], axis=-1)


def trained(read=READ, seed=run.seed):
    """Return a network that has learned from windows of `read` months."""
    network = Forecaster(np.random.default_rng(seed))
    rate = nn.CosineDecay(0.003, steps=EPOCHS * -(-len(rows["training"]) // 64))
    model = nn.Model(
        network, loss=Pinball(), optimizer=nn.AdamW(network.parameters(), rate, weight_decay=0.1), rng=seed
    )
    train = scaled[rows["training"]]
    model.fit(train[:, READ - read : READ], train[:, READ:], epochs=EPOCHS, batch_size=64, verbose=0)
    return network


def forecasts(network, part, *, read=READ, widening=1.0):
    """Return the forecast numbers of sunspots `(samples, AHEAD, 3)`, with intervals widened by a factor."""
    with tg.no_grad():
        quantiles = network.eval()(scaled[rows[part], READ - read : READ]).data
    median = quantiles[..., 1:2]
    return np.maximum((median + widening * (quantiles - median)) * std + mean, 0) ** 2


def truth(part):
    """Return the observed numbers, `(samples, AHEAD)`."""
    return windows[rows[part], READ:] ** 2


def coverage(quantiles, part):
    """Return the fraction of the observed numbers that are inside the interval."""
    return ((quantiles[..., 0] <= truth(part)) & (truth(part) <= quantiles[..., 2])).mean()


network = trained()

# %% [markdown]
# An increasing function preserves quantiles: the square of a quantile of the roots is the same quantile of the numbers.
# This is not true of a mean.
#
# 80 % of the observed numbers should be between the quantiles for 0.1 and 0.9. In the validation years, which the
# network has not seen, fewer are. All intervals are therefore widened by one factor, chosen so that 80 % of the
# validation data are inside. Of the test data, between 72 and 90 % are then inside.

# %%
factors = np.linspace(0.5, 3.0, 101)
inside = [coverage(forecasts(network, "validation", widening=each), "validation") for each in factors]
widening = factors[np.argmin(np.abs(np.array(inside) - 0.8))]
predicted = forecasts(network, "test", widening=widening)
covered, covered_before = coverage(predicted, "test"), coverage(forecasts(network, "test"), "test")
print(f"  widened by {widening:.2f}; of the test data, {covered_before:.0%} were inside before, {covered:.0%} are now")

# %% [markdown]
# ## What the forecast is worth
#
# Persistence forecasts the last known month for all months ahead. The seasonal-naive forecast repeats what happened one
# period ago: here, 132 months. A network that does no better is not worth training. The error is the mean absolute
# error of 571 samples with 24 months each. The network's is lower than both by at least 30 %. One month ahead the
# network is no better than persistence. Its strength is the course of the cycle: two years ahead its error is about
# half as large.

# %%
read_months = windows[rows["test"], :READ] ** 2
simple = {
    "persistence": np.repeat(read_months[:, -1:], AHEAD, axis=1),
    "seasonal-naive": read_months[:, READ - 132 : READ - 132 + AHEAD],
}
errors = {name: np.abs(each - truth("test")) for name, each in {"network": predicted[..., 1], **simple}.items()}
for name, each in errors.items():
    near, far = each[:, 0].mean(), each[:, -1].mean()
    print(f"  {name}: mean absolute error {each.mean():.1f}; a month ahead {near:.1f}, two years ahead {far:.1f}")
best = min(errors["persistence"].mean(), errors["seasonal-naive"].mean())
margin = 1 - errors["network"].mean() / best
print(f"  the network's error is {margin:.0%} below the better of the two")
chapter.claim("the network is better than both", margin > (0.1 if source == "sunspots" else 0))
if source == "sunspots" and not run.fast:
    chapter.claim("by at least 30 %", margin >= 0.3)
    chapter.claim("571 samples", len(rows["test"]) == 571)
    chapter.claim("before widening, fewer than 80 % of the validation data are inside", widening > 1)
    chapter.claim("with widened intervals, 72 to 90 % of the test data are inside", 0.72 <= covered <= 0.9)
    chapter.claim(
        "a month ahead it is no better than persistence, to within 10 %",
        abs(errors["network"][:, 0].mean() / errors["persistence"][:, 0].mean() - 1) < 0.1,
    )
    far = errors["network"][:, -1].mean() / errors["persistence"][:, -1].mean()
    chapter.claim("two years ahead its error is about half as large", 0.4 < far < 0.6)

# %% [markdown]
# ## The picture: fifty years of forecasts
#
# At the top, the series, with the three parts in different colours. In the middle, the test years: every two years a
# new forecast begins, which has not seen the months that it covers. The line is the median, and 80 % of the months
# should be in the band. It widens with the distance, and is narrow at a minimum of the cycle. At the bottom, the error
# as a function of the number of months ahead.

# %%
figure = Figure(figsize=(10.5, 9.0), layout="constrained")
top, middle, bottom = figure.subplots(3, 1, height_ratios=[1, 1.4, 1.2])
edges = [0, border, later_border, len(numbers)]
for begin, end, colour, name in zip(edges, edges[1:], (chapter.GREY, chapter.ORANGE, chapter.BLUE), parts):
    top.plot(months[begin:end], numbers[begin:end], color=colour, linewidth=0.8, label=name)
top.legend(frameon=False, ncols=3, loc="upper left")
top.set_ylim(0, 1.35 * numbers.max())
chapter.plain(top, f"{source}, month by month")
middle.plot(months[later_border:], numbers[later_border:], color="black", linewidth=0.7, label="observed")
for row in range(0, len(predicted), AHEAD):
    when = months[later_border + row : later_border + row + AHEAD]
    low, median, high = predicted[row].T
    middle.fill_between(
        when, low, high, color=chapter.BLUE, alpha=0.25, linewidth=0, label="80 %" if row == 0 else None
    )
    middle.plot(when, median, color=chapter.BLUE, linewidth=2, label="median" if row == 0 else None)
middle.legend(frameon=False, ncols=3, loc="upper left")
middle.set_ylim(0, 1.25 * numbers[later_border:].max())
chapter.plain(middle, "forecasts of two years in the test data")
styles = {"network": (chapter.BLUE, "-"), "persistence": (chapter.RED, "--"), "seasonal-naive": (chapter.GREEN, ":")}
for name, each in errors.items():
    colour, line = styles[name]
    bottom.plot(np.arange(1, AHEAD + 1), each.mean(axis=0), color=colour, linestyle=line, linewidth=2, label=name)
bottom.set_ylim(0)
bottom.legend(frameon=False)
chapter.plain(bottom, "mean absolute error", "months ahead")
chapter.save(figure, run.out / "31_time_series.png")

# %% [markdown]
# ## Three things to try
#
# 1. Let the network read only the last twelve months. What does it lose?
#
#    *Answer.* The course of the cycle. It does not see how long ago the last minimum was, and its error rises by at
#    least 15 %.
# 2. Average the medians of three networks with different seeds. Is their mean better?
#
#    *Answer.* Its error is lower than the mean error of the three: where they disagree, their errors cancel in part.
#    This holds for every error that is convex in the forecast, such as the absolute one. Here, the gain is small.
# 3. Forecast the passengers of an airline, 24 months ahead, by persistence and seasonal-naive with a period of twelve
#    months. Which is better, and how can it be improved without a network?
#
#    *Answer.* Seasonal-naive, by at least 10 %: people fly in summer. But their number also grows from year to year.
#    Multiplied by the growth of the last year, the seasonal forecast loses over 40 % of its error. A network has to be
#    compared with that.

# %%
short = trained(read=12)
short_error = np.abs(forecasts(short, "test", read=12)[..., 1] - truth("test")).mean()
several = [predicted[..., 1], *(forecasts(trained(seed=run.seed + each), "test")[..., 1] for each in (1, 2))]
each_error = np.mean([np.abs(each - truth("test")).mean() for each in several])
together = np.abs(np.mean(several, axis=0) - truth("test")).mean()
print(f"  1: error {short_error:.1f} after reading 12 months, {errors['network'].mean():.1f} after {READ}")
print(f"  2: error {together:.2f} of the mean of three networks, {each_error:.2f} of one on average")
chapter.claim("2: the mean is better", together < each_error)
if source == "sunspots" and not run.fast:
    chapter.claim("1: it rises by at least 15 %", short_error > 1.15 * errors["network"].mean())

try:
    _, passengers = nn.datasets.airline_passengers(download=False)
except FileNotFoundError:
    print("  3: The passengers are not on this machine: nn.datasets.airline_passengers() downloads them.")
else:
    every = np.lib.stride_tricks.sliding_window_view(passengers, 24 + AHEAD)
    before, after = every[:, :24], every[:, 24:]
    last_year = before[:, 12:]
    growth = last_year.sum(axis=1, keepdims=True) / before[:, :12].sum(axis=1, keepdims=True)
    forecast = {
        "persistence": np.repeat(last_year[:, -1:], AHEAD, axis=1),
        "seasonal-naive": np.tile(last_year, 2),
        "with growth": np.concatenate([last_year * growth, last_year * growth**2], axis=1),
    }
    airline = {name: np.abs(each - after).mean() for name, each in forecast.items()}
    print("  3: " + ", ".join(f"{name} {error:.1f}" for name, error in airline.items()))
    chapter.claim("3: seasonal-naive is better by 10 %", airline["seasonal-naive"] < 0.9 * airline["persistence"])
    chapter.claim("3: with growth, over 40 % less", airline["with growth"] < 0.6 * airline["seasonal-naive"])
