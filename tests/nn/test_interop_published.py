"""Published weights, where TENSORGRAD_DATA names a folder that has them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import nn

FOLDER = Path(os.environ.get("TENSORGRAD_DATA", "")) / "pretrained"
FILES = sorted(FOLDER.glob("*/*.safetensors")) if "TENSORGRAD_DATA" in os.environ else []


@pytest.mark.skipif(not FILES, reason="TENSORGRAD_DATA names no folder with pretrained/*/*.safetensors")
@pytest.mark.parametrize("kind", ["safetensors", "npz", "pt"])
def test_read_weights_of_published_networks(kind: str, tmp_path: Path) -> None:
    for path in FILES:
        expected = load_file(path)
        copy = path
        if kind == "npz":
            copy = tmp_path / "copy.npz"
            np.savez(copy, **expected)
        elif kind == "pt":
            torch = pytest.importorskip("torch", exc_type=ImportError)
            copy = tmp_path / "copy.pt"
            torch.save({name: torch.from_numpy(array) for name, array in expected.items()}, copy)
        read = nn.interop.read_weights(copy)
        assert read.keys() == expected.keys()
        for name, array in expected.items():
            assert read[name].dtype == array.dtype
            np.testing.assert_array_equal(read[name], array)


@pytest.mark.skipif(not FILES, reason="TENSORGRAD_DATA names no folder with pretrained/*/*.safetensors")
@pytest.mark.parametrize("name", ["resnet20.safetensors", "resnet20_dataparallel_names.safetensors"])
def test_load_pytorch_takes_the_classifier_of_resnet20(name: str) -> None:
    class Head(nn.Module):
        def __init__(self) -> None:
            self.linear = nn.Dense(64, 10)

    network, folder = Head(), FOLDER / "resnet20_cifar10"
    report = nn.interop.load_pytorch(network, folder / name, strict=False)
    assert report.loaded == ["linear.weight", "linear.bias"]
    assert len(report.unused) == 95
    reference = np.load(folder / "reference.npz")
    outputs = network.linear(reference["pooled_features"].astype("f4")).data
    np.testing.assert_allclose(outputs, reference["logits_float64"], atol=1e-4)


@pytest.mark.skipif(not FILES, reason="TENSORGRAD_DATA names no folder with pretrained/*/*.safetensors")
def test_load_keras_takes_the_output_layer_of_the_character_lstm() -> None:
    class Head(nn.Module):
        def __init__(self) -> None:
            self.output = nn.Dense(356, 465)

    network, folder = Head(), FOLDER / "char_lstm"
    report = nn.interop.load_keras(network, folder / "char_lstm.safetensors", strict=False)
    assert report.loaded == ["output.weight", "output.bias"]
    reference = np.load(folder / "reference.npz")
    np.testing.assert_allclose(network.output(reference["context"]).data, reference["logits"], atol=1e-4)
