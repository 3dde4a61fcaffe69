# %% [markdown]
# # Chapter 30. LSTM and GRU
#
# What you will understand:
#
# - an LSTM keeps its memory in a cell that is changed by addition; gates, which are numbers from 0 to 1, decide what is
#   written, kept and read;
# - along the cell, the gradient is multiplied by the forget gate only, so it survives for as long as the gate is open;
# - a GRU does the same with one state and two gates;
# - on a task where something must be remembered for dozens of steps, an LSTM and a GRU succeed and a plain recurrent
#   network fails, and the gates show how;
# - with lengths, sequences of different lengths can be classified: the network recognises a speaker by two vowels.

# %%
import chapter
import first_names
import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg

run = chapter.options("Chapter 30. LSTM and GRU")
EPOCHS = 1 if run.fast else 5
SAMPLES = 3_000 if run.fast else None
STEPS, RECALL_EPOCHS = 40, 1 if run.fast else 4

# %% [markdown]
# ## By hand: one step of an LSTM
#
# From the input x, the state h and the cell c, with the logistic function σ:
#
#     i = σ(zᵢ), f = σ(z_f), g = tanh(z_g), o = σ(zₒ),   where [zᵢ, z_f, z_g, zₒ] = x·W + h·U + b,
#     c′ = f·c + i·g,   h′ = o·tanh(c′).
#
# The input gate i decides how much of the candidate g is written, the forget gate f how much of the cell is kept, and
# the output gate o how much of it is shown to the rest of the network.


# %%
def sigmoid(z):
    """Return the logistic function."""
    return 1 / (1 + np.exp(-z))


rng = np.random.default_rng(run.seed)
batch, inputs, units = 4, 3, 5
x, h, c = rng.normal(size=(batch, inputs)), rng.normal(size=(batch, units)), rng.normal(size=(batch, units))
W, U, b = (rng.normal(size=shape) for shape in ((inputs, 4 * units), (units, 4 * units), 4 * units))

z = np.split(x @ W + h @ U + b, 4, axis=1)
i, f, g, o = sigmoid(z[0]), sigmoid(z[1]), np.tanh(z[2]), sigmoid(z[3])
new_c = f * c + i * g
new_h = o * np.tanh(new_c)

# %% [markdown]
# ## By hand: its backward pass
#
# Given the gradients ∂h′ and ∂c′ from the next step, the cell receives what comes directly and what comes through h′:
#
#     ∂c′ ← ∂c′ + ∂h′·o·(1 − tanh²c′).
#
# From c′ = f·c + i·g: ∂c = ∂c′·f, ∂f = ∂c′·c, ∂i = ∂c′·g, ∂g = ∂c′·i; and ∂o = ∂h′·tanh c′. With σ′ = σ(1 − σ) and
# tanh′ = 1 − tanh², these give the gradient δ of all four z, and from there on it is a dense layer:
#
#     ∂W = xᵀ·δ,  ∂U = hᵀ·δ,  ∂b = Σδ,  ∂x = δ·Wᵀ,  ∂h = δ·Uᵀ.
#
# The path from c′ to c is a product with f, number by number. No matrix and no tanh is on it.

# %%
d_new_h, d_new_c = rng.normal(size=(2, batch, units))
d_cell = d_new_c + d_new_h * o * (1 - np.tanh(new_c) ** 2)
d_c = d_cell * f
delta = np.concatenate(
    [
        d_cell * g * i * (1 - i),
        d_cell * c * f * (1 - f),
        d_cell * i * (1 - g**2),
        d_new_h * np.tanh(new_c) * o * (1 - o),
    ],
    axis=1,
)
d_W, d_U, d_b, d_x, d_h = x.T @ delta, h.T @ delta, delta.sum(axis=0), delta @ W.T, delta @ U.T

# %% [markdown]
# ## On the engine

# %%
layer = nn.LSTM(inputs, units, dtype=np.float64)
layer.weight.data, layer.recurrent_weight.data, layer.bias.data = W, U, b
leaves = [tg.tensor(value, requires_grad=True) for value in (x, h, c)]
_, (hidden, cell) = layer.step(leaves[0], (leaves[1], leaves[2]))
((hidden * d_new_h).sum() + (cell * d_new_c).sum()).backward()
chapter.same("the new state", new_h, hidden)
chapter.same("the new cell", new_c, cell)
tensors = [layer.weight, layer.recurrent_weight, layer.bias, *leaves]
for name, by_hand, tensor in zip("WUbxhc", [d_W, d_U, d_b, d_x, d_h, d_c], tensors):
    chapter.same(f"the gradient with respect to {name}", by_hand, tensor.grad)

# %% [markdown]
# ## By hand: one step of a GRU
#
# The gated recurrent unit has a reset gate r, an update gate u and a candidate n, and no cell besides its state:
#
#     r = σ(x·Wᵣ + h·Uᵣ + bᵣ + aᵣ),  u = σ(x·Wᵤ + h·Uᵤ + bᵤ + aᵤ),  n = tanh(x·Wₙ + bₙ + r·(h·Uₙ + aₙ)),
#     h′ = (1 − u)·n + u·h.
#
# The state is a weighted mean of the new and the old. Where u is close to 1 it is kept, and so is its gradient.

# %%
W, U, b, a = (rng.normal(size=shape) for shape in ((inputs, 3 * units), (units, 3 * units), 3 * units, 3 * units))
of_x, of_h = np.split(x @ W + b, 3, axis=1), np.split(h @ U + a, 3, axis=1)
r, u = sigmoid(of_x[0] + of_h[0]), sigmoid(of_x[1] + of_h[1])
n = np.tanh(of_x[2] + r * of_h[2])

layer = nn.GRU(inputs, units, dtype=np.float64)
layer.weight.data, layer.recurrent_weight.data, layer.bias.data, layer.recurrent_bias.data = W, U, b, a
chapter.same("a step of a GRU", (1 - u) * n + u * h, layer.step(x, h)[0])

# %% [markdown]
# ## A task for memory
#
# A sequence of 40 random numbers from −1 to 1, one of which, somewhere in the first half, is marked by a 1 in a second
# feature. After the last step, the network has to name that number. To guess 0 gives a mean squared error of 1/3, the
# variance of the numbers.
#
# A network has to remember before it can learn what to remember. With a bias of log T, the forget gate of an LSTM, or
# the update gate of a GRU, starts near σ(log T) = T/(T + 1). Over T steps it keeps (1 + 1/T)⁻ᵀ ≈ 1/e of what it holds,
# and of the gradient (Tallec and Ollivier, *Can recurrent neural networks warp time?*, 2018). A plain network has no
# such choice.


# %%
def marked(count):
    """Return sequences `(count, STEPS, 2)` and the marked number of each."""
    sequences = np.zeros((count, STEPS, 2), np.float32)
    sequences[..., 0] = rng.uniform(-1, 1, (count, STEPS))
    places = np.arange(count), rng.integers(0, STEPS // 2, count)
    sequences[(*places, 1)] = 1
    return sequences, sequences[places][:, :1].copy()


def trained(layer):
    """Return a network with a recurrent layer of 16 units, trained to recall, and its error on other sequences."""
    network = nn.Sequential(layer, nn.Dense(16, 1, rng=np.random.default_rng(run.seed)))
    model = nn.Model(
        network,
        loss=nn.MeanSquaredError(),
        optimizer=nn.Adam(network.parameters(), learning_rate=0.01),
        rng=run.seed,
    )
    model.fit(X, y, epochs=RECALL_EPOCHS, batch_size=32, verbose=0)
    return network, model.evaluate(*test)["loss"]


def with_bias(layer, bias):
    """Return an LSTM or GRU with this bias in its second gate: the forget gate, or the update gate."""
    values = layer.bias.data.copy()
    values[16:32] = bias
    layer.bias.data = values
    return layer


def recurrent(kind):
    """Return a layer of 16 units with the same random numbers each time."""
    return kind(2, 16, rng=np.random.default_rng(run.seed))


X, y = marked(8_000)
test = marked(1_000)
remembering, error = trained(with_bias(recurrent(nn.LSTM), np.log(STEPS)))
_, error_gru = trained(with_bias(recurrent(nn.GRU), np.log(STEPS)))
_, error_plain = trained(recurrent(nn.RNN))
print(f"  mean squared error over {STEPS} steps: LSTM {error:.4f}, GRU {error_gru:.4f}, plain {error_plain:.3f}")
chapter.claim("the LSTM and the GRU recall the number: errors below 0.03", max(error, error_gru) < 0.03)
chapter.claim("the plain network does not: its error is above 0.25", error_plain > 0.25)
kept = sigmoid(np.log(STEPS)) ** STEPS
chapter.claim("over 40 steps, such a gate keeps 1/e, up to 2 %", abs(kept * np.e - 1) < 0.02)

# %% [markdown]
# ## Names
#
# The network of chapter 29 with other recurrent layers. Each learns the same names for as many epochs.

# %%
names = first_names.load(samples=SAMPLES)
X_names, y_names = first_names.encoded(names.train)
few = names.source != "names"
epochs, batch_size = (10 * EPOCHS, 16) if few else (EPOCHS, 64)
losses = {}
for kind in (nn.LSTM, nn.GRU):
    draws = np.random.default_rng(run.seed)
    network = nn.Sequential(
        nn.Embedding(27, 16, weight_init=nn.init.normal(1.0), rng=draws),
        kind(16, 64, return_sequences=True, rng=draws),
        nn.Dense(64, 27, rng=draws),
    )
    rate = nn.CosineDecay(0.01, steps=epochs * -(-len(X_names) // batch_size))
    model = first_names.model(network, learning_rate=rate, seed=run.seed)
    model.fit(X_names, y_names, epochs=epochs, batch_size=batch_size, verbose=0)
    losses[kind.__name__] = first_names.loss(network, names.test)
    made_up = first_names.made_up(network, 10, draws)
    print(f"  {kind.__name__}: test loss {losses[kind.__name__]:.3f}; it makes up {', '.join(made_up)}")
if run.fast or few:
    chapter.claim("both are better than 27 equally likely symbols", max(losses.values()) < np.log(27) - 0.3)
else:
    chapter.claim("the test loss of both is at most 2.10", max(losses.values()) <= 2.10)

# %% [markdown]
# ## Who is speaking?
#
# Nine men say the Japanese vowels *ae*; each of 640 recordings has 7 to 29 steps of 12 numbers, which describe the
# sound. The task is to recognise the speaker. The numbers are standardised with the mean and the standard deviation of
# the training data. `nn.data.SequenceBatches` pads the recordings of a batch, and with their `lengths` the LSTM returns
# the state after the last step of each. With `nn.Bidirectional`, a second LSTM reads backwards, and the dense layer
# receives both states. From 270 recordings, each network learns to recognise at least 95 % of the other 370. Published
# results of other networks are between 95.6 and 99.3 % (Fawaz and others, *Deep learning for time series
# classification*, 2019).


# %%
class Speaker(nn.Module):
    """A recurrent layer, and a dense layer on its last state."""

    def __init__(self, recurrent, rng):
        self.recurrent = recurrent
        self.output = nn.Dense(64, 9, rng=rng)

    def forward(self, x, lengths):
        """Return the logits of the nine speakers."""
        return self.output(self.recurrent(x, lengths=lengths))


try:
    recordings, speakers, other_recordings, other_speakers = nn.datasets.japanese_vowels(download=False)
except FileNotFoundError:
    print("  The Japanese vowels are not on this machine: this part is left out.")
    print("  To download them (1.1 MB): python -c 'import nn; nn.datasets.japanese_vowels()'")
else:
    standardize = nn.data.Standardizer(np.concatenate(recordings))
    batches = nn.data.SequenceBatches([standardize(each) for each in recordings], speakers, batch_size=16, rng=run.seed)
    others = nn.data.SequenceBatches(
        [standardize(each) for each in other_recordings], other_speakers, batch_size=64, shuffle=False
    )
    draws = np.random.default_rng(run.seed)
    epochs, least = (10, 0.9) if run.fast else (30, 0.95)
    for name, layer in {
        "LSTM of 64 units": nn.LSTM(12, 64, rng=draws),
        "two LSTMs of 32 units": nn.Bidirectional(nn.LSTM(12, 32, rng=draws)),
    }.items():
        speaker = Speaker(layer, draws)
        model = nn.Model(
            speaker,
            loss=nn.SoftmaxCrossEntropy(),
            optimizer=nn.Adam(speaker.parameters(), nn.CosineDecay(0.005, steps=epochs * len(batches))),
            metrics=[nn.CategoricalAccuracy()],
            rng=run.seed,
        )
        model.fit(batches, epochs=epochs, verbose=0, callbacks=[nn.callbacks.ClipGradients(norm=5.0)])
        accuracy = model.evaluate(others)["accuracy"]
        print(f"  {name}: {accuracy:.1%} of the speakers recognised")
        chapter.claim(f"{name}: at least {least:.0%}", accuracy >= least)

# %% [markdown]
# ## The picture: the gates over time
#
# The trained LSTM reads 200 sequences, all marked at step 10; the top shows one of them. Below is what each of the 16
# cells knows: the correlation, over the sequences, of the cell after each step with the marked number. Before the mark
# it is about zero. At the mark some cells take the number in, and the best keeps it to the end. The middle shows that
# cell's gates, on average: it writes most at the mark, and its forget gate stays near 1.


# %%
def read(sequences):
    """Return the gates i and f, the candidate g and the cell after each step, `(time, batch, units)`, by hand."""
    layer, seen = remembering[0], []
    hidden = cell = np.zeros((len(sequences), 16), np.float64)
    for step in sequences.swapaxes(0, 1):
        z = step @ layer.weight.data + hidden @ layer.recurrent_weight.data + layer.bias.data
        i, f, g, o = (rule(part) for rule, part in zip((sigmoid, sigmoid, np.tanh, sigmoid), np.split(z, 4, axis=1)))
        cell = f * cell + i * g
        hidden = o * np.tanh(cell)
        seen.append((i, f, g, cell))
    return (*np.stack(seen, axis=1), hidden)


MARK = 10
sequences = marked(200)[0]
sequences[..., 1] = np.arange(STEPS) == MARK
numbers = sequences[:, MARK, 0]
input_gates, forget_gates, candidates, cells, hidden = read(sequences)
chapter.same("the LSTM's last state", hidden, remembering[0](sequences), tolerance=1e-4)

known = np.array([[abs(np.corrcoef(cell, numbers)[0, 1]) for cell in step.T] for step in cells])
unit = int(known[-1].argmax())
written = np.abs(input_gates * candidates).mean(axis=1)[:, unit]
print(f"  unit {unit}: correlation {known[-1, unit]:.3f} of its last cell with the marked number")
chapter.claim("before the mark, no cell knows the number: correlations below 0.3", known[:MARK].max() < 0.3)
chapter.claim("one cell knows it at the end: correlation above 0.9", known[-1, unit] > 0.9)
chapter.claim("it writes most at the mark", written.argmax() == MARK)
chapter.claim("its forget gate is above 0.9 on average", forget_gates[:, :, unit].mean() > 0.9)

figure = Figure(figsize=(10.5, 6.2), layout="constrained")
top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=[1, 1.2, 1.4])
steps = np.arange(STEPS)
top.bar(
    steps,
    sequences[numbers.argmax(), :, 0],
    color=[chapter.RED if step == MARK else chapter.GREY for step in steps],
    width=0.7,
)
top.set_ylim(-1.1, 1.1)
chapter.plain(top, "a sequence; the marked number is red")
middle.plot(
    steps, forget_gates.mean(axis=1)[:, unit], "--", color=chapter.GREEN, marker="s", markersize=4, label="forget gate"
)
middle.plot(
    steps, input_gates.mean(axis=1)[:, unit], ":", color=chapter.ORANGE, marker="^", markersize=4, label="input gate"
)
middle.bar(steps, written, color=chapter.BLUE, width=0.4, label="written: |i·g|")
middle.set_ylim(0, 1.45)
middle.set_yticks([0, 0.5, 1])
middle.legend(frameon=False, fontsize=9, loc="upper right", ncols=3)
chapter.plain(middle, f"gates of unit {unit}, on average")
image = bottom.imshow(known.T, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="none")
bottom.set_yticks(range(16), [f"→ {row}" if row == unit else str(row) if row % 5 == 0 else "" for row in range(16)])
chapter.plain(bottom, "what each cell knows: |correlation| with the marked number", "step", "unit")
figure.colorbar(image, ax=bottom, pad=0.01)
chapter.save(figure, run.out / "30_lstm_and_gru.png")

# %% [markdown]
# ## Three things to try
#
# 1. How many parameters have `nn.RNN(16, 64)`, `nn.LSTM(16, 64)` and `nn.GRU(16, 64)`, and why?
#
#    *Answer.* 5,184, 20,736 and 15,744. An LSTM has four sets of weights in place of one: 4·(16·64 + 64·64 + 64). A GRU
#    has three, and a second bias in each.
# 2. Set the bias of the forget gate to −2 before training for the task. What happens?
#
#    *Answer.* At σ(−2) ≈ 0.12, the cell is forgotten within a few steps, and so is the gradient: the LSTM fails like
#    the plain network.
# 3. Leave the bias of the GRU's update gate at 0, as it usually starts. Does it learn the task?
#
#    *Answer.* Not in four epochs. The gate keeps half of the state at each step, and 0.5²⁰ is a millionth. The default
#    of the LSTM, a bias of 1 in the forget gate, lies in between: whether it learns the task in time depends on the
#    seed.

# %%
count = [sum(parameter.size for parameter in kind(16, 64).parameters()) for kind in (nn.RNN, nn.LSTM, nn.GRU)]
chapter.claim("1: 5,184, 20,736 and 15,744 parameters", count == [5_184, 20_736, 15_744])
chapter.claim("2: σ(−2) ≈ 0.12", round(sigmoid(-2), 2) == 0.12)
chapter.claim("3: 0.5²⁰ is about a millionth", round(0.5**20 * 1e6) == 1)
if not run.fast:
    chapter.claim("2: such an LSTM fails: error above 0.25", trained(with_bias(recurrent(nn.LSTM), -2.0))[1] > 0.25)
    chapter.claim("3: so does such a GRU", trained(recurrent(nn.GRU))[1] > 0.25)
