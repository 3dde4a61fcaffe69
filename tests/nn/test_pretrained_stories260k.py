"""The language model stories260K with published weights, where TENSORGRAD_DATA names a folder that has it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn

DATA = Path(os.environ.get("TENSORGRAD_DATA", ""))
FOLDER = DATA / "pretrained" / "stories260k"
pytestmark = pytest.mark.skipif(
    not (FOLDER / "stories260k.safetensors").is_file(), reason="TENSORGRAD_DATA names no folder with stories260k"
)
sys.path.append(str(Path(__file__).parents[2] / "examples" / "pretrained"))


@pytest.fixture(scope="module")
def stories() -> Any:
    import stories260k

    return stories260k


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    arrays = dict(np.load(FOLDER / "reference.npz"))
    return arrays | json.loads((FOLDER / "reference.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_stories_continue_token_for_token(stories: Any, reference: dict[str, Any]) -> None:
    network, tokenizer = stories.load(DATA), stories.Tokenizer(FOLDER / "tokenizer.json")
    ids = stories.continued(network, reference["prompt_ids"], 100)
    assert ids == reference["prompt_greedy_ids"].tolist()
    assert tokenizer.decode(ids[1:]) == reference["prompt_continuation_greedy_100_tokens"]
    ids = stories.continued(network, [tokenizer.begin], 200)
    assert ids == reference["bos_greedy_ids"].tolist()
    assert tokenizer.decode(ids[1:]) == reference["bos_only_greedy_200_tokens"]
    logits = network([ids[:-1]]).data[0]  # without a cache
    assert logits.argmax(axis=1).tolist() == ids[1:]


def test_stories_tokens_are_those_of_the_reference(stories: Any, reference: dict[str, Any]) -> None:
    tokenizer = stories.Tokenizer(FOLDER / "tokenizer.json")
    assert tokenizer.encode(reference["prompt"]) == reference["prompt_ids"]
    for case in reference["encode_cases"]:
        assert tokenizer.encode(case["text"]) == case["ids"]
        assert tokenizer.decode(case["ids"][1:]) == case["text"]


def test_stories_have_the_logits_and_gradients_of_the_reference(stories: Any, reference: dict[str, Any]) -> None:
    network = stories.load(DATA)
    ids = reference["prompt_ids"]
    logits = network([ids])
    np.testing.assert_allclose(logits.data[0], reference["prompt_logits"], rtol=0, atol=2e-5)
    loss = nn.SoftmaxCrossEntropy()(network([ids[:-1]]), [ids[1:]])
    assert float(loss) == pytest.approx(float(reference["prompt_loss"]), rel=1e-6)
    loss.backward()
    holder = stories.Llama()
    for parameter, gradient in zip(holder.parameters(), network.parameters()):
        parameter.data = gradient.grad
    theirs = for_pytorch(holder)
    norms = reference["gradient_norms_of_prompt_loss"]
    assert theirs.keys() == norms.keys()
    for name, norm in norms.items():
        assert np.linalg.norm(theirs[name]) == pytest.approx(norm, rel=1e-4), name
    for name in [name for name in reference if name.startswith("grad.")]:
        np.testing.assert_allclose(theirs[name.removeprefix("grad.")], reference[name], rtol=1e-3, atol=1e-5)


def for_pytorch(network: nn.Module) -> dict[str, Any]:
    """Return the tensors with the names and layouts of the published file."""
    from nn.interop.expected import expected_layers

    return {
        f"{layer.foreign_path}.{name}": array
        for layer in expected_layers(network, "PyTorch")
        for binding in layer.bindings
        for name, array in zip(
            binding.theirs.names, binding.theirs.to_theirs(tuple(t.data for t in binding.tensors)), strict=True
        )
    }  # fmt: skip


def test_stories_rotate_by_the_angles_of_the_reference(reference: dict[str, Any]) -> None:
    cosines, sines = nn.functional.rotary_angles(np.arange(64), 8)
    np.testing.assert_allclose(cosines, reference["rope_cos"], atol=1e-6)
    np.testing.assert_allclose(sines, reference["rope_sin"], atol=1e-6)
