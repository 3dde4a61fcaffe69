"""A character model with published weights, where TENSORGRAD_DATA names a folder that has it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg

FOLDER = Path(os.environ.get("TENSORGRAD_DATA", "")) / "pretrained" / "char_lstm"
pytestmark = pytest.mark.skipif(
    not (FOLDER / "char_lstm.safetensors").is_file(), reason="TENSORGRAD_DATA names no folder with pretrained/char_lstm"
)


class AttentionAverage(nn.Module):
    """The average of the steps, weighted by a softmax over time."""

    keras_layout = nn.interop.Layout({"weight": "W"})

    def __init__(self, features: int) -> None:
        self.weight = tg.tensor(np.zeros((features, 1), np.float32), requires_grad=True)

    def forward(self, x: Any) -> Any:
        weights = tg.softmax(tg.matmul(x, self.weight), axis=1)
        return tg.sum(x * weights, axis=1)


class CharacterModel(nn.Module):
    """Two LSTMs above each other; the attention sees the embedding and both."""

    def __init__(self) -> None:
        self.embedding = nn.Embedding(465, 100)
        self.rnn_1 = nn.LSTM(100, 128, return_sequences=True)
        self.rnn_2 = nn.LSTM(128, 128, return_sequences=True)
        self.attention = AttentionAverage(356)
        self.output = nn.Dense(356, 465)

    def sequences(self, ids: Any) -> list[Any]:
        embedded = self.embedding(ids)
        first = self.rnn_1(embedded)
        return [embedded, first, self.rnn_2(first)]

    def forward(self, ids: Any) -> Any:
        return self.output(self.attention(tg.concatenate(self.sequences(ids), axis=-1)))


@pytest.fixture(scope="module")
def network() -> CharacterModel:
    network = CharacterModel()
    nn.interop.load_keras(network, FOLDER / "char_lstm.safetensors")
    return network


def test_character_model_has_the_logits_of_its_reference(network: CharacterModel) -> None:
    reference = np.load(FOLDER / "reference.npz")
    ids = reference["ids"].astype(np.intp)
    _, first, second = network.sequences(ids)
    np.testing.assert_allclose(first.data, reference["rnn_1"], atol=1e-5)
    np.testing.assert_allclose(second.data, reference["rnn_2"], atol=1e-5)
    logits = network(ids).data
    np.testing.assert_allclose(logits, reference["logits"], atol=1e-4)
    np.testing.assert_allclose(tg.softmax(logits).data, reference["probabilities"], atol=1e-5)


def test_character_model_writes_what_its_reference_writes(network: CharacterModel) -> None:
    settings = json.loads((FOLDER / "vocabulary.json").read_text())
    vocabulary, length = settings["vocabulary"], settings["length"]
    expected = json.loads((FOLDER / "reference.json").read_text())["greedy_50_characters"]
    letters = {number: letter for letter, number in vocabulary.items()}
    for start, text in expected.items():
        written = start
        while len(written) < len(text):
            ids = [vocabulary[letter] for letter in (settings["start"], *written)][-length:]
            padded = np.array([[settings["padding_id"]] * (length - len(ids)) + ids])
            with tg.no_grad():
                written += letters[int(network(padded).data.argmax())]
        assert written == text
