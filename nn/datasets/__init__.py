"""Data sets: synthetic data, digits, Fashion-MNIST, MNIST and CIFAR-10, blood cells, image folders, text, time series.

Class labels are integers `(samples,)`. Inputs are float32 `(samples, features)`, or uint8 images `(samples, height,
width)` or `(samples, height, width, channels)` as stored in their files; `nn.data` provides functions to prepare them
for a network. The synthetic data sets are those of *Neural Networks from Scratch*: with `rng=np.random.RandomState(0)`
they match the book's helper package bit for bit.
"""

from typing import Any

from nn._renamed import DATA_SETS, missing
from nn.datasets.cells import BLOOD_CELL_CLASSES, blood_cells
from nn.datasets.cifar import CIFAR10_CLASSES, cifar10
from nn.datasets.digits import digits
from nn.datasets.generated import sine, spiral, vertical
from nn.datasets.idx import read_idx
from nn.datasets.image_folder import image, images
from nn.datasets.mnist import FASHION_CLASSES, fashion_mnist, mnist
from nn.datasets.series import airline_passengers, japanese_vowels, sunspots
from nn.datasets.text import names, tiny_shakespeare

__all__ = [
    "BLOOD_CELL_CLASSES",
    "CIFAR10_CLASSES",
    "FASHION_CLASSES",
    "airline_passengers",
    "blood_cells",
    "cifar10",
    "digits",
    "fashion_mnist",
    "image",
    "images",
    "japanese_vowels",
    "mnist",
    "names",
    "read_idx",
    "sine",
    "spiral",
    "sunspots",
    "tiny_shakespeare",
    "vertical",
]


def __getattr__(name: str) -> Any:
    raise missing("nn.datasets", name, DATA_SETS)
