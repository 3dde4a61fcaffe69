# %% [markdown]
# # Chapter 39. One network, many frameworks and machines
#
# What you will understand:
#
# - a trained network is a list of arrays and a program; frameworks differ in the layout of the arrays and in how they
#   store the program;
# - PyTorch stores the weights of a dense layer transposed, and puts the channels of an image first; weights in the
#   wrong order can have the right shape;
# - tracing runs a function once and records its operations; ONNX files and compiled programs are made this way;
# - several machines can divide a training step, because the gradient for a batch is a weighted mean of the gradients
#   for its parts.

# %%
import importlib
import os
import subprocess
import sys
import warnings
from pathlib import Path

import chapter
import numpy as np
from matplotlib.figure import Figure
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.lib.stride_tricks import sliding_window_view

import nn
import tensorgrad as tg

run = chapter.options("Chapter 39. One network, many frameworks and machines")
EPOCHS = 4 if run.fast else 10

# %% [markdown]
# ## The network
#
# A small convolutional network learns the digits of scikit-learn, which have 8×8 pixels. Its scores for the test images
# are the reference: the sections below compute them in other ways, and record the largest difference, as a fraction of
# the largest score.
#
# The other frameworks are optional. A part whose package is missing is skipped, with a message.


# %%
def made(dtype):
    """Return a network for images `(batch, 8, 8, 1)` of digits."""
    draws = np.random.default_rng(run.seed)
    return nn.Sequential(
        nn.Conv2D(1, 8, 3, padding=1, dtype=dtype, rng=draws),
        nn.ReLU(),
        nn.MaxPool2D(2),
        nn.Flatten(channels_first=True),
        nn.Dense(4 * 4 * 8, 32, dtype=dtype, rng=draws),
        nn.ReLU(),
        nn.Dense(32, 10, dtype=dtype, rng=draws),
    )


def trainable(network):
    """Return a model with a loss and an optimizer."""
    return nn.Model(
        network,
        loss=nn.SoftmaxCrossEntropy(),
        optimizer=nn.Adam(network.parameters(), learning_rate=0.005),
        metrics=[nn.CategoricalAccuracy()],
        rng=run.seed,
    )


differences, predictions, skipped = {}, {}, []


def compare(name, scores, expected=None, tolerance=1e-5):
    """Assert that scores are those of tensorgrad, up to rounding, and record the difference."""
    expected = reference if expected is None else expected
    scores = np.asarray(getattr(scores, "data", scores))
    chapter.same(name, expected, scores, tolerance=tolerance)
    differences[name] = np.abs(scores - expected).max() / np.abs(expected).max(), expected.dtype
    if expected is reference:
        predictions[name] = scores


def missing(part, *packages):
    """Return whether one of the packages is missing. If so, print what is skipped."""
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError:
            skipped.append(part)
            print(f"  skipped: {part}, because {package} is not installed")
            return True
    return False


X, y, X_test, y_test = nn.datasets.digits(rng=0)
X, X_test = X.reshape(-1, 8, 8, 1), X_test.reshape(-1, 8, 8, 1)
network = made(np.float32)
model = trainable(network)
model.fit(X, y, epochs=EPOCHS, batch_size=64, verbose=0)
accuracy = model.evaluate(X_test, y_test)["accuracy"]
reference = model.predict(X_test)
predictions["tensorgrad"] = reference
print(f"  test accuracy {accuracy:.3f}")
chapter.claim("more than 90 % of the test digits are right", accuracy > 0.9)

# %% [markdown]
# ## By hand: weights in PyTorch's layout
#
# | | tensorgrad and Keras | PyTorch and ONNX |
# |---|---|---|
# | images | (batch, height, width, channels) | (batch, channels, height, width) |
# | kernel of a convolution | (height, width, inputs, outputs) | (outputs, inputs, height, width) |
# | weights of a dense layer | (inputs, outputs) | (outputs, inputs), thus x·Wᵀ + b |
#
# `save_pytorch` writes a file in the layout on the right. Reading it and computing in that layout, in NumPy, gives the
# same scores. The network flattens its maps in PyTorch's order, channel after channel (`channels_first=True`).


# %%
def convolved(images, kernel, bias):
    """Return a 3×3 convolution of images `(batch, channels, height, width)` with a padding of one pixel."""
    windows = sliding_window_view(np.pad(images, [(0, 0), (0, 0), (1, 1), (1, 1)]), (3, 3), axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, kernel) + bias[:, None, None]


def pooled(images):
    """Return the maximum of each 2×2 block."""
    batch, channels, height, width = images.shape
    return images.reshape(batch, channels, height // 2, 2, width // 2, 2).max(axis=(3, 5))


def maps_by_hand(images, kernel, bias):
    """Return the maps of images `(batch, height, width, channels)` before they are flattened."""
    return pooled(np.maximum(convolved(images.transpose(0, 3, 1, 2), kernel, bias), 0))


def scores_by_hand(features, W, b, V, c):
    """Return the scores from the flattened maps."""
    return np.maximum(features @ W.T + b, 0) @ V.T + c


path = run.out / "39_pytorch.safetensors"
nn.interop.save_pytorch(network, path)
stored = nn.interop.read_weights(path)
chapter.same("PyTorch's matrix is the transpose", network[4].weight.data.T, stored["4.weight"], tolerance=0)
kernel = network[0].weight.data.transpose(3, 2, 0, 1)
chapter.same("PyTorch's kernel has the outputs first", kernel, stored["0.weight"], tolerance=0)

weights = [stored[f"{layer}.{kind}"] for layer in (0, 4, 6) for kind in ("weight", "bias")]
maps = maps_by_hand(X_test, *weights[:2])
features = maps.reshape(len(maps), -1)
compare("NumPy, PyTorch's layout", scores_by_hand(features, *weights[2:]))

# %% [markdown]
# In the other direction, `load_pytorch` loads the weights into another network, bit for bit. `load_keras` does so with
# the list that `get_weights()` of Keras returns.


# %%
def loaded(name, load, source):
    """Load weights into a new network, and compare its weights and its scores."""
    other = made(np.float32)
    load(other, source)
    pairs = zip(network.parameters(), other.parameters(), strict=True)
    chapter.claim(f"the weights {name} are the same", all(np.array_equal(ours.data, its.data) for ours, its in pairs))
    compare(name, other.eval()(X_test))


loaded("from PyTorch's file", nn.interop.load_pytorch, path)
loaded("from Keras's list", nn.interop.load_keras, [parameter.data.copy() for parameter in network.parameters()])

# %% [markdown]
# ## By hand: a program is a list of operations
#
# To store a computation, run it once on a *symbol*, an object without a value that writes down each operation applied
# to it. The list is a program: it can be saved, optimised, translated and run on other arrays, without the function and
# without Python. NumPy calls `__array_ufunc__` of an argument that has this method, so a tracer takes a few lines.


# %%
class Symbol(NDArrayOperatorsMixin):
    """An array without values, with its place in a program."""

    def __init__(self, program):
        self.program, self.place = program, len(program)
        program.append(None)  # until it is known how this is computed

    def __array_ufunc__(self, ufunc, method, *inputs):
        result = Symbol(self.program)
        self.program[result.place] = ufunc, inputs
        return result


def traced(function):
    """Return the operations of a function of one array."""
    program = []
    function(Symbol(program))
    return program


def executed(program, x):
    """Return the result of a program for an array."""
    values = [x]
    for ufunc, inputs in program[1:]:
        values.append(ufunc(*(values[each.place] if isinstance(each, Symbol) else each for each in inputs)))
    return values[-1]


program = traced(lambda x: scores_by_hand(x, *weights[2:]))
print("  the program: " + ", ".join(ufunc.__name__ for ufunc, _ in program[1:]))
chapter.claim("it has five operations", len(program) - 1 == 5)
compare("NumPy, a traced program", executed(program, features))

# %% [markdown]
# ## By hand: a batch on several machines
#
# The loss of a batch is a mean over n samples. If machine k has n_k of them and computes the mean gradient g_k,
#
#     ∂L/∂W = (1/n)·Σᵢ ∂Lᵢ/∂W = Σₖ (n_k/n)·g_k.
#
# So each machine needs its own samples and all the weights. After the backward pass the gradients are averaged over the
# machines (an *all-reduce*), and all take the same step: the weights stay equal without being sent. For softmax
# regression with probabilities p and one-hot targets t, the gradient is Xᵀ(p − t)/n.

# %%
pixels, targets = X[:64].reshape(64, 64).astype(np.float64), np.eye(10)[y[:64]]
W = 0.1 * np.random.default_rng(run.seed).normal(size=(64, 10))


def gradient_by_hand(part):
    """Return the gradient of the mean loss of some of the samples."""
    powers = np.exp(pixels[part] @ W)
    return pixels[part].T @ (powers / powers.sum(axis=1, keepdims=True) - targets[part]) / len(targets[part])


def mean_loss(W):
    """Return the mean loss of all 64 samples."""
    return -(targets * tg.log_softmax(pixels @ W, axis=1)).sum() / 64


whole = tg.grad(mean_loss)(W).data
halves = [gradient_by_hand(part) for part in (slice(0, 32), slice(32, 64))]
unequal = [gradient_by_hand(part) for part in (slice(0, 8), slice(8, 64))]
compare("NumPy, two halves of a batch", (halves[0] + halves[1]) / 2, whole, tolerance=1e-12)
compare("NumPy, two unequal parts", (8 * unequal[0] + 56 * unequal[1]) / 64, whole, tolerance=1e-12)

# %% [markdown]
# ## To and from PyTorch and Keras
#
# PyTorch loads the file into a network with the same layers, and its own file (`torch.save`) is loaded here.
# `tg.interop.torch_function` makes a loss written with tensorgrad part of PyTorch's graph. PyTorch then computes the
# same gradient as tensorgrad.

# %%
loss_function = nn.SoftmaxCrossEntropy()
if not missing("PyTorch", "torch"):
    import torch
    from safetensors.torch import load_file

    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(4 * 4 * 8, 32),
        torch.nn.ReLU(),
        torch.nn.Linear(32, 10),
    )
    theirs.load_state_dict(load_file(path))
    images = torch.from_numpy(np.ascontiguousarray(X_test.transpose(0, 3, 1, 2)))
    compare("PyTorch", theirs(images).detach().numpy())
    torch.save(theirs.state_dict(), run.out / "39_pytorch.pt")
    loaded("from torch.save", nn.interop.load_pytorch, run.out / "39_pytorch.pt")

    tg.interop.torch_function(lambda scores: loss_function(scores, y_test))(theirs(images)).backward()
    gradient = tg.gradient(loss_function(network(X_test), y_test), network[4].weight)
    chapter.same("a gradient in PyTorch", gradient.T, theirs[4].weight.grad.numpy(), tolerance=1e-5)

# %% [markdown]
# Keras itself is not used here. Its files are HDF5, so h5py is enough to read the arrays that `save_keras` writes, and
# NumPy to compute with them. A model in Keras has `Permute((3, 1, 2))` before `Flatten`, for the order of the features.

# %%
if not missing("Keras's file", "h5py"):
    import h5py

    path = run.out / "39_keras.weights.h5"
    nn.interop.save_keras(network, path)
    with h5py.File(path) as file:
        arrays = [file[f"layers/{layer}/vars/{i}"][()] for layer in ("conv2d", "dense", "dense_1") for i in (0, 1)]
    arrays = [each.transpose(3, 2, 0, 1) if each.ndim == 4 else each.T for each in arrays]  # to PyTorch's layout
    of_file = maps_by_hand(X_test, *arrays[:2]).reshape(len(X_test), -1)
    compare("NumPy, Keras's file", scores_by_hand(of_file, *arrays[2:]))
    loaded("from Keras's file", nn.interop.load_keras, path)

# %% [markdown]
# ## To ONNX
#
# An ONNX file contains the weights and a program of standard operators. Six of them are enough for this network, and
# each is a line or two in NumPy. ONNX Runtime executes the file in C++, without tensorgrad.


# %%
def gemm(x, weight, bias, transB=0, **_):
    """Return x·W + b."""
    return x @ (weight.T if transB else weight) + bias


OPERATORS = {
    "Transpose": lambda x, perm: x.transpose(perm),
    "Conv": lambda x, kernel, bias, **_: convolved(x, kernel, bias),
    "Relu": lambda x: np.maximum(x, 0),
    "MaxPool": lambda x, **_: pooled(x),
    "Flatten": lambda x, **_: x.reshape(len(x), -1),
    "Gemm": gemm,
}

if not missing("ONNX", "onnx"):
    import onnx

    path = run.out / "39_digits.onnx"
    model.export(path)
    graph = onnx.load(path).graph
    print("  its operators: " + ", ".join(node.op_type for node in graph.node))
    values = {"input": X_test} | {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    for node in graph.node:
        attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        values[node.output[0]] = OPERATORS[node.op_type](*(values[name] for name in node.input), **attributes)
    compare("NumPy, the ONNX graph", values["output"])

    if not missing("ONNX Runtime", "onnxruntime"):
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        compare("ONNX Runtime", session.run(None, {"input": X_test})[0])

# %% [markdown]
# ## Compiled, and on several processes
#
# `tg.compile` traces a function and gives the program to XLA, which needs JAX. With `compile=True`, `nn.Model` compiles
# a whole training step. The full run trains with such steps twice: in one process, and in two that divide each batch as
# above. Every training starts from the same saved model, in float64. After an epoch of 23 steps, the predictions agree
# with those of NumPy to a billionth.

# %%
SCRIPT = """
import sys
import numpy as np
import nn

nn.distributed.initialize()
start, data, end = sys.argv[1:]
samples = np.load(data)
model = nn.Model.load(start, compile=True)
model.fit(samples["X"], samples["y"], epochs=1, batch_size=64, verbose=0)
model.save(end)  # only the first process writes
"""

X64, X64_test = X.astype(np.float64), X_test.astype(np.float64)
start, end = run.out / "39_start.safetensors", run.out / "39_end.safetensors"
trainable(made(np.float64)).save(start)
eager = nn.Model.load(start)
eager.fit(X64, y, epochs=1, batch_size=64, verbose=0)
after_an_epoch = eager.predict(X64_test)
chapter.claim("an epoch has 23 steps", -(-len(X) // 64) == 23)

if not missing("XLA and training in two processes", "jax"):
    compare("XLA", tg.compile(network.eval())(tg.tensor(X_test)).numpy())
    if run.fast:
        skipped.append("compiled training")
        print("  skipped: compiled training, because this is the short run")
    else:
        model = nn.Model.load(start, compile=True)
        model.fit(X64, y, epochs=1, batch_size=64, verbose=0)
        compare("trained by XLA", model.predict(X64_test), after_an_epoch, tolerance=1e-9)

        script, data = run.out / "39_train.py", run.out / "39_digits.npz"
        script.write_text(SCRIPT, encoding="utf-8")
        np.savez(data, X=X64, y=y)
        command = [sys.executable, "-m", "nn.distributed", "--processes", "2", script, start, data, end]
        paths = os.pathsep.join([str(Path(nn.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": paths}
        done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        of_two = nn.Model.load(end).predict(X64_test)
        compare("trained in two processes", of_two, after_an_epoch, tolerance=1e-9)

# %% [markdown]
# ## The picture: the same numbers everywhere
#
# On the left, the test image of which the network is least certain. Beside it, the probabilities of the ten digits, in
# a row for each way to compute them. The rows look the same. On the right, the largest differences to tensorgrad: near
# the rounding error of the dtype where numbers are added in another order, and 0 where all bits are equal. A part that
# was skipped has no point.

# %%
highest = np.sort(reference, axis=1)
unsure = int((highest[:, -1] - highest[:, -2]).argmin())
powers = np.exp(np.array([scores[unsure] - reference[unsure].max() for scores in predictions.values()]))
LOWEST = 1e-18  # where a difference of 0 is drawn

figure = Figure(figsize=(11, 6), layout="constrained")
digit, rows, points = figure.subplots(1, 3, width_ratios=[1, 2.2, 3])
digit.imshow(X_test[unsure, :, :, 0], cmap="gray_r")
digit.set(xticks=[], yticks=[])
digit.set_title(f"label: {y_test[unsure]}", loc="left", fontsize=11)
rows.imshow(powers / powers.sum(axis=1, keepdims=True), cmap="Blues", vmin=0, vmax=1, aspect="auto")
rows.set_xticks(range(10))
rows.set_yticks(range(len(predictions)), list(predictions), fontsize=8)
rows.hlines(np.arange(0.5, len(predictions) - 1), -0.5, 9.5, color="white", linewidth=3)
rows.tick_params(length=0)
rows.set_title("probabilities", loc="left", fontsize=11)
rows.set_xlabel("digit")
for dtype, color in ((np.float32, chapter.ORANGE), (np.float64, chapter.BLUE)):
    chosen = [place for place, (_, each) in enumerate(differences.values()) if each == dtype]
    sizes = [max(size, LOWEST) for size, each in differences.values() if each == dtype]
    points.scatter(sizes, chosen, color=color, zorder=3, label=np.dtype(dtype).name)
    points.axvline(np.finfo(dtype).eps, color=color, linestyle="--", linewidth=1, label="its rounding error")
points.set_xscale("log")
points.set_xticks([LOWEST, 1e-15, 1e-12, 1e-9, 1e-6], ["0", "1e-15", "1e-12", "1e-9", "1e-6"])
points.set_xlim(LOWEST / 5, 1e-4)
points.minorticks_off()
points.set_yticks(range(len(differences)), list(differences), fontsize=8)
points.invert_yaxis()
points.grid(axis="y", linewidth=0.3)
points.legend(fontsize=8, edgecolor="none", framealpha=1, loc="center", bbox_to_anchor=(0.52, 0.5))
chapter.plain(points, "largest difference, as a fraction")
if skipped:
    figure.supxlabel("skipped: " + "; ".join(skipped), fontsize=8, color=chapter.GREY)
chapter.save(figure, run.out / "39_many_frameworks_and_machines.png")

# %% [markdown]
# ## Three things to try
#
# 1. Load PyTorch's weights into a network with `nn.Flatten()` in place of `nn.Flatten(channels_first=True)`. Is there
#    an error?
#
#    *Answer.* No, only a warning, because all shapes fit. But the features are in another order than PyTorch's matrix
#    expects, and fewer than half of the test digits are still right.
# 2. Average the gradients of the two unequal parts without their weights 8/64 and 56/64. What does the step minimise?
#
#    *Answer.* A mean in which a sample of the small part counts seven times as much as one of the large part. The
#    result is not the gradient of the batch.
# 3. Trace a function with a branch, such as `2 * x if x > 0 else -x`, and run the program for −3.
#
#    *Answer.* It returns −6, not 3. Python treats an object as true unless its class says otherwise, so the program
#    contains only the first branch. `tg.compile` raises a `TraceError` that shows the line.

# %%
other = nn.Sequential(*made(np.float32)[:3], nn.Flatten(), *made(np.float32)[4:])
with warnings.catch_warnings(record=True) as messages:
    warnings.simplefilter("always")
    nn.interop.load_pytorch(other, stored)
chapter.claim("1: only a warning", len(messages) == 1)
confused = np.mean(other.eval()(X_test).data.argmax(axis=1) == y_test)
wrong_order = maps.transpose(0, 2, 3, 1).reshape(len(maps), -1)
chapter.same("1: by hand", scores_by_hand(wrong_order, *weights[2:]), other(X_test), tolerance=1e-5)
print(f"  1: test accuracy {accuracy:.3f}, and {confused:.3f} with the features in another order")
chapter.claim("1: fewer than half of the test digits are right", confused < 0.5)

unweighted = (unequal[0] + unequal[1]) / 2
counts = np.repeat([1 / 16, 1 / 112], [8, 56])
powers = np.exp(pixels @ W)
errors = counts[:, None] * (powers / powers.sum(axis=1, keepdims=True) - targets)
chapter.same("2: the gradient of a mean with other weights", pixels.T @ errors, unweighted)
chapter.claim("2: seven times as much", np.isclose(counts[0] / counts[-1], 7))
chapter.claim("2: it is not the gradient of the batch", np.abs(unweighted - whole).max() > 0.01 * np.abs(whole).max())


def branch(x):
    """Return 2·x or −x, depending on the sign of x."""
    return 2 * x if x > 0 else -x


chapter.claim("3: the program returns −6, the function 3", (executed(traced(branch), -3), branch(-3)) == (-6, 3))
if not missing("the error of tg.compile", "jax"):
    try:
        tg.compile(branch)(tg.tensor(-3.0))
        message = ""
    except tg.xla.TraceError as error:
        message = str(error)
    chapter.claim("3: tg.compile shows the line", "return 2 * x if x > 0 else -x" in message)
