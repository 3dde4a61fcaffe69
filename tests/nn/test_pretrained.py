"""The examples with published weights, where TENSORGRAD_DATA names a folder that has them."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg

sys.path.append(str(Path(__file__).parents[2] / "examples" / "pretrained"))
DATA = Path(os.environ.get("TENSORGRAD_DATA", ""))


def example(name: str, *files: str) -> Any:
    """Import an example, or skip the test if a file that it reads is absent."""
    for file in files:
        if "TENSORGRAD_DATA" not in os.environ or not (DATA / file).is_file():
            pytest.skip(f"TENSORGRAD_DATA names no folder with {file}")
    return importlib.import_module(name)


def reference(name: str) -> Any:
    return np.load(DATA / "pretrained" / name / "reference.npz")


@pytest.fixture
def resnet20() -> Any:
    return example("resnet20", "pretrained/resnet20_cifar10/resnet20.safetensors")


def test_resnet20_has_the_logits_of_its_reference(resnet20: Any) -> None:
    expected = reference("resnet20_cifar10")
    network = resnet20.load(DATA)
    images = resnet20.prepared(expected["images"])
    assert network(images).dtype == np.float32
    np.testing.assert_allclose(network(images).data, expected["logits_float64"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(network.features(images).data, expected["pooled_features"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_resnet20_has_the_gradients_of_its_reference(resnet20: Any, mode: str) -> None:
    images = reference("resnet20_cifar10")
    expected = json.loads((DATA / "pretrained/resnet20_cifar10/reference.json").read_text())
    expected = expected[f"{mode}_mode_16_images_float64"]
    network = resnet20.load(DATA, np.float64).train(mode == "train")
    x = tg.tensor(resnet20.prepared(images["images"], np.float64), requires_grad=True)
    loss = nn.SoftmaxCrossEntropy()(network(x), images["labels"].astype(int))
    loss.backward()
    np.testing.assert_allclose(loss.item(), expected["mean_cross_entropy"], rtol=1e-10)
    norms = {name: np.linalg.norm(parameter.grad) for name, parameter in network.named_parameters()}
    assert norms.keys() == expected["gradient_l2_norm"].keys()
    for name, norm in norms.items():
        np.testing.assert_allclose(norm, expected["gradient_l2_norm"][name], rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(np.linalg.norm(x.grad), expected["input_gradient_l2_norm"], rtol=1e-5)
    if mode == "train":
        for name, statistics in (
            ("running_mean", network.bn1.running_mean),
            ("running_var", network.bn1.running_variance),
        ):
            (after,) = (values for key, values in expected.items() if key.startswith(f"bn1.{name}_after_one_forward"))
            np.testing.assert_allclose(statistics.data, after, rtol=1e-7)


@pytest.mark.slow
def test_resnet20_recognises_as_many_images_as_its_reference() -> None:
    resnet20 = example(
        "resnet20", "pretrained/resnet20_cifar10/resnet20.safetensors", "cifar10_subset/cifar10_subset.npz"
    )
    data = np.load(DATA / resnet20.IMAGES)
    logits = resnet20.logits(resnet20.load(DATA), data["test_images"])
    np.testing.assert_allclose(logits, reference("resnet20_cifar10")["logits_subset"], rtol=0, atol=1e-4)
    assert (logits.argmax(axis=1) == data["test_labels"]).sum() == 1627


def test_squeezenet_names_what_the_photos_show() -> None:
    squeezenet = example("squeezenet", "pretrained/squeezenet1_0_imagenet/squeezenet1_0.safetensors")
    photos = reference("squeezenet1_0_imagenet")
    expected = json.loads((DATA / squeezenet.FOLDER / "reference.json").read_text())["top5"]
    names = (DATA / squeezenet.FOLDER / "imagenet_names.txt").read_text().splitlines()
    network = squeezenet.load(DATA)
    for photo in ("chelsea", "coffee"):
        image = photos[f"{photo}.image_rgb"]
        logits = network(squeezenet.prepared(image)).data[0]
        np.testing.assert_allclose(logits, photos[f"{photo}.logits"], rtol=0, atol=1e-4)
        best = [[names[number], round(probability, 4)] for number, probability in squeezenet.best(network, image)]
        assert [name for name, _ in best] == [name for name, _ in expected[photo]]
        np.testing.assert_allclose([p for _, p in best], [p for _, p in expected[photo]], rtol=0, atol=1.5e-4)


@pytest.mark.parametrize("photo", ["chelsea", "coffee", "astronaut"])
def test_fastestdet_finds_the_objects_of_its_reference(photo: str) -> None:
    fastestdet = example("fastestdet", "pretrained/fastestdet_coco/fastestdet.safetensors")
    expected = reference("fastestdet_coco")
    network = fastestdet.load(DATA)
    image = expected[f"{photo}.image_rgb"]
    output = network(fastestdet.prepared(image)).data[0]
    np.testing.assert_allclose(output, np.moveaxis(expected[f"{photo}.output"], 0, -1), rtol=0, atol=1e-4)
    found = fastestdet.detect(network, image)
    np.testing.assert_array_equal(found.classes, expected[f"{photo}.classes"])
    np.testing.assert_allclose(found.scores, expected[f"{photo}.scores"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.boxes, expected[f"{photo}.boxes"], rtol=0, atol=1e-5)


@pytest.fixture
def char_lstm() -> Any:
    return example("char_lstm", "pretrained/char_lstm/char_lstm.safetensors")


def test_char_lstm_has_the_logits_of_its_reference(char_lstm: Any) -> None:
    expected, network = reference("char_lstm"), char_lstm.load(DATA)
    ids = expected["ids"].astype(np.intp)
    _, first, second = network.sequences(ids)
    np.testing.assert_allclose(first.data, expected["rnn_1"], atol=1e-5)
    np.testing.assert_allclose(second.data, expected["rnn_2"], atol=1e-5)
    logits = network(ids).data
    np.testing.assert_allclose(logits, expected["logits"], atol=1e-4)
    np.testing.assert_allclose(tg.softmax(logits).data, expected["probabilities"], atol=1e-5)


def test_char_lstm_writes_what_its_reference_writes(char_lstm: Any) -> None:
    expected = json.loads((DATA / char_lstm.FOLDER / "reference.json").read_text())["greedy_50_characters"]
    network = char_lstm.load(DATA)
    for start, text in expected.items():
        assert char_lstm.continued(network, DATA, start, len(text) - len(start)) == text
