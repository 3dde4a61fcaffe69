# %% [markdown]
# # Chapter 34. A Transformer language model
#
# What you will understand:
#
# - a language model predicts the next character from the characters before; a Transformer does so for all positions of
#   a text at once, and a causal mask hides what comes later;
# - its blocks are attention, which moves information between positions, and a small dense network, which works on each
#   position; both add to their input;
# - positions must be added, because attention does not see order;
# - 804,096 parameters learn from 2,000 small batches what a play looks like, and a published network with a third as
#   many writes a story.

# %%
import math
import os
import sys
import time
from pathlib import Path

import chapter
import characters
import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg
from nn.callbacks.clipping import clip_norm

run = chapter.options("Chapter 34. A Transformer language model")

# %% [markdown]
# ## By hand: a block
#
# A block takes a row of features for each position, and adds to it twice:
#
#     x ← x + attention(norm(x)),   x ← x + gelu(norm(x)·W₁)·W₂.
#
# The norm subtracts the mean of a row, divides by its standard deviation, and multiplies by trained factors. Attention
# is that of chapter 33 in several heads; a position attends to itself and to earlier ones. gelu(z) = z·Φ(z), where Φ is
# the distribution function of the normal distribution, is a smooth variant of ReLU. Because both parts add to x,
# gradients reach all blocks directly (chapter 26).

# %%
rng = np.random.default_rng(run.seed)
batch, steps, features, heads = 2, 7, 8, 2
x = rng.normal(size=(batch, steps, features))
block = nn.TransformerBlock(features, heads, causal=True, bias=False, dtype=np.float64, rng=rng)


def norm(rows, layer):
    """Return rows with mean 0 and variance 1, times the factors of the layer."""
    centred = rows - rows.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5) * layer.weight.data


def gelu(z):
    """Return z times the probability that a standard normal number is below z."""
    return z * (1 + np.vectorize(math.erf)(z / math.sqrt(2))) / 2


def causal_attention(rows, layer):
    """Return the joined results of all heads, projected."""
    projected = [rows @ each.weight.data for each in (layer.query, layer.key, layer.value)]
    results = []
    for q, k, v in zip(*(np.split(each, heads, axis=2) for each in projected)):
        scores = q @ k.swapaxes(1, 2) / np.sqrt(features / heads)
        scores[:, np.triu(np.ones((steps, steps), bool), 1)] = -np.inf
        powers = np.exp(scores - scores.max(axis=2, keepdims=True))
        results.append(powers / powers.sum(axis=2, keepdims=True) @ v)
    return np.concatenate(results, axis=2) @ layer.output.weight.data


attended = x + causal_attention(norm(x, block.attention_norm), block.attention)
hidden = gelu(norm(attended, block.feed_forward_norm) @ block.feed_forward.expand.weight.data)
by_hand = attended + hidden @ block.feed_forward.contract.weight.data

# %% [markdown]
# ## On the engine
#
# `nn.TransformerBlock` computes the same. If a later position changes, the results of earlier ones do not.

# %%
chapter.same("a block", by_hand, block(x))
changed = x.copy()
changed[:, 5] *= -1
chapter.same("results before a change", block(x).data[:, :5], block(changed).data[:, :5])
chapter.claim(
    "results from the change on differ", not np.isclose(block(x).data[:, 5:], block(changed).data[:, 5:]).any()
)

# %% [markdown]
# ## The network
#
# The settings are those of Andrej Karpathy's nanoGPT for a CPU: 4 blocks with 4 heads, 128 features, 64 positions. A
# character becomes a row of the embedding, to which a trained row for its position is added. After the blocks, the
# logits are dot products with the rows of the same embedding. Weights start as normal numbers with standard deviation
# 0.02; those whose results are added to x are divided by √8 too, as there are eight such sums.

# %%
FEATURES, BLOCKS, HEADS, LENGTH, BATCH, STEPS = (32, 2, 4, 32, 8, 500) if run.fast else (128, 4, 4, 64, 12, 2_000)


class GPT(nn.Module):
    """Transformer that predicts the next character at each position."""

    def __init__(self, kinds, rng):
        normal = nn.init.normal(0.02)
        self.embedding = nn.Embedding(kinds, FEATURES, weight_init=normal, rng=rng)
        self.positions = nn.LearnedPositions(LENGTH, FEATURES, weight_init=normal, rng=rng)
        self.blocks = [
            nn.TransformerBlock(FEATURES, HEADS, causal=True, bias=False, weight_init=normal, rng=rng)
            for _ in range(BLOCKS)
        ]
        self.norm = nn.LayerNorm(FEATURES, bias=False)
        for block in self.blocks:
            for layer in (block.attention.output, block.feed_forward.contract):
                layer.weight.data = layer.weight.data / np.float32(math.sqrt(2 * BLOCKS))

    def forward(self, ids):
        """Return the logits of the next character, `(batch, time, kinds)`."""
        x = self.positions(self.embedding(ids))
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.embedding.weight.T


text = characters.load()
kinds = len(text.characters)
is_play = text.source == "Tiny Shakespeare"
network = GPT(kinds, rng)
size = sum(parameter.size for parameter in network.parameters())
per_block = 12 * FEATURES**2 + 2 * FEATURES  # four projections, two layers of 4·FEATURES, two norms
chapter.same("the number of parameters", (kinds + LENGTH + 1) * FEATURES + BLOCKS * per_block, size, tolerance=0)
if is_play and not run.fast:
    chapter.claim("804,096 parameters", size == 804_096)

# %% [markdown]
# ## Training
#
# A step takes 12 windows of 64 characters from anywhere in the text. Each window is 64 exercises at once: predict the
# second character from the first, the third from the first two, and so on. AdamW shrinks the matrices a little at each
# step (weight decay), the learning rate rises for 100 steps and then falls along a cosine, and gradients with a norm
# above 1 are scaled down to 1. These are nanoGPT's settings, except for the highest learning rate: 0.003 here, 0.001
# there.
#
# To compare: tables of how often each character follows the one or two before have validation losses of 2.48 and 2.05,
# in nats per character.

# %%
tables = [characters.table_loss(text, before, added) for before, added in ((0, 0.1), (1, 1.0), (2, 0.1))]
print("  validation loss of tables that know 0, 1, 2 characters: " + ", ".join(f"{each:.3f}" for each in tables))
if is_play:
    chapter.claim("the tables have 2.48 and 2.05", [round(each, 2) for each in tables[1:]] == [2.48, 2.05])

X_validation, y_validation = characters.windows(text.validation, LENGTH)
some = np.linspace(0, len(X_validation) - 1, min(240, len(X_validation))).astype(int)
first = characters.losses(network, X_validation[some], y_validation[some]).mean()
print(f"  before training: {first:.2f}; log {kinds} = {math.log(kinds):.2f}")
chapter.claim("before training, all characters are about equally likely", abs(first - math.log(kinds)) < 0.1)

schedule = nn.WarmUpCosine(0.01 if run.fast else 0.003, STEPS, STEPS // 20, 1e-4)
optimizer = nn.AdamW(nn.optimizers.group_parameters(network), schedule, beta_2=0.99, weight_decay=0.1)
loss_function = nn.SoftmaxCrossEntropy()
curve, begun = [(0, first)], time.process_time()
for step in range(1, STEPS + 1):
    places = rng.integers(0, len(text.train) - LENGTH, BATCH)[:, None] + np.arange(LENGTH)
    loss = loss_function(network(text.train[places]), text.train[places + 1])
    optimizer.zero_grad()
    loss.backward()
    clip_norm(optimizer.parameters, 1.0)
    optimizer.step()
    if step % (STEPS // 8) == 0:
        curve.append((step, characters.losses(network, X_validation[some], y_validation[some]).mean()))
        print(f"  step {step}: training loss {loss.item():.3f}, validation loss {curve[-1][1]:.3f}")
print(f"  training took {time.process_time() - begun:.0f} s of processor time")

# %% [markdown]
# The published loss of nanoGPT, after the same number of steps with its lower rate, is 1.88. Here, the loss on all of
# the validation text is at most 1.85, and at least 0.2 below that of the table that knows two characters.

# %%
at_each = characters.losses(network, X_validation, y_validation)
validation = at_each.mean()
print(f"  validation loss on all {y_validation.size:,} characters: {validation:.3f}")
chapter.claim("it is better than the table that knows no character", validation < tables[0] - 0.2)
if is_play and not run.fast:
    chapter.claim("the validation loss is at most 1.85", validation <= 1.85)
    chapter.claim("that is 0.2 below the table that knows two characters", validation < tables[2] - 0.2)

# %% [markdown]
# ## What it writes
#
# The network starts from an empty line and draws one character after another.

# %%
begun_text = text.encode("\n")[None]
sample = text.decode(characters.drawn(network, begun_text, 100 if run.fast else 400, rng, length=LENGTH)[0, 1:])
print("    | " + sample.replace("\n", "\n    | "))

# %% [markdown]
# There are names in capitals followed by a colon, verses of about the right length, and words, more than half of which
# exist. Yet nothing in the network defines what a word or a speaker is.
#
# The results for earlier characters never change, so a cache can keep their keys and values. Each new character then
# takes the computation of one position instead of all. The logits are the same.

# %%
passage = text.validation[:LENGTH]
cache = nn.KeyValueCache()
with tg.no_grad():
    whole = network(passage[None]).data[0]
    one_by_one = []
    for number in passage:
        with cache:
            one_by_one.append(network([[number]]).data[0, 0])
chapter.same("the logits with a cache", whole, np.array(one_by_one), tolerance=1e-4)

# %% [markdown]
# ## A story by another network
#
# stories260K, trained by Andrej Karpathy on stories for children, is a small Llama of 260,032 parameters: five blocks
# with rotary positions, and a gate in the dense part. `examples/pretrained/stories260k.py` builds it from the same
# layers and loads the published weights. Tokens are pieces of words. With the most probable token chosen each time, it
# writes the same story, token for token, as the author's C program.

# %%
sys.path.append(str(Path(chapter.__file__).parents[1] / "pretrained"))
import stories260k  # noqa: E402

data = Path(os.environ.get("TENSORGRAD_DATA") or "data")
folder = data / stories260k.FOLDER
if (folder / "stories260k.safetensors").is_file():
    llama, tokenizer = stories260k.load(data), stories260k.Tokenizer(folder / "tokenizer.json")
    expected = np.load(folder / "reference.npz")["bos_greedy_ids"][: 60 if run.fast else None]
    written = stories260k.continued(llama, [tokenizer.begin], len(expected) - 1)
    print("    | " + tokenizer.decode(written[1:]).replace("\n", "\n    | "))
    chapter.claim("260,032 parameters", sum(each.size for each in llama.parameters()) == 260_032)
    chapter.same("the story, token for token", expected, np.array(written), tolerance=0)
else:
    print(f"  The weights of stories260K are not in {folder}: the story is left out.")

# %% [markdown]
# ## The picture: what is learned, and where the network looks
#
# Top left, the validation loss during training. The dashed lines are the tables, which know 0, 1 and 2 characters, and
# the dots are those of nanoGPT in PyTorch with its learning rate. Top right, the loss as a function of the number of
# characters of the window that the network has read. It falls quickly over the first eight, and hardly after that. With
# one or two characters, the network is no better than the tables, which are designed for these cases.
#
# Below, two of the 16 heads read a passage: the one that, on average over many passages, looks at the nearest
# characters, and the one that looks furthest back. A row is the character that looks, a column the character that it
# looks at. With the seed 0, one attends to the character before, and the other to the name of the speaker and the end
# of its line.


# %%
def attention_weights(ids):
    """Return the weights of all heads, `(texts, blocks, heads, time, time)`."""
    found = []
    with tg.no_grad():
        x = network.positions(network.embedding(ids))
        for block in network.blocks:
            found.append(block.attention(block.attention_norm(x), return_weights=True)[1].data)
            x = block(x)
    return np.stack(found, axis=1)


weights = attention_weights(X_validation[:100])
places = np.arange(LENGTH)
distances = (weights * (places[:, None] - places)).sum(axis=-1)[..., 8:].mean(axis=(0, -1))
nearest, furthest = (divmod(int(each), HEADS) for each in (distances.argmin(), distances.argmax()))
for name, head in {"nearest": nearest, "furthest": furthest}.items():
    print(f"  head {head[1]} of block {head[0]} looks {name}: {distances[head]:.1f} characters back on average")
chapter.claim("no head looks ahead", (weights[..., ~np.tri(LENGTH, dtype=bool)] == 0).all())
by_place = at_each.mean(axis=0)
if is_play and not run.fast:
    chapter.claim(
        "one head looks less than 4, another more than 8 characters back", distances.min() < 4 < 8 < distances.max()
    )
    chapter.claim(
        "with one or two characters, it is no better than the tables",
        (by_place[:2] > np.array(tables[1:]) - 0.03).all(),
    )

figure = Figure(figsize=(10.5, 9.5), layout="constrained")
(curves, reading), panels = figure.subplots(2, 2, height_ratios=[1, 1.5])
curves.plot(*zip(*curve), color=chapter.BLUE, marker="o", markersize=4)
for number, loss in enumerate(tables):
    curves.axhline(loss, color=chapter.GREY, linestyle="--", linewidth=1)
    curves.annotate(f"table of {number}", (STEPS, loss), ha="right", va="bottom", fontsize=8)
if is_play and not run.fast:
    measured = {250: 2.445, 500: 2.314, 1_000: 2.053, 1_500: 1.923, 2_000: 1.886}
    curves.scatter(measured.keys(), measured.values(), color=chapter.ORANGE, zorder=3, label="nanoGPT")
    curves.legend(frameon=False)
chapter.plain(curves, "validation loss", "step")
reading.plot(places + 1, by_place, color=chapter.BLUE)
reading.scatter((1, 2), tables[1:], color=chapter.GREY, marker="s", label="tables")
reading.legend(frameon=False)
chapter.plain(reading, "validation loss, by the number of characters read", "characters read")
start = text.decode(text.validation).find("\n\n") + 2
passage = text.validation[start : start + min(LENGTH, 40)]
labels = [repr(character)[1:-1].replace(" ", "␣") for character in text.decode(passage)]
maps = attention_weights(passage[None])[0]
for panel, (block, head) in zip(panels, (nearest, furthest)):
    panel.imshow(maps[block, head], cmap="Blues", vmin=0, vmax=maps[block, head][8:].max())
    panel.set_xticks(range(len(passage)), labels, fontsize=7)
    panel.set_yticks(range(len(passage)), labels, fontsize=7)
    panel.tick_params(length=0)
    chapter.plain(panel, f"block {block}, head {head}: {distances[block, head]:.1f} characters back on average")
chapter.save(figure, run.out / "34_transformer_language_model.png")

# %% [markdown]
# ## Three things to try
#
# 1. Set the rows for the positions of the trained network to zero. How much do they matter?
#
#    *Answer.* The loss rises by more than one nat, to above that of the table that knows one character. Without
#    positions a head can see which characters came before, but not which was the last.
# 2. Let the network read only the last 8 characters. What does it lose?
#
#    *Answer.* Less than 0.1 nats, compared with the characters for which it knows at least 32. What matters for
#    spelling is close by. Larger networks, trained for longer, gain more from a long context.
# 3. Draw text with `temperature=0.5` and with `temperature=1.5`. How many of the words exist?
#
#    *Answer.* With 0.5, more than eight in ten occur in the plays; with 1.5, fewer than half. At 1, it is more than
#    half.

# %%
positions = network.positions.weight.data
network.positions.weight.data = np.zeros_like(positions)
without = characters.losses(network, X_validation[some], y_validation[some]).mean()
network.positions.weight.data = positions
print(f"  1: without positions, the validation loss is {without:.2f}")
chapter.claim("1: without positions the loss is higher", without > curve[-1][1])

known = set(text.decode(text.train).split())
existing = {}
for temperature in (0.5, 1.0, 1.5):
    ids = np.tile(begun_text, (8, 1))
    texts = characters.drawn(network, ids, 20 if run.fast else 200, rng, length=LENGTH, temperature=temperature)
    words = [word for each in texts for word in text.decode(each).split()[:-1]]
    existing[temperature] = np.mean([word in known for word in words])
    print(f"  3: with temperature {temperature}, {existing[temperature]:.0%} of the words occur in the plays")
if is_play and not run.fast:
    chapter.claim("1: it rises by more than one nat", without > curve[-1][1] + 1)
    chapter.claim("1: to above that of the table that knows one character", without > tables[1])
    eight = by_place[7] - by_place[32:].mean()
    print(f"  2: after 8 characters, the loss is {eight:.3f} higher than after 33 or more")
    chapter.claim("2: less than 0.1", eight < 0.1)
    chapter.claim(
        "3: more than eight in ten, more than half, less than half",
        existing[0.5] > 0.8 and existing[1.0] > 0.5 > existing[1.5],
    )
