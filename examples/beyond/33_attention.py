# %% [markdown]
# # Chapter 33. Attention
#
# What you will understand:
#
# - attention answers each query with a weighted mean of values; the weights say how well the query matches each key;
# - its backward pass is two matrix products around the derivative of softmax;
# - scores are divided by √d because softmax of large scores passes almost no gradient;
# - a network with one attention layer learns to sort: each step attends to the next larger number, and the attention
#   weights show it.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import nn
import tensorgrad as tg
from nn.plots.signs import SIGNS

run = chapter.options("Chapter 33. Attention")
STEPS = 600 if run.fast else 2_000

# %% [markdown]
# ## By hand: the forward pass
#
# There are n keys and n values, each a row of K and V, and m queries, each a row of Q. The scores S are the dot
# products of queries and keys, divided by √d, where d is their length. Softmax turns each row of S into weights P,
# which are positive and add up to 1. The output is the mean of the values with these weights:
#
#     S = Q·Kᵀ/√d,   P = softmax(S) row by row,   O = P·V.

# %%
rng = np.random.default_rng(run.seed)
batch, queries, keys, width, value_width = 2, 4, 6, 5, 3
Q, K = rng.normal(size=(batch, queries, width)), rng.normal(size=(batch, keys, width))
V = rng.normal(size=(batch, keys, value_width))


def softmax(scores):
    """Return the softmax of each row."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


S = Q @ K.swapaxes(1, 2) / np.sqrt(width)
P = softmax(S)
O = P @ V  # noqa: E741

# %% [markdown]
# ## By hand: the backward pass
#
# Let ∂O be the gradient of the loss with respect to the output. From O = P·V, a matrix product:
#
#     ∂V = Pᵀ·∂O,   ∂P = ∂O·Vᵀ.
#
# In a row, pⱼ = exp(sⱼ)/Σₖ exp(sₖ), so ∂pⱼ/∂sᵢ = pⱼ·(δᵢⱼ − pᵢ), and
#
#     ∂sᵢ = Σⱼ ∂pⱼ·pⱼ·(δᵢⱼ − pᵢ) = pᵢ·(∂pᵢ − Σⱼ pⱼ·∂pⱼ).
#
# From S = Q·Kᵀ/√d, again a matrix product:
#
#     ∂Q = ∂S·K/√d,   ∂K = ∂Sᵀ·Q/√d.
#
# The sum Σⱼ pⱼ·∂pⱼ of a row is the dot product of the same rows of ∂O and O, because ∂pⱼ = ∂O·vⱼ. Implementations for
# long sequences use this, because they never store the whole of P.

# %%
d_O = rng.normal(size=O.shape)
d_V = P.swapaxes(1, 2) @ d_O
d_P = d_O @ V.swapaxes(1, 2)
weighted = (P * d_P).sum(axis=-1, keepdims=True)
d_S = P * (d_P - weighted)
d_Q = d_S @ K / np.sqrt(width)
d_K = d_S.swapaxes(1, 2) @ Q / np.sqrt(width)
chapter.claim("Σ p·∂p is the dot product of ∂O and O", np.allclose(weighted[..., 0], (d_O * O).sum(axis=-1)))

# %% [markdown]
# ## On the engine
#
# `nn.functional.attention` is one recorded operation with this backward pass. Written as products and a softmax, the
# engine gives the same. With `causal=True`, a query sees only its own and earlier positions: the other scores are −∞,
# and their weights 0. A language model (chapter 34) needs that, because it must not see what it has to predict.

# %%
leaves = [tg.tensor(value, requires_grad=True) for value in (Q, K, V)]
output = nn.functional.attention(*leaves)
chapter.same("the output", O, output)
(output * d_O).sum().backward()
for name, by_hand, leaf in zip("QKV", (d_Q, d_K, d_V), leaves):
    chapter.same(f"the gradient with respect to {name}", by_hand, leaf.grad)

q, k, v = (tg.tensor(value, requires_grad=True) for value in (Q, K, V))
composed = tg.softmax(q @ k.swapaxes(1, 2) / np.sqrt(width), axis=-1) @ v
for name, by_hand, gradient in zip("QKV", (d_Q, d_K, d_V), tg.gradient((composed * d_O).sum(), (q, k, v))):
    chapter.same(f"with respect to {name}, as products and a softmax", by_hand, gradient)

later = np.triu(np.ones((queries, queries), bool), 1)
masked = np.where(later, -np.inf, Q @ Q.swapaxes(1, 2) / np.sqrt(width))
chapter.same("causal attention of Q to itself", softmax(masked) @ Q, nn.functional.attention(Q, Q, Q, causal=True))

# %% [markdown]
# ## By hand: several heads
#
# One row of weights can focus on only one thing at a time. `nn.MultiHeadAttention` therefore projects queries, keys and
# values, splits the features into heads, lets each head attend by itself, joins the results, and projects once more.

# %%
features, heads = 6, 2
layer = nn.MultiHeadAttention(features, heads, dtype=np.float64, rng=rng)
x, context = rng.normal(size=(batch, queries, features)), rng.normal(size=(batch, keys, features))
projected = [each(rows).data for each, rows in zip((layer.query, layer.key, layer.value), (x, context, context))]
parts = zip(*(np.split(each, heads, axis=2) for each in projected))  # the Q, K and V of each head
results = [softmax(q @ k.swapaxes(1, 2) / np.sqrt(features / heads)) @ v for q, k, v in parts]
by_hand = np.concatenate(results, axis=2) @ layer.output.weight.data + layer.output.bias.data
chapter.same("two heads", by_hand, layer(x, context))

# %% [markdown]
# ## Why divide by √d?
#
# Let the d numbers of a query and of a key be independent, with mean 0 and variance 1. Each product of two of them has
# mean 0 and variance 1, so their sum, the score, has variance d. For d = 256, undivided scores are near ±16, and of ten
# weights the largest is 0.9 on average. Then softmax is close to a constant, and p·(∂p − Σp·∂p) is close to 0. Divided
# by √d, the scores have variance 1, and the gradient that reaches them is at least three times as large.

# %%
draws = np.random.default_rng(run.seed)
many_queries, many_keys = draws.normal(size=(1_000, 1, 256)), draws.normal(size=(1_000, 10, 256))
scores = (many_queries @ many_keys.swapaxes(1, 2))[:, 0]
upstream = draws.normal(size=scores.shape)
largest, sizes = {}, {}
for name, each in (("undivided", scores), ("divided by √d", scores / 16)):
    p = softmax(each)
    largest[name] = p.max(axis=1).mean()
    sizes[name] = np.linalg.norm(p * (upstream - (p * upstream).sum(axis=1, keepdims=True)), axis=1).mean()
    print(f"  {name}: largest weight {largest[name]:.2f}, norm of the gradient {sizes[name]:.3f}")
chapter.claim("the variance of the scores is d, to within 10 %", abs(scores.var() / 256 - 1) < 0.1)
chapter.claim("undivided, the largest weight is 0.9 on average", 0.85 < largest["undivided"] < 0.95)
chapter.claim("divided, the gradient is three times as large", sizes["divided by √d"] > 3 * sizes["undivided"])

# %% [markdown]
# ## A network that sorts
#
# The network reads a list of 8 different numbers from 0 to 29 and writes it in order, smallest first. To write a
# number, it knows only the list and the previous number; a start symbol comes before the first. The previous number
# becomes the query, the list becomes keys and values, and a dense layer predicts the next number. In training, the
# network receives the correct previous number; when it sorts, the one that it has written itself.

# %%
NUMBERS, LENGTH, START = 30, 8, 30


class Sorter(nn.Module):
    """One attention layer between an embedding and a dense layer."""

    def __init__(self, rng):
        self.embedding = nn.Embedding(NUMBERS + 1, 32, weight_init=nn.init.normal(1.0), rng=rng)
        self.attention = nn.MultiHeadAttention(32, 1, rng=rng)
        self.output = nn.Dense(32, NUMBERS, rng=rng)

    def forward(self, lists, before):
        """Return the logits of the number that follows each of `before`, `(batch, time, NUMBERS)`."""
        return self.output(self.attention(self.embedding(before), self.embedding(lists)))

    def weights(self, lists, before):
        """Return the attention weights, `(batch, time, length)`."""
        with tg.no_grad():
            _, weights = self.attention(self.embedding(before), self.embedding(lists), return_weights=True)
        return weights.data[:, 0]


def random_lists(count, length=LENGTH):
    """Return lists of different numbers, `(count, length)`."""
    return draws.permuted(np.tile(np.arange(NUMBERS), (count, 1)), axis=1)[:, :length]


def shifted(ordered):
    """Return the previous number of each, with the start symbol first."""
    return np.concatenate([np.full((len(ordered), 1), START), ordered[:, :-1]], axis=1)


def sort(network, lists):
    """Return the lists as the network sorts them: it reads the numbers that it has written."""
    before, written = np.full((len(lists), 1), START), []
    with tg.no_grad():
        for _ in range(lists.shape[1]):
            before = network(lists, before).data.argmax(axis=2)
            written.append(before)
    return np.concatenate(written, axis=1)


def sorted_right(network, lists):
    """Return the fraction of the lists that the network sorts without a mistake."""
    return (sort(network, lists) == np.sort(lists)).all(axis=1).mean()


network = Sorter(draws)
loss_function = nn.SoftmaxCrossEntropy()
optimizer = nn.Adam(network.parameters(), learning_rate=nn.CosineDecay(0.01, steps=STEPS))
for step in range(1, STEPS + 1):
    lists = random_lists(64)
    ordered = np.sort(lists)
    loss = loss_function(network(lists, shifted(ordered)), ordered)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % (STEPS // 4) == 0:
        print(f"  step {step}: loss {loss.item():.4f}")

test = random_lists(1_000)
right = sorted_right(network, test)
right_longer = sorted_right(network, random_lists(1_000, 16))
print(f"  sorted without a mistake: {right:.1%} of new lists of 8 numbers, {right_longer:.1%} of lists of 16")
chapter.claim("it sorts at least 99 % of new lists", right >= (0.95 if run.fast else 0.99))

# %% [markdown]
# Nothing in attention depends on the number of keys. The network has seen lists of 8 numbers only, yet it sorts at
# least 98 % of lists of 16. Its weights show how. In nine out of ten steps, the largest weight is on the next larger
# number. On average, that number has about three quarters of the weight, and the number after it most of the rest. The
# dense layer distinguishes the two.

# %%
ordered = np.sort(test)
weights = network.weights(test, shifted(ordered))
chapter.claim("each row of weights adds up to 1", np.allclose(weights.sum(axis=2), 1, atol=1e-5))
in_order = np.take_along_axis(weights, np.argsort(test)[:, None], axis=2)  # the keys from the smallest to the largest
on_next, on_second = in_order.diagonal(axis1=1, axis2=2), in_order.diagonal(1, axis1=1, axis2=2)
agree = (in_order.argmax(axis=2) == np.arange(LENGTH)).mean()
print(f"  weight on the next larger number: {on_next.mean():.2f}, on the one after it: {on_second.mean():.2f}")
print(f"  the largest weight is on the next larger number in {agree:.1%} of the steps")
chapter.claim("it sorts at least 98 % of lists twice as long", right_longer >= (0.9 if run.fast else 0.98))
chapter.claim("the largest weight is on the next larger number in nine out of ten steps", agree >= 0.9)
chapter.claim("that number has about three quarters of the weight", 0.65 < on_next.mean() < 0.85)
chapter.claim("most of the rest is on the number after", on_second.mean() > (1 - on_next.mean()) / 2)

# %% [markdown]
# ## The picture: what each step looks at
#
# Left, the weights while the network sorts a list of 12 numbers. A row is a step, labelled with the previous number and
# the number that is written. In most rows the darkest cell is on that number; where close numbers compete, the weight
# is divided between them. Right, what the network has learned, as a table: the score of every number as a key (columns)
# for every previous number (rows), relative to the mean of the row. On the diagonal and below are the numbers that have
# been written already, and their scores are low. The highest score of a row is on one of the next three numbers, and
# from there the scores fall to the right.

# %%
example = random_lists(1, 12)
written = sort(network, example)
alignment = network.weights(example, shifted(written))[0]
chapter.claim("the list of the picture is sorted", (written == np.sort(example)).all() or run.fast)

with tg.no_grad():
    every = network.embedding(np.arange(NUMBERS))
    table = (network.attention.query(every) @ network.attention.key(every).T).data / np.sqrt(32)
distance = table.argmax(axis=1)[:-1] - np.arange(NUMBERS - 1)
gap = np.mean([table[row, row + 1] - table[row, : row + 1].max() for row in range(NUMBERS - 1)])
falls = np.mean([np.corrcoef(np.arange(row + 1, NUMBERS), table[row, row + 1 :])[0, 1] for row in range(NUMBERS - 5)])
print(f"  the highest score of a row is on the next number in {np.mean(distance == 1):.0%} of the rows")
print(f"  the next number is {gap:.1f} above the highest of those already written, on average")
chapter.claim("the highest score of a row is on one of the next three numbers", np.isin(distance, (1, 2, 3)).all())
chapter.claim("numbers written already have low scores", gap > 3)
chapter.claim("to the right, the scores fall: correlation with the number below −0.8", falls < -0.8)

figure = Figure(figsize=(10.5, 5.0), layout="constrained")
left, right_panel = figure.subplots(1, 2)
image = left.imshow(alignment, cmap="Blues", vmin=0, vmax=1)
left.set_xticks(range(12), example[0])
names = ["start", *written[0]]
left.set_yticks(range(12), [f"{before} → {after}" for before, after in zip(names, written[0])])
chapter.plain(left, "attention weights, step by step", "the list", "previous number → number written")
figure.colorbar(image, ax=left, shrink=0.7)
relative = table - table.mean(axis=1, keepdims=True)
largest_score = np.abs(relative).max()
image = right_panel.imshow(relative, cmap=SIGNS, vmin=-largest_score, vmax=largest_score)
chapter.plain(
    right_panel, "scores, relative to the mean of the row", "key: a number of the list", "query: the previous number"
)
figure.colorbar(image, ax=right_panel, shrink=0.7)
chapter.save(figure, run.out / "33_attention.png")

# %% [markdown]
# ## Three things to try
#
# 1. Shuffle the numbers of a list before the network reads it. What changes in its output?
#
#    *Answer.* Nothing, up to rounding. Attention is a sum over the keys, and a sum does not depend on the order. That
#    is what sorting needs. Where the order carries meaning, as in a text, positions must be added to the keys (chapter
#    34).
# 2. Let it sort lists in which numbers repeat.
#
#    *Answer.* It moves on to the next larger number at once. The query is the previous number, and does not show how
#    often that number has been written. Only if the largest number is the one that repeats can a list still be sorted
#    correctly.
# 3. Multiply the queries of the trained network by 0.1, then by 10. What happens to the weights?
#
#    *Answer.* The factor divides the temperature of softmax. With 0.1 the weights are almost equal, the largest is
#    below 0.3, and at most one list in a hundred is sorted. With 10, the largest is above 0.95. In a few steps it is on
#    the wrong number, and without a second weight the dense layer cannot correct that: about eight in ten lists are
#    sorted.

# %%
with tg.no_grad():
    before = shifted(ordered)
    shuffled = network(draws.permuted(test, axis=1), before)
    chapter.same("1: the logits after shuffling", network(test, before).data, shuffled, tolerance=1e-4)

repeating = random_lists(1_000)
repeating[:, 0] = repeating[:, 1]
repeating = repeating[repeating[:, 0] < repeating.max(axis=1)]
chapter.claim("2: it sorts no list in which a smaller number repeats", sorted_right(network, repeating) == 0)

peaks, fractions = {}, {}
projection = network.attention.query
trained = projection.weight.data, projection.bias.data
for factor in (0.1, 10.0):
    projection.weight.data, projection.bias.data = (factor * array for array in trained)
    peaks[factor] = network.weights(test, shifted(ordered)).max(axis=2)[:, :-1].mean()
    fractions[factor] = sorted_right(network, test)
    print(f"  queries times {factor}: largest weight {peaks[factor]:.3f}, {fractions[factor]:.1%} sorted")
projection.weight.data, projection.bias.data = trained
chapter.claim("3: with 0.1, the largest weight is below 0.3", peaks[0.1] < 0.3)
chapter.claim("3: with 0.1, at most one list in a hundred is sorted", fractions[0.1] <= 0.01)
chapter.claim("3: with 10, the largest weight is above 0.95", peaks[10.0] > 0.95)
chapter.claim("3: with 10, about eight in ten lists are sorted", 0.65 < fractions[10.0] < 0.95)
