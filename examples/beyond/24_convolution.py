# %% [markdown]
# # Chapter 24. Convolution
#
# What you will understand:
#
# - a convolution moves one small kernel over an image and takes a dot product at every position, so a pattern is found
#   wherever it is;
# - it is a dense layer whose inputs are the windows of the image, written as the rows of a matrix;
# - the gradient of the kernel is a matrix product with the same rows, and the gradient of the image is again a
#   convolution, with the kernel turned by 180°;
# - kernels that find edges can be written by hand, and they can be learned.

# %%
import chapter
import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.datasets import load_sample_image

import nn
import tensorgrad as tg
from nn.plots.signs import SIGNS

run = chapter.options("Chapter 24. Convolution")
EPOCHS = 5 if run.fast else 30
FRAME_STEP = 8 if run.fast else 1

# %% [markdown]
# ## By hand: loops
#
# Images are `(batch, height, width, channels)` and a kernel `(height, width, channels, filters)`. The output at row i,
# column j of filter f is
#
#     yᵢⱼ = b + Σ x[i + u, j + v, c]·w[u, v, c]   over the kernel's rows u, columns v and the channels c.
#
# Strictly this is a cross-correlation. A convolution in mathematics turns the kernel by 180° first. Networks do not
# care, because the kernel is learned.

# %%
rng = np.random.default_rng(run.seed)
x = rng.normal(size=(2, 7, 6, 3))
kernel, bias = rng.normal(size=(3, 2, 3, 4)), rng.normal(size=4)
(batch, height, width, channels), (rows, columns, _, filters) = x.shape, kernel.shape
out_height, out_width = height - rows + 1, width - columns + 1

by_loops = np.zeros((batch, out_height, out_width, filters), np.float64)
for n in range(batch):
    for i in range(out_height):
        for j in range(out_width):
            window = x[n, i : i + rows, j : j + columns]
            for f in range(filters):
                by_loops[n, i, j, f] = np.sum(window * kernel[..., f]) + bias[f]

# %% [markdown]
# ## By hand: rows
#
# The windows overlap, so NumPy can view all of them without copying. Each window becomes a row of a matrix and each
# filter a column: one matrix product replaces five loops.

# %%
windows = sliding_window_view(x, (rows, columns), axis=(1, 2))  # (batch, i, j, channels, u, v)
matrix = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, rows * columns * channels)
by_rows = (matrix @ kernel.reshape(-1, filters) + bias).reshape(by_loops.shape)
chapter.same("loops and rows", by_loops, by_rows)

# %% [markdown]
# ## By hand: the backward pass
#
# For a dense layer Y = M·W + b, the gradients are ∂W = Mᵀ·G, ∂M = G·Wᵀ and ∂b = ΣG; here M has a row for each window.
# A pixel is in several windows, so its gradient is the sum over all of them.

# %%
g = rng.normal(size=by_loops.shape)
d_kernel = (matrix.T @ g.reshape(-1, filters)).reshape(kernel.shape)
d_bias = g.sum(axis=(0, 1, 2))
d_windows = (g.reshape(-1, filters) @ kernel.reshape(-1, filters).T).reshape(
    batch, out_height, out_width, rows, columns, channels
)
d_x = np.zeros(x.shape, np.float64)
for u in range(rows):
    for v in range(columns):
        d_x[:, u : u + out_height, v : v + out_width] += d_windows[:, :, :, u, v]

# %% [markdown]
# ## On the engine

# %%
layer = nn.Conv2D(channels, filters, (rows, columns), dtype=np.float64)
layer.weight.data, layer.bias.data = kernel, bias
leaf = tg.tensor(x, requires_grad=True)
output = layer(leaf)
(output * g).sum().backward()
chapter.same("the output", by_loops, output)
chapter.same("the gradient with respect to the kernel", d_kernel, layer.weight.grad)
chapter.same("with respect to the bias", d_bias, layer.bias.grad)
chapter.same("with respect to the image", d_x, leaf.grad)

# %% [markdown]
# Substitute i + u = p, j + v = q in the sum for ∂x[p, q] = Σ g[p − u, q − v]·w[u, v]: the indices of g run backwards as
# those of w run forwards. So ∂x is g, with a border of zeros, convolved with the turned kernel, whose channels and
# filters have changed places.

# %%
bordered = np.pad(g, [(0, 0), (rows - 1, rows - 1), (columns - 1, columns - 1), (0, 0)])
turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
chapter.same("the image's gradient as a convolution", d_x, nn.functional.conv2d(bordered, turned))

# %% [markdown]
# ## What it saves, and what it knows
#
# Eight 3×3 filters on a 28×28 image make 26·26·8 = 5,408 outputs from 80 parameters. A dense layer with as many outputs
# has 4,245,280. And if the image moves, the output moves with it; a dense layer would have to learn each position
# separately.

# %%
count = {
    layer: sum(parameter.size for parameter in layer.parameters())
    for layer in (nn.Conv2D(1, 8, 3), nn.Dense(28 * 28, 26 * 26 * 8))
}
chapter.claim("80 and 4,245,280 parameters", list(count.values()) == [80, 4_245_280])
moved = np.roll(x, 2, axis=1)
chapter.same("a moved image has a moved output", by_loops[:, :-2], layer(moved).data[:, 2:])

# %% [markdown]
# ## Kernels that find edges
#
# A kernel whose numbers add up to zero answers nothing where the image is constant. Sobel's two kernels compare the
# right side of a pixel with its left, or below with above, and Laplace's compares a pixel with its neighbours.

# %%
photo = load_sample_image("china.jpg").mean(axis=2)[::2, ::2].astype(np.float32) / 255
sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)
laplace = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float32)
by_design = {"Sobel: left to right": sobel, "Sobel: top to bottom": sobel.T, "Laplace": laplace}


def filtered(image, kernels):
    """Return the responses of kernels `(height, width, filters)` to a grey image."""
    return nn.functional.conv2d(image[None, ..., None], kernels[:, :, None]).data[0]


edges = filtered(photo, np.stack(list(by_design.values()), axis=-1))
strength = np.hypot(edges[..., 0], edges[..., 1])
flat = filtered(np.full_like(photo, 0.7), np.stack(list(by_design.values()), axis=-1))
chapter.claim("a constant image has no edges", np.all(np.abs(flat) < 1e-5))

# %% [markdown]
# ## Kernels that are learned
#
# First a known answer: given the photo and its edges, gradient descent finds Sobel's kernel. The loss is quadratic in
# nine weights, for which L-BFGS needs a few dozen evaluations.

# %%
learner = nn.Conv2D(1, 1, 3, bias=False, rng=run.seed)
optimizer = nn.LBFGS(learner.parameters())
loss_of = nn.MeanSquaredError()


def evaluate():
    """Compute the loss and its gradients."""
    optimizer.zero_grad()
    loss = loss_of(learner(photo[None, ..., None]), edges[None, ..., :1])
    loss.backward()
    return loss


for _ in range(5):
    optimizer.step(evaluate)
found = learner.weight.data[:, :, 0, 0]
print(f"  learned from the photo and its edges:\n{np.array2string(found, precision=3, suppress_small=True, prefix='')}")
chapter.claim("it is Sobel's kernel, up to 0.01", np.abs(found - sobel).max() < 0.01)

# %% [markdown]
# Then an open question: which kernels help to tell handwritten digits apart? Nobody names edges to this network; it is
# trained only to name the digit. Its kernels are then applied to the photo, which it has never seen.

# %%
X, labels, X_test, labels_test = nn.datasets.digits(rng=0)
X, X_test = X.reshape(-1, 8, 8, 1), X_test.reshape(-1, 8, 8, 1)
draws = np.random.default_rng(run.seed)
network = nn.Sequential(
    nn.Conv2D(1, 8, 3, padding="same", rng=draws),
    nn.ReLU(),
    nn.MaxPool2D(2),
    nn.Conv2D(8, 16, 3, rng=draws),
    nn.ReLU(),
    nn.Flatten(),
    nn.Dense(2 * 2 * 16, 10, rng=draws),
)
model = nn.Model(
    network,
    loss=nn.SoftmaxCrossEntropy(),
    optimizer=nn.Adam(network.parameters(), learning_rate=0.01),
    metrics=[nn.CategoricalAccuracy()],
    rng=run.seed,
)
model.fit(X, labels, epochs=EPOCHS, batch_size=64, verbose=0)
accuracy = model.evaluate(X_test, labels_test)["accuracy"]
print(f"  accuracy on digits never seen: {accuracy:.3f}")
chapter.claim("at least 92 % of the test digits are right", accuracy >= 0.92)


# %% [markdown]
# Without their mean, which responds to brightness, the learned kernels compare pixels: wherever the photo has an edge,
# some of them respond. That alone is no achievement, for random kernels do the same. Learning has chosen *which*
# changes of brightness each kernel answers, and how strongly, so that the next layer can tell digits apart.


# %%
def contrast(kernels):
    """Return the responses to the photo of kernels `(height, width, filters)` without their mean."""
    return filtered(photo, kernels - kernels.mean(axis=(0, 1)))


def similarity_to_edges(responses):
    """Return the correlation of the strength of each response with that of Sobel's edges."""
    return np.array([np.corrcoef(np.abs(each).ravel(), strength.ravel())[0, 1] for each in responses.T.swapaxes(1, 2)])


learned = network[0].weight.data[:, :, 0]
responses = contrast(learned)
similarity = similarity_to_edges(responses)
at_random = similarity_to_edges(contrast(draws.normal(size=(3, 3, 100)).astype(np.float32)))
print(
    f"  correlation with Sobel's edges: learned {similarity.min():.2f} to {similarity.max():.2f}, "
    f"random kernels {at_random.min():.2f} to {at_random.max():.2f}"
)
chapter.claim("every learned kernel responds to edges: correlation > 0.3", similarity.min() > 0.3)
chapter.claim("so does every random one", at_random.min() > 0.3)
chosen = [similarity.argmax(), np.argsort(similarity)[4], similarity.argmin()]

# %% [markdown]
# ## The picture: kernels and what they see
#
# Orange is a positive response, blue a negative one. Each panel shows its kernel in the corner.

# %%
figure = Figure(figsize=(10.5, 4.1), layout="constrained")
panels = figure.subplots(2, 4)
panels[0, 0].imshow(photo, cmap="gray")
panels[1, 0].imshow(strength, cmap="gray_r", vmax=np.quantile(strength, 0.99))
titles = ["the photo", "the strength of the edges"]
shown = [(name, each, edges[..., f]) for f, (name, each) in enumerate(by_design.items())]
shown += [
    (f"learned from digits: kernel {f}", learned[..., f] - learned[..., f].mean(), responses[..., f]) for f in chosen
]
for axes, (name, weights, response) in zip(panels[:, 1:].flat, shown):
    limit = np.quantile(np.abs(response), 0.99)
    axes.imshow(response, cmap=SIGNS, vmin=-limit, vmax=limit)
    inset = axes.inset_axes([0.0, 0.0, 0.22, 0.33])
    inset.imshow(weights, cmap=SIGNS, vmin=-np.abs(weights).max(), vmax=np.abs(weights).max())
    inset.set(xticks=[], yticks=[])
    axes.set_title(name, loc="left", fontsize=10)
for axes, title in zip(panels[:, 0], titles):
    axes.set_title(title, loc="left", fontsize=10)
for axes in panels.flat:
    axes.set(xticks=[], yticks=[])
chapter.save(figure, run.out / "24_convolution.png")

# %% [markdown]
# An animation shows the kernel at work on the top of the roof: the window on the left, multiplied by the kernel and
# added up, is one pixel on the right.

# %%
detail = photo[10:26, 95:111]
response = filtered(detail, sobel[..., None])[..., 0]
limit = np.abs(response).max()
film = Figure(figsize=(7.2, 3.6), layout="constrained")
left, right = film.subplots(1, 2)
left.imshow(detail, cmap="gray")
frame = left.add_patch(Rectangle((-0.5, -0.5), 3, 3, fill=False, edgecolor=chapter.RED, linewidth=3))
numbers = [
    left.text(0, 0, f"{weight:+.0f}" if weight else "0", color=chapter.RED, ha="center", va="center", fontsize=8)
    for weight in sobel.ravel()
]
canvas = right.imshow(np.zeros_like(response), cmap=SIGNS, vmin=-limit, vmax=limit)
for axes, title in ((left, "the kernel on the photo"), (right, "its responses")):
    axes.set_title(title, loc="left", fontsize=11)
    axes.set(xticks=[], yticks=[])


def show(position):
    """Draw the kernel at a position, and all responses up to there."""
    i, j = divmod(position, response.shape[1])
    frame.set_xy((j - 0.5, i - 0.5))
    for place, number in enumerate(numbers):
        number.set_position((j + place % 3, i + place // 3))
    canvas.set_data(np.where(np.arange(response.size) <= position, response.ravel(), 0).reshape(response.shape))


animation = FuncAnimation(film, show, frames=range(0, response.size, FRAME_STEP))
animation.save(run.out / "24_convolution.gif", writer="pillow", fps=12, dpi=70)
print(f"  picture: {run.out / '24_convolution.gif'}")

# %% [markdown]
# ## Three things to try
#
# 1. `nn.Conv2D(3, 4, 3, padding="same", stride=2)`. Which shape has the output for a 7×6 image, and why?
#
#    *Answer.* `(4, 3)`: with stride 2, a window starts at every second row and column, so ⌈7/2⌉ and ⌈6/2⌉. The padding
#    "same" means that only the stride makes the output smaller.
# 2. Replace Sobel's kernel, as the one to find, by a 5×5 blur, `np.full((5, 5), 1 / 25)`, and keep the 3×3 learner. How
#    well does it do?
#
#    *Answer.* The loss does not reach zero: sixteen of the 25 weights are out of reach. The learner settles on the best
#    3×3 substitute, whose weights are all positive. Two 3×3 layers, one after the other, see 5×5 pixels.
# 3. Convolve the photo with `sobel`, and the result with `sobel.T`. Does the order matter?
#
#    *Answer.* No. Convolutions are linear and move with the image, and such operations commute. Both orders equal one
#    convolution with a 5×5 kernel.

# %%
answer = nn.Conv2D(3, 4, 3, padding="same", stride=2)(x.astype(np.float32))
chapter.claim("1: the output is 4×3", answer.shape == (2, 4, 3, 4))

windows = sliding_window_view(photo, (5, 5)).reshape(-1, 5, 5)
substitute, residual, *_ = np.linalg.lstsq(windows[:, 1:4, 1:4].reshape(-1, 9), windows.mean(axis=(1, 2)))
chapter.claim("2: some error remains, and all weights are positive", residual[0] > 1 and substitute.min() > 0)

across_down = filtered(filtered(photo, sobel[..., None])[..., 0], sobel.T[..., None])
down_across = filtered(filtered(photo, sobel.T[..., None])[..., 0], sobel[..., None])
chapter.same("3: both orders", across_down, down_across, tolerance=1e-5)
