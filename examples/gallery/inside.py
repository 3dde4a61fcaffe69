"""Pictures of what networks have learned, and of what layers compute."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from showing import shows

import nn
import tensorgrad as tg

SECTION = "Inside networks"
SEQUENCES = "Sequences"
STEPS = "Step by step"


@cache
def convolutional() -> Any:
    """Train a convolutional network on digits, and return it with test images and their labels."""
    X, y, X_test, y_test = nn.datasets.digits(rng=0)
    network = nn.Sequential(
        nn.Conv2D(1, 8, 3, padding="same", rng=0), nn.ReLU(), nn.MaxPool2D(2),
        nn.Conv2D(8, 12, 3, rng=1), nn.ReLU(), nn.Flatten(), nn.Dense(48, 10, rng=2),
    )  # fmt: skip
    optimizer = nn.Adam(network.parameters(), learning_rate=0.003)
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, rng=0)
    model.fit(X.reshape(-1, 8, 8, 1), y, epochs=8, batch_size=64, verbose=0)
    return model, X_test.reshape(-1, 8, 8, 1), y_test


@shows(SECTION, "Neurons and weights", ".svg")
def neurons() -> Any:
    """A network with the values and gradients of one sample. Width and colour of a line are its weight."""
    X, y = nn.datasets.spiral(100, 3, rng=0)
    network = nn.Sequential(nn.Dense(2, 6, rng=1), nn.Tanh(), nn.Dense(6, 3, rng=2))
    return nn.plots.network(network, X[60:], y[60:], loss=nn.SoftmaxCrossEntropy())


@shows(SECTION, "Neurons step by step", ".html")
def neurons_page() -> Any:
    """How each neuron is computed, forward and backward."""
    X, y = nn.datasets.spiral(100, 3, rng=0)
    network = nn.Sequential(nn.Dense(2, 6, rng=1), nn.Tanh(), nn.Dense(6, 3, rng=2))
    return nn.plots.network(network, X[60:], y[60:], loss=nn.SoftmaxCrossEntropy())


@shows(SECTION, "Large layers", ".svg")
def neurons_large() -> Any:
    """Layers of 64 and 128 neurons are summarised."""
    images, labels, *_ = nn.datasets.digits(rng=0)
    network = nn.Sequential(nn.Dense(64, 128, rng=0), nn.ReLU(), nn.Dense(128, 10, rng=1))
    return nn.plots.network(network, images, labels, loss=nn.SoftmaxCrossEntropy())


@shows(SECTION, "Images in a grid")
def images() -> Any:
    """Images with their labels."""
    _, images, labels = convolutional()
    return nn.plots.image_grid(images[:16], titles=labels[:16])


@shows(SECTION, "Weights as images")
def weights() -> Any:
    """What each neuron of the first layer looks for: blue is negative, orange positive."""
    X, y, _, _ = nn.datasets.digits(rng=0)
    network = nn.Sequential(nn.Dense(64, 16, weight_l2=1e-3, rng=0), nn.ReLU(), nn.Dense(16, 10, rng=1))
    optimizer = nn.Adam(network.parameters(), learning_rate=0.003)
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, rng=0)
    model.fit(X, y, epochs=40, batch_size=64, verbose=0)
    return nn.plots.weights(model)


@shows(SECTION, "Feature maps")
def feature_maps() -> Any:
    """What each layer of a convolutional network computes for one image."""
    model, images, _ = convolutional()
    return nn.plots.feature_maps(model, images[3])


@shows(SECTION, "Saliency")
def saliency() -> Any:
    """Which pixels affect the score of the predicted class."""
    model, images, _ = convolutional()
    return nn.plots.saliency(model, images[:6])


@shows(SECTION, "Receptive field")
def receptive_field() -> Any:
    """Which pixels one position of the output depends on: three convolutions of 3 × 3 see 7 × 7 pixels."""
    layers = [nn.Conv2D(a, b, 3, padding="same", rng=a) for a, b in [(1, 8), (8, 8), (8, 4)]]
    return nn.plots.receptive_field(nn.Sequential(*layers), (15, 15, 1))


@shows(SECTION, "Embedding by PCA")
def embedding_pca() -> Any:
    """Digits of 64 pixels as points in the plane: a projection."""
    X, y, _, _ = nn.datasets.digits(rng=0)
    return nn.plots.embedding(X[:600], labels=y[:600])


@shows(SECTION, "Embedding by t-SNE")
def embedding_tsne() -> Any:
    """The same digits; neighbours remain neighbours."""
    X, y, _, _ = nn.datasets.digits(rng=0)
    return nn.plots.embedding(X[:600], labels=y[:600], method="tsne")


@shows(SECTION, "Boxes of detected objects")
def boxes() -> Any:
    """Boxes with labels and scores, here around the digits of a collage."""
    _, digits, labels = convolutional()
    collage = np.zeros((30, 44))
    places = [(2, 3), (17, 10), (6, 20), (19, 31), (3, 34)]
    for (top, left), digit in zip(places, digits[:5, ..., 0]):
        collage[top : top + 8, left : left + 8] = digit
    corners = [(left - 1, top - 1, left + 8, top + 8) for top, left in places]
    return nn.plots.detection_boxes(collage, corners, labels=labels[:5], scores=[0.99, 0.95, 0.9, 0.8, 0.6])


@shows(SEQUENCES, "Attention")
def attention() -> Any:
    """Which positions each position attends to, in two heads with a causal mask."""
    words = ["the", "cat", "that", "we", "saw", "sat", "on", "the", "mat"]
    rng = np.random.default_rng(0)
    queries, keys = rng.normal(size=(2, 2, len(words), 8))
    scores = queries @ keys.transpose(0, 2, 1) / np.sqrt(8)
    allowed = np.tril(np.ones((len(words), len(words)), bool))
    weights = tg.softmax(np.where(allowed, scores, -1e9), axis=-1)
    return nn.plots.attention_maps(weights.data, queries=words)


@shows(SEQUENCES, "Gates of an LSTM")
def gates() -> Any:
    """Gates, cell and output of a trained LSTM over time. It learned to repeat its first input at the end."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(512, 12, 1)).astype(np.float32)
    X[:, :, 0] *= np.arange(12) < 6
    network = nn.Sequential(nn.LSTM(1, 8, rng=0), nn.Dense(8, 1, rng=1))
    optimizer = nn.Adam(network.parameters(), learning_rate=0.01)
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=optimizer, rng=0)
    model.fit(X, X[:, 0], epochs=30, batch_size=64, verbose=0)
    return nn.plots.gates(network[0], X[0])


@shows(STEPS, "A convolution", ".gif")
def convolution() -> Any:
    """A kernel that finds vertical edges moves over an image. Each position gives one number."""
    image = np.zeros((6, 6))
    image[:, 3:] = 1
    image[4, 1] = 2
    return nn.plots.convolution_steps(image, [[1, 0, -1], [2, 0, -2], [1, 0, -1]])


@shows(STEPS, "A matrix product", ".gif")
def matmul() -> Any:
    """A row meets a column, and gives one number."""
    return nn.plots.matmul_steps([[1, 2, 0], [3, -1, 1]], [[2, 1], [0, 4], [5, -2]])
