"""SqueezeNet, trained on ImageNet: classify a photo into a thousand classes.

    python examples/pretrained/squeezenet.py PHOTO DATA

`DATA` is a folder with `pretrained/squeezenet1_0_imagenet`. Without it, the environment variable TENSORGRAD_DATA names
the folder. The script prints the five best classes.

References:
    Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer, *SqueezeNet: AlexNet-level accuracy with 50x fewer
    parameters and <0.5MB model size*, 2016.
    https://github.com/songhan/SqueezeNet-Deep-Compression
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

import nn
import tensorgrad as tg
from nn.functional import relu

FOLDER = Path("pretrained", "squeezenet1_0_imagenet")
SIZE = 227
MEAN = np.array([104, 117, 123], np.float32)
"""The means of blue, green and red over the training images."""


class Fire(nn.Module):
    """A 1 × 1 convolution to few channels, followed by 1 × 1 and 3 × 3 convolutions to many, in parallel."""

    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        self.squeeze = nn.Conv2D(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2D(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2D(squeezed, expanded, 3, padding=1)

    def forward(self, x: Any) -> Any:
        """Return the expanded channels."""
        x = relu(self.squeeze(x))
        return relu(tg.concatenate([self.expand1x1(x), self.expand3x3(x)], axis=-1))


class SqueezeNet(nn.Module):
    """Version 1.0 of SqueezeNet. The tensors have torchvision's names."""

    def __init__(self) -> None:
        self.features = nn.Sequential(
            nn.Conv2D(3, 96, 7, stride=2), nn.ReLU(), nn.MaxPool2D(3, stride=2, ceil_mode=True),
            Fire(96, 16, 64), Fire(128, 16, 64), Fire(128, 32, 128), nn.MaxPool2D(3, stride=2, ceil_mode=True),
            Fire(256, 32, 128), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256),
            nn.MaxPool2D(3, stride=2, ceil_mode=True), Fire(512, 64, 256),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), nn.Conv2D(512, 1000, 1, padding=1), nn.ReLU(), nn.GlobalAveragePool()
        )

    def forward(self, x: Any) -> Any:
        """Return the logits of images from `prepared`."""
        return self.classifier(self.features(x))


def load(folder: Path) -> SqueezeNet:
    """Return the network with the published weights, for evaluation."""
    network = SqueezeNet()
    nn.interop.load_pytorch(network, folder / FOLDER / "squeezenet1_0.safetensors")
    return network.eval()


def prepared(image: Any) -> Any:
    """Return an RGB image of bytes, `(227, 227, 3)`, as a batch of one BGR image, which the network expects."""
    return np.asarray(image, np.float32)[None, ..., ::-1] - MEAN


def best(network: SqueezeNet, image: Any, count: int = 5) -> list[tuple[int, float]]:
    """Return the most probable classes of an image of bytes, each with its probability."""
    with tg.no_grad():
        probabilities = tg.softmax(network(prepared(image))).data[0]
    return [(int(number), float(probabilities[number])) for number in probabilities.argsort()[: -count - 1 : -1]]


def main() -> None:
    """Print the classes of a photo."""
    from PIL import Image, ImageOps

    folder = Path(sys.argv[2] if len(sys.argv) > 2 else os.environ["TENSORGRAD_DATA"])
    photo = ImageOps.fit(Image.open(sys.argv[1]).convert("RGB"), (SIZE, SIZE))
    names = (folder / FOLDER / "imagenet_names.txt").read_text().splitlines()
    for number, probability in best(load(folder), photo):
        print(f"{probability:6.1%}  {names[number]}")


if __name__ == "__main__":
    main()
