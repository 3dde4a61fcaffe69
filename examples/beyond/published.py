"""Published networks and their weights for the chapters, and a small network that replaces them where they are missing.

The networks are those of `examples/pretrained`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import objects
from numpy.typing import NDArray

import nn

sys.path.append(str(Path(__file__).parents[1] / "pretrained"))
import fastestdet as fastestdet
import resnet20
import squeezenet as squeezenet


def folder(*files: str | Path) -> Path | None:
    """Return the folder named by `TENSORGRAD_DATA` if it contains these files, otherwise None."""
    place = Path(os.environ.get("TENSORGRAD_DATA", ""))
    return place if all((place / file).is_file() for file in files) else None


class Task(NamedTuple):
    """A few training images with their classes, test images, and a body that was trained on many other images.

    Attributes:
        name: what the body is.
        features: the number of features that the body computes of an image.
        last_stage: the number of the layer with which its last stage begins.
        trained: returns a new copy of the trained body.
        untrained: returns the same body with random weights, for a seed.
        classes: the names of the classes.
        images, y: the training images, as bytes, and their classes.
        test_images, y_test: the test images.
        prepare: converts images to what the body expects.
        accuracy: the test accuracy of the published network with its own last layer; None for the small network.
    """

    name: str
    features: int
    last_stage: int
    trained: Callable[[], nn.Sequential]
    untrained: Callable[[int], nn.Sequential]
    classes: tuple[str, ...]
    images: NDArray[np.uint8]
    y: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    y_test: NDArray[np.int64]
    prepare: Callable[[Any], Any]
    accuracy: float | None


def load(*, per_class: int, tests: int) -> Task:
    """Return ResNet-20 and images of CIFAR-10 if both are on this machine, otherwise a task with digits.

    Args:
        per_class: the number of training images of each class.
        tests: the number of test images.
    """
    data = objects.load()
    place = folder(resnet20.WEIGHTS)
    if place is None or data.name != "CIFAR-10":
        print("  The published weights, or their images, are not on this machine: a small network that is trained here")
        print("  on the digits 0 to 4 replaces them, and the new task is to distinguish 5 to 9.")
        return _digits(data if data.name == "digits" else objects.digits(), per_class, tests)
    few = objects.first_of_each(data.y, per_class)
    network = resnet20.load(place)
    test_images, y_test = data.X_test[:tests], data.y_test[:tests]
    right = np.mean(resnet20.logits(network, test_images).argmax(axis=1) == y_test)
    print(f"  ResNet-20 as published: {right:.1%} of {tests} test images right")
    return Task(
        name="ResNet-20",
        features=64,
        last_stage=5,
        trained=lambda: _body(resnet20.load(place)),
        untrained=lambda seed: _redrawn(_body(resnet20.ResNet20()), seed),
        classes=data.classes,
        images=data.X[few],
        y=data.y[few],
        test_images=test_images,
        y_test=y_test,
        prepare=resnet20.prepared,
        accuracy=float(right),
    )


def _body(network: Any) -> nn.Sequential:
    """Return a ResNet-20 up to its features."""
    stages = network.layer1, network.layer2, network.layer3
    return nn.Sequential(network.conv1, network.bn1, nn.ReLU(), *stages, nn.GlobalAveragePool())


def _redrawn(body: nn.Sequential, seed: int) -> nn.Sequential:
    """Return the body with new random kernels."""
    draws = np.random.default_rng(seed)
    for parameter in body.parameters():
        if parameter.ndim == 4:
            parameter.data = nn.init.he()(parameter.shape, draws, np.float32)
    return body


def _digits(data: objects.Objects, per_class: int, tests: int) -> Task:
    known = data.y < 5
    body = _small_body(0)
    network = nn.Sequential(body, nn.Dense(64, 5, rng=0))
    optimizer = nn.Adam(network.parameters(), learning_rate=0.003)
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, rng=0)
    model.fit(_centred(data.X[known]), data.y[known], epochs=6, batch_size=32, verbose=0)
    state = body.state_dict()

    def trained() -> nn.Sequential:
        copy = _small_body(0)
        copy.load_state_dict(state)
        return copy

    new = np.flatnonzero(~known)
    few = new[objects.first_of_each(data.y[new], per_class)]
    judged = np.flatnonzero(data.y_test >= 5)[:tests]
    return Task(
        name="the small network",
        features=64,
        last_stage=8,
        trained=trained,
        untrained=_small_body,
        classes=data.classes[5:],
        images=data.X[few],
        y=data.y[few] - 5,
        test_images=data.X_test[judged],
        y_test=data.y_test[judged] - 5,
        prepare=_centred,
        accuracy=None,
    )


def _centred(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return images with numbers from -0.5 to 0.5."""
    return images.astype(np.float32) / 255 - np.float32(0.5)


def _small_body(seed: int) -> nn.Sequential:
    draws = np.random.default_rng(seed)
    layers: list[nn.Module] = []
    for channels, filters in ((3, 16), (16, 32), (32, 64)):
        convolution = nn.Conv2D(channels, filters, 3, padding=1, bias=False, rng=draws)
        layers += [convolution, nn.BatchNorm(filters), nn.ReLU(), nn.MaxPool2D(2)]
    return nn.Sequential(*layers[:-1], nn.GlobalAveragePool())


def enlarged(images: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """Return images with `size` pixels in height and width, as SqueezeNet expects them."""
    from PIL import Image

    larger = [Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC) for image in images]
    return np.concatenate([squeezenet.prepared(image) for image in larger])
