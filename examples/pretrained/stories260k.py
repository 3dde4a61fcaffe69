"""stories260K, a small language model trained by Andrej Karpathy on stories for children: continue a story.

    python examples/pretrained/stories260k.py "One day, a small dog" DATA

`DATA` is a folder with `pretrained/stories260k`. Without it, the environment variable TENSORGRAD_DATA names the folder.
The script prints the text, continued by a hundred tokens, each the most probable one. The network is a small Llama:
grouped queries, rotary positions, root-mean-square normalisation and SwiGLU.

References:
    https://github.com/karpathy/llama2.c
    Touvron et al., *Llama 2: Open Foundation and Fine-Tuned Chat Models*, 2023.
    Eldan and Li, *TinyStories*, 2023.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import nn
import tensorgrad as tg
from nn.interop import Layout, foreign

FOLDER = Path("pretrained", "stories260k")


class Block(nn.TransformerBlock):
    """A transformer block with the names of llama2.c."""

    pytorch_layout = Layout(
        {
            "attention.query.weight": foreign("attention.wq.weight").transpose(),
            "attention.key.weight": foreign("attention.wk.weight").transpose(),
            "attention.value.weight": foreign("attention.wv.weight").transpose(),
            "attention.output.weight": foreign("attention.wo.weight").transpose(),
            "feed_forward.expand.weight": foreign("feed_forward.w1.weight").transpose(),
            "feed_forward.gate.weight": foreign("feed_forward.w3.weight").transpose(),
            "feed_forward.contract.weight": foreign("feed_forward.w2.weight").transpose(),
            "feed_forward_norm.weight": "ffn_norm.weight",
        }
    )


class Llama(nn.Module):
    """Llama whose output layer shares the weights of the embedding."""

    def __init__(
        self, vocabulary: int = 512, features: int = 64, blocks: int = 5, heads: int = 8, kv_heads: int = 4,
        hidden: int = 172,
    ) -> None:  # fmt: skip
        self.tok_embeddings = nn.Embedding(vocabulary, features)
        self.layers = [
            Block(
                features, heads, causal=True, hidden=hidden, activation="swiglu", norm="rms", kv_heads=kv_heads,
                rotary=True, bias=False,
            )
            for _ in range(blocks)
        ]  # fmt: skip
        self.norm = nn.RMSNorm(features)

    def forward(self, ids: Any) -> Any:
        """Return the logits of the next token after each token, `(batch, time, vocabulary)`."""
        x = self.tok_embeddings(ids)
        for layer in self.layers:
            x = layer(x)
        return tg.matmul(self.norm(x), self.tok_embeddings.weight.T)


class Tokenizer:
    """Byte-pair tokenizer: starting from characters, the adjacent pair with the highest score is merged repeatedly."""

    def __init__(self, path: Path) -> None:
        settings = json.loads(path.read_text(encoding="utf-8"))
        self.tokens: list[str] = settings["tokens"]
        self.scores: list[float] = settings["scores"]
        self.begin, self.first_byte = settings["bos_id"], settings["byte_fallback_offset"]
        self.ids = {token: number for number, token in enumerate(self.tokens)}

    def encode(self, text: str) -> list[int]:
        """Return the token that begins a text, followed by the tokens of the text."""
        ids = [self.ids[" "]] if text else []
        for letter in text:
            known = letter in self.ids
            ids += [self.ids[letter]] if known else [self.first_byte + byte for byte in letter.encode()]
        while True:
            pairs = [self.ids.get(self.tokens[a] + self.tokens[b]) for a, b in pairwise(ids)]
            known_pairs = [(-self.scores[pair], place) for place, pair in enumerate(pairs) if pair is not None]
            if not known_pairs:
                return [self.begin, *ids]
            _, place = min(known_pairs)
            merged = pairs[place]
            assert merged is not None
            ids[place : place + 2] = [merged]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of tokens, which do not include the one that begins a text."""
        text = b"".join(
            bytes([number - self.first_byte]) if 0 <= number - self.first_byte < 256 else self.tokens[number].encode()
            for number in ids
        )
        return text.decode(errors="replace").removeprefix(" ")


def load(folder: Path) -> Llama:
    """Return the network with the published weights, for evaluation."""
    network = Llama()
    nn.interop.load_pytorch(network, folder / FOLDER / "stories260k.safetensors")
    return network.eval()


def continued(network: Llama, ids: Sequence[int], count: int) -> list[int]:
    """Return the tokens continued by `count` tokens, each the most probable one."""
    found = list(ids)
    cache = nn.KeyValueCache()
    new = found
    for _ in range(count):
        with cache:
            logits = network([new]).data[0, -1]
        new = [int(np.argmax(logits))]
        found += new
    return found


def main() -> None:
    """Continue a story."""
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else os.environ["TENSORGRAD_DATA"])
    tokenizer = Tokenizer(folder / FOLDER / "tokenizer.json")
    begun = tokenizer.encode(sys.argv[1] if len(sys.argv) > 1 else "Once upon a time")
    print(tokenizer.decode(continued(load(folder), begun, 100)[1:]))


if __name__ == "__main__":
    main()
