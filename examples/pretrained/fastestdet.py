"""FastestDet, trained on COCO by xuehao.ma: find objects of 80 classes in a photo.

    python examples/pretrained/fastestdet.py PHOTO DATA

`DATA` is a folder with `pretrained/fastestdet_coco`. Without it, the environment variable TENSORGRAD_DATA names the
folder. The script prints the objects with their scores and boxes. Photos that are not square are stretched to a square.

The image is divided into 22 × 22 cells. For each cell, the network predicts whether an object is there, its box, and
its class.

References:
    https://github.com/dog-qiuqiu/FastestDet
    Ma, Zhang, Zheng, Sun, *ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design*, 2018.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import nn
import tensorgrad as tg

FOLDER = Path("pretrained", "fastestdet_coco")
SIZE, CLASSES = 352, 80


def pointwise(channels: int, filters: int) -> tuple[nn.Module, ...]:
    """Return the layers of a 1 × 1 convolution with batch normalisation."""
    return nn.Conv2D(channels, filters, 1, bias=False), nn.BatchNorm(filters)


def depthwise(channels: int, size: int, stride: int = 1) -> tuple[nn.Module, ...]:
    """Return the layers of a depthwise convolution with batch normalisation."""
    convolution = nn.Conv2D(channels, channels, size, stride=stride, padding=size // 2, groups=channels, bias=False)
    return convolution, nn.BatchNorm(channels)


# -- backbone: ShuffleNet V2 ---------------------------------------------------------------------------------


def main_branch(channels: int, filters: int, stride: int = 1) -> nn.Sequential:
    """Return the branch that every block of the backbone has."""
    return nn.Sequential(
        *pointwise(channels, filters),
        nn.ReLU(),
        *depthwise(filters, 3, stride),
        *pointwise(filters, filters),
        nn.ReLU(),
    )


class Halve(nn.Module):
    """Block that halves the height and the width and doubles the channels: two branches of the whole input."""

    def __init__(self, channels: int, filters: int) -> None:
        self.branch_proj = nn.Sequential(*depthwise(channels, 3, 2), *pointwise(channels, channels), nn.ReLU())
        self.branch_main = main_branch(channels, filters - channels, 2)

    def forward(self, x: Any) -> Any:
        """Return the results of both branches."""
        return tg.concatenate([self.branch_proj(x), self.branch_main(x)], axis=-1)


class Shuffle(nn.Module):
    """Block that keeps every other channel as it is and processes the others."""

    def __init__(self, channels: int) -> None:
        self.branch_main = main_branch(channels // 2, channels // 2)

    def forward(self, x: Any) -> Any:
        """Return the unchanged channels, then the processed ones. The next block takes every other one of these."""
        return tg.concatenate([x[..., ::2], self.branch_main(x[..., 1::2])], axis=-1)


class Backbone(nn.Module):
    """ShuffleNet V2. The results are the images at an 8th, a 16th and a 32nd of the resolution."""

    def __init__(self) -> None:
        self.first_conv = nn.Sequential(
            nn.Conv2D(3, 24, 3, stride=2, padding=1, bias=False), nn.BatchNorm(24), nn.ReLU()
        )
        self.maxpool = nn.MaxPool2D(3, stride=2, padding=1)
        self.stage2 = nn.Sequential(Halve(24, 48), *(Shuffle(48) for _ in range(3)))
        self.stage3 = nn.Sequential(Halve(48, 96), *(Shuffle(96) for _ in range(7)))
        self.stage4 = nn.Sequential(Halve(96, 192), *(Shuffle(192) for _ in range(3)))

    def forward(self, x: Any) -> tuple[Any, Any, Any]:
        """Return the results of the three stages."""
        fine = self.stage2(self.maxpool(self.first_conv(x)))
        middle = self.stage3(fine)
        return fine, middle, self.stage4(middle)


# -- the detector ----------------------------------------------------------------------------------------------


def repeated(channels: int, count: int) -> nn.Sequential:
    """Return several 5 × 5 depthwise convolutions. The receptive field of a cell grows with their number."""
    return nn.Sequential(*(layer for _ in range(count) for layer in (*depthwise(channels, 5), nn.ReLU())))


def head(channels: int, numbers: int) -> nn.Sequential:
    """Return the layers that predict this many numbers for each cell."""
    return nn.Sequential(*depthwise(channels, 5), nn.ReLU(), *pointwise(channels, numbers))


class FastestDet(nn.Module):
    """Detector without anchors. `NAMES` are the names that the published weights use for its parts."""

    def __init__(self) -> None:
        self.backbone = Backbone()
        self.to_coarse = nn.AveragePool2D(3, stride=2, padding=1)
        self.to_fine = nn.UpSample2D(2)
        self.neck = nn.Sequential(
            *pointwise(48 + 96 + 192, 96), nn.ReLU(),
            nn.Residual(
                nn.Parallel(repeated(96, 1), repeated(96, 2), repeated(96, 3)), nn.Concatenate(), *pointwise(288, 96)
            ),
            nn.ReLU(),
            *pointwise(96, 96), nn.ReLU(),
        )  # fmt: skip
        self.objects, self.boxes, self.classes = head(96, 1), head(96, 4), head(96, CLASSES)

    def forward(self, x: Any) -> Any:
        """Return 85 numbers for each cell: the probability of an object, its box, and the probability of each class."""
        fine, middle, coarse = self.backbone(x)
        x = self.neck(tg.concatenate([self.to_coarse(fine), middle, self.to_fine(coarse)], axis=-1))
        return tg.concatenate([tg.sigmoid(self.objects(x)), self.boxes(x), tg.softmax(self.classes(x))], axis=-1)


NAMES = {
    "neck.0": "SPP.Conv1x1.conv1x1.0", "neck.1": "SPP.Conv1x1.conv1x1.1",
    "neck.3.layers.0.branches.0": "SPP.S1", "neck.3.layers.0.branches.1": "SPP.S2",
    "neck.3.layers.0.branches.2": "SPP.S3",
    "neck.3.layers.2": "SPP.output.0", "neck.3.layers.3": "SPP.output.1",
    "neck.5": "detect_head.conv1x1.conv1x1.0", "neck.6": "detect_head.conv1x1.conv1x1.1",
    "objects": "detect_head.obj_layers.conv5x5", "boxes": "detect_head.reg_layers.conv5x5",
    "classes": "detect_head.cls_layers.conv5x5",
}  # fmt: skip


def load(folder: Path) -> FastestDet:
    """Return the network with the published weights, for evaluation."""
    network = FastestDet()
    nn.interop.load_pytorch(network, folder / FOLDER / "fastestdet.safetensors", names=NAMES)
    return network.eval()


# -- from a photo to boxes -------------------------------------------------------------------------------------


class Detections(NamedTuple):
    """Objects in an image, best first.

    Attributes:
        boxes: `(objects, 4)`: left, top, right, bottom, as fractions of the width and the height.
        scores: `(objects,)`, from 0 to 1.
        classes: `(objects,)`.
    """

    boxes: Any
    scores: Any
    classes: Any


def prepared(image: Any) -> Any:
    """Return an RGB image of bytes, `(352, 352, 3)`, as a batch of one BGR image, which the network expects."""
    return np.asarray(image, np.float32)[None, ..., ::-1] / 255


def decoded(output: Any, threshold: float = 0.4) -> Detections:
    """Return the objects with a score above the threshold in the output for one image, `(22, 22, 85)`."""
    rows, columns, _ = output.shape
    row, column = np.mgrid[:rows, :columns]
    probability, box, classes = output[..., 0], output[..., 1:5], output[..., 5:]
    centre = np.stack([(np.tanh(box[..., 0]) + column) / columns, (np.tanh(box[..., 1]) + row) / rows], axis=-1)
    half = 0.5 / (1 + np.exp(-box[..., 2:]))
    scores = probability**0.6 * classes.max(axis=-1) ** 0.4
    found = scores > threshold
    corners = np.concatenate([centre - half, centre + half], axis=-1)[found]
    scores, labels = scores[found], classes.argmax(axis=-1)[found]
    kept = nn.functional.non_maximum_suppression(corners, scores, threshold=0.45, labels=labels)
    return Detections(corners[kept], scores[kept], labels[kept])


def detect(network: FastestDet, image: Any, threshold: float = 0.4) -> Detections:
    """Return the objects in an image of bytes."""
    with tg.no_grad():
        return decoded(network(prepared(image)).data[0], threshold)


def main() -> None:
    """Print the objects in a photo."""
    from PIL import Image

    folder = Path(sys.argv[2] if len(sys.argv) > 2 else os.environ["TENSORGRAD_DATA"])
    photo = Image.open(sys.argv[1]).convert("RGB")
    names = (folder / FOLDER / "coco_names.txt").read_text().splitlines()
    for box, score, label in zip(*detect(load(folder), photo.resize((SIZE, SIZE)))):
        left, top, right, bottom = (box * ([photo.width, photo.height] * 2)).round().astype(int)
        print(f"{score:6.1%}  {names[label]:14}  from ({left}, {top}) to ({right}, {bottom})")


if __name__ == "__main__":
    main()
