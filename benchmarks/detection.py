"""Train the detector of chapter 28 here and in PyTorch, and compare mean average precision and time.

    python benchmarks/detection.py [--data DATA] [--seed N] [--fast] [--out FOLDER]

The script runs `examples/beyond/28_object_detection.py` as it is. It then trains the same network with PyTorch, from
the same initial weights, with the same loss, batches in the same order, mirrored in the same way, and with Adam at the
same learning rates for as many steps. The chapter's functions find the boxes and rate them for both. `DATA` is a folder
with `blood_cells`; without it, the environment variable TENSORGRAD_DATA names the folder.

Time is that of the processor for the training alone. OPENBLAS_NUM_THREADS=1 and one thread of PyTorch make it
comparable.
"""

from __future__ import annotations

import argparse
import runpy
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import check_agreement
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

import nn

CHAPTER = Path(__file__).parents[1] / "examples" / "beyond" / "28_object_detection.py"


def main() -> None:
    """Train both and print their numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="the folder of the data sets")
    parser.add_argument("--seed", type=int, default=0, help="the seed of all random numbers (default: 0)")
    parser.add_argument("--fast", action="store_true", help="train for a few steps only")
    parser.add_argument("--out", help="the folder of the chapter's picture (default: out)")
    parser.parse_args()
    sys.path.insert(0, str(CHAPTER.parent))
    chapter = runpy.run_path(str(CHAPTER))  # reads the same arguments
    torch.set_num_threads(1)
    began = time.process_time()
    twin = trained(chapter)
    seconds = time.process_time() - began
    score = rated(twin, chapter)
    print(f"tensorgrad: mAP@.5 {chapter['score']:.4f}, {chapter['processor']:.0f} s of processor time")
    print(f"PyTorch:    mAP@.5 {score:.4f}, {seconds:.0f} s of processor time")
    if not chapter["run"].fast:
        assert abs(score - chapter["score"]) <= 0.03, "the chapter's text says that they differ by at most 0.03"


def initial(chapter: dict[str, Any]) -> torch.nn.Sequential:
    """Return the chapter's network before training, in PyTorch."""
    layers: list[torch.nn.Module] = []
    for channels, filters, stride in ((3, 16, 2), (16, 32, 2), (32, 64, 2), (64, 64, 1), (64, 64, 1), (64, 64, 1)):
        convolution = torch.nn.Conv2d(channels, filters, 3, stride, padding=1, bias=False)
        layers += [convolution, torch.nn.BatchNorm2d(filters), torch.nn.ReLU()]
    layers.append(torch.nn.Conv2d(64, 8, 1))
    network = torch.nn.Sequential(*layers)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "initial.safetensors")
        nn.interop.save_pytorch(chapter["detector"](), path)
        state = {name: torch.from_numpy(array.copy()) for name, array in nn.interop.read_weights(path).items()}
    missing, unexpected = network.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)
    return network


def trained(chapter: dict[str, Any]) -> torch.nn.Sequential:
    """Return the network after training with PyTorch."""
    network = initial(chapter)
    batches = nn.data.Batches(
        chapter["data"].X,
        chapter["targets"],
        batch_size=chapter["batches"].batch_size,
        transform=chapter["prepared"],
        mix=chapter["mirrored"],
        rng=chapter["run"].seed,
    )
    steps = chapter["EPOCHS"] * len(batches)
    rates = nn.CosineDecay(0.005, steps=steps)
    optimizer = torch.optim.Adam(network.parameters(), eps=1e-7)
    step = 0
    for _ in range(chapter["EPOCHS"]):
        for images, targets in batches:
            optimizer.param_groups[0]["lr"] = float(rates(step))
            outputs = network(torch.from_numpy(channels_first(images))).permute(0, 2, 3, 1)
            loss = detection_loss(outputs, torch.from_numpy(targets), chapter)
            if step == 0:
                ours = chapter["detection_loss"](chapter["detector"]()(images), targets).item()
                check_agreement("the first loss", [("tensorgrad", [ours]), ("PyTorch", [loss.item()])], rtol=1e-4)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
    return network


def channels_first(images: Any) -> Any:
    """Return images in the layout of PyTorch."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def detection_loss(outputs: Any, targets: Any, chapter: dict[str, Any]) -> Any:
    """Return the chapter's loss."""
    is_object = targets[..., 0]
    cells = torch.nonzero(is_object, as_tuple=True)
    count = len(cells[0])
    objects = binary_cross_entropy_with_logits(outputs[..., 0], is_object, reduction="sum") / count
    centre = torch.from_numpy(chapter["centres"]) + chapter["STRIDE"] * outputs[..., 1:3]
    half = torch.from_numpy(chapter["USUAL"] / 2) * torch.exp(outputs[..., 3:5])
    boxes = torch.cat([centre - half, centre + half], dim=-1)[cells]
    overlaps = generalised_overlap(boxes, targets[..., 2:][cells])
    return objects + 2 * (1 - overlaps).mean() + cross_entropy(outputs[..., 5:][cells], targets[..., 1][cells].long())


def generalised_overlap(a: Any, b: Any) -> Any:
    """Return the generalised intersection over union of boxes."""

    def area(corner: Any, opposite: Any) -> Any:
        return (opposite - corner).clamp(min=0).prod(dim=-1)

    shared = area(torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:]))
    union = area(a[:, :2], a[:, 2:]) + area(b[:, :2], b[:, 2:]) - shared
    around = area(torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:]))
    return shared / union - (around - union) / around


def rated(network: torch.nn.Sequential, chapter: dict[str, Any]) -> float:
    """Return the mean average precision on the validation photos."""
    network.eval()
    images = channels_first(chapter["prepared"](chapter["data"].X_validation))
    with torch.no_grad():
        outputs = network(torch.from_numpy(images)).permute(0, 2, 3, 1).numpy()
    detections = [chapter["detected"](each) for each in outputs]
    return float(chapter["mean_average_precision"](detections, chapter["data"].y_validation))


if __name__ == "__main__":
    main()
