"""ResNet-20, trained on CIFAR-10 by Yerlan Idelbayev: recognise ten kinds of objects in images of 32 × 32 pixels.

    python examples/pretrained/resnet20.py DATA

`DATA` is a folder with `pretrained/resnet20_cifar10/resnet20.safetensors` and `cifar10_subset/cifar10_subset.npz`.
Without it, the environment variable TENSORGRAD_DATA names the folder. The script prints the accuracy on the test
images.

References:
    He, Zhang, Ren, Sun, *Deep Residual Learning for Image Recognition*, 2015.
    https://github.com/akamaster/pytorch_resnet_cifar10
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

WEIGHTS = Path("pretrained", "resnet20_cifar10", "resnet20.safetensors")
IMAGES = Path("cifar10_subset", "cifar10_subset.npz")
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def convolution(channels: int, filters: int, stride: int, dtype: Any) -> nn.Conv2D:
    """Return a 3 × 3 convolution without bias, because batch normalisation follows."""
    return nn.Conv2D(channels, filters, 3, stride=stride, padding=1, bias=False, dtype=dtype)


class Subsample(nn.Module):
    """Shortcut without parameters: every second pixel, and channels of zeros on both sides to double their number."""

    def __init__(self, channels: int) -> None:
        self.channels = channels

    def forward(self, x: Any) -> Any:
        """Return an image of half the height and width, with twice the channels."""
        extra = self.channels // 2
        return tg.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (extra, extra)))


class Block(nn.Module):
    """Two convolutions and a shortcut around them."""

    def __init__(self, channels: int, filters: int, dtype: Any) -> None:
        grows = filters != channels
        self.conv1 = convolution(channels, filters, 2 if grows else 1, dtype)
        self.bn1 = nn.BatchNorm(filters, dtype=dtype)
        self.conv2 = convolution(filters, filters, 1, dtype)
        self.bn2 = nn.BatchNorm(filters, dtype=dtype)
        self.shortcut = Subsample(channels) if grows else nn.Identity()

    def forward(self, x: Any) -> Any:
        """Return the result of the convolutions plus the shortcut."""
        result = relu(self.bn1(self.conv1(x)))
        return relu(self.bn2(self.conv2(result)) + self.shortcut(x))


class ResNet20(nn.Module):
    """Nineteen convolutions and a dense layer, with the names of the published weights.

    Args:
        dtype: of the parameters and of the running statistics.
    """

    def __init__(self, dtype: Any = np.float32) -> None:
        self.conv1 = convolution(3, 16, 1, dtype)
        self.bn1 = nn.BatchNorm(16, dtype=dtype)
        self.layer1 = nn.Sequential(Block(16, 16, dtype), Block(16, 16, dtype), Block(16, 16, dtype))
        self.layer2 = nn.Sequential(Block(16, 32, dtype), Block(32, 32, dtype), Block(32, 32, dtype))
        self.layer3 = nn.Sequential(Block(32, 64, dtype), Block(64, 64, dtype), Block(64, 64, dtype))
        self.linear = nn.Dense(64, 10, dtype=dtype)

    def features(self, x: Any) -> Any:
        """Return the 64 features of each image that the last layer classifies."""
        x = relu(self.bn1(self.conv1(x)))
        return nn.functional.global_average_pool(self.layer3(self.layer2(self.layer1(x))))

    def forward(self, x: Any) -> Any:
        """Return the logits of images from `prepared`."""
        return self.linear(self.features(x))


def load(folder: Path, dtype: Any = np.float32) -> ResNet20:
    """Return the network with the published weights, for evaluation."""
    network = ResNet20(dtype)
    nn.interop.load_pytorch(network, folder / WEIGHTS)
    return network.eval()


def prepared(images: Any, dtype: Any = np.float32) -> Any:
    """Return images of bytes, `(batch, 32, 32, 3)`, as the network expects them."""
    scaled = np.asarray(images, dtype) / 255
    return (scaled - MEAN.astype(dtype)) / DEVIATION.astype(dtype)


def logits(network: ResNet20, images: Any, batch: int = 250) -> Any:
    """Return the logits of images of bytes, one batch after the other."""
    with tg.no_grad():
        parts = [network(prepared(images[i : i + batch])).data for i in range(0, len(images), batch)]
    return np.concatenate(parts)


def main() -> None:
    """Classify the test images and print the accuracy."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ["TENSORGRAD_DATA"])
    data = np.load(folder / IMAGES)
    right = logits(load(folder), data["test_images"]).argmax(axis=1) == data["test_labels"]
    print(f"{right.sum()} of {right.size} right ({right.mean():.2%})")
    for label, name in enumerate(data["class_names"]):
        print(f"  {name:10}  {right[data['test_labels'] == label].mean():.0%}")


if __name__ == "__main__":
    main()
