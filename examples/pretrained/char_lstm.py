"""textgenrnn, a character model trained by Max Woolf on the titles of Reddit posts: continue a text.

    python examples/pretrained/char_lstm.py "What is the " DATA

`DATA` is a folder with `pretrained/char_lstm`. Without it, the environment variable TENSORGRAD_DATA names the folder.
The script prints the text, continued by fifty characters. Each is the most probable one.

References:
    https://github.com/minimaxir/textgenrnn
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

import nn
import tensorgrad as tg

FOLDER = Path("pretrained", "char_lstm")


class AttentionAverage(nn.Module):
    """The average of the steps, weighted by a softmax over time."""

    keras_layout = nn.interop.Layout({"weight": "W"})

    def __init__(self, features: int) -> None:
        self.weight = tg.tensor(np.zeros((features, 1), np.float32), requires_grad=True)

    def forward(self, x: Any) -> Any:
        """Return one vector for each sequence."""
        weights = tg.softmax(tg.matmul(x, self.weight), axis=1)
        return tg.sum(x * weights, axis=1)


class CharacterModel(nn.Module):
    """Two stacked LSTMs, and attention over the embedding and the results of both."""

    def __init__(self) -> None:
        self.embedding = nn.Embedding(465, 100)
        self.rnn_1 = nn.LSTM(100, 128, return_sequences=True)
        self.rnn_2 = nn.LSTM(128, 128, return_sequences=True)
        self.attention = AttentionAverage(356)
        self.output = nn.Dense(356, 465)

    def sequences(self, ids: Any) -> list[Any]:
        """Return the embedded characters and the results of both LSTMs."""
        embedded = self.embedding(ids)
        first = self.rnn_1(embedded)
        return [embedded, first, self.rnn_2(first)]

    def forward(self, ids: Any) -> Any:
        """Return the logits of the next character."""
        return self.output(self.attention(tg.concatenate(self.sequences(ids), axis=-1)))


def load(folder: Path) -> CharacterModel:
    """Return the network with the published weights, for evaluation."""
    network = CharacterModel()
    nn.interop.load_keras(network, folder / FOLDER / "char_lstm.safetensors")
    return network.eval()


def continued(network: CharacterModel, folder: Path, text: str, count: int) -> str:
    """Return the text continued by `count` characters, each the most probable one."""
    settings = json.loads((folder / FOLDER / "vocabulary.json").read_text(encoding="utf-8"))
    vocabulary, length = settings["vocabulary"], settings["length"]
    letters = {number: letter for letter, number in vocabulary.items()}
    for _ in range(count):
        ids = [vocabulary[letter] for letter in (settings["start"], *text)][-length:]
        padded = [settings["padding_id"]] * (length - len(ids)) + ids
        with tg.no_grad():
            text += letters[int(network([padded]).data.argmax())]
    return text


def main() -> None:
    """Continue a text."""
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else os.environ["TENSORGRAD_DATA"])
    print(continued(load(folder), folder, sys.argv[1] if len(sys.argv) > 1 else "What is the ", 50))


if __name__ == "__main__":
    main()
