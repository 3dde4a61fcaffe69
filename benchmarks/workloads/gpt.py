"""One training step of a small GPT: 65 characters, width 128, 2 blocks with 4 heads, 64 tokens, batch of 16, AdamW.

Blocks normalise first and have the GELU with tanh, as in GPT-2; positions are sines and cosines; there is no dropout.
PyTorch's network is written as in nanoGPT: one projection for queries, keys and values, and
`scaled_dot_product_attention`. Both start from the same weights.

References:
    Radford et al., *Language Models are Unsupervised Multitask Learners*, 2019; https://github.com/karpathy/nanoGPT
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

import numpy as np
from harness import Contestant, race
from table import Row

BATCHES, BATCH, TIME, VOCABULARY, WIDTH, HEADS, BLOCKS = 8, 16, 64, 65, 128, 4, 2
TARGET = 0.7

Array = np.ndarray[Any, Any]


def measure(rounds: int) -> list[Row]:
    """Compare nn with PyTorch at one thread."""
    contestants = [Contestant("tensorgrad", ours), Contestant("torch, fused AdamW", by_torch, TARGET)]
    return race("gpt", contestants, rounds=rounds, unit="per step", agreeing_steps=3, rtol=1e-4, clock="processors")


def data() -> Array:
    """Return random sequences, one token longer than the network's input."""
    return np.random.default_rng(0).integers(0, VOCABULARY, (BATCHES, BATCH, TIME + 1))


def network() -> Any:
    """Return the network of nn."""
    import nn

    rng = np.random.default_rng(1)
    return nn.Sequential(
        nn.Embedding(VOCABULARY, WIDTH, rng=rng),
        nn.PositionalEncoding(WIDTH),
        *[nn.TransformerBlock(WIDTH, HEADS, causal=True, activation="gelu_tanh", rng=rng) for _ in range(BLOCKS)],
        nn.LayerNorm(WIDTH),
        nn.Dense(WIDTH, VOCABULARY, rng=rng),
    )


def ours() -> Callable[[], Any]:
    """Return a step with nn, which returns the loss."""
    import nn

    gpt, loss = network(), nn.SoftmaxCrossEntropy()
    optimizer = nn.AdamW(gpt.parameters(), 3e-4)
    batches = cycle(data())

    def step() -> Any:
        ids = next(batches)
        value = loss(gpt(ids[:, :-1]), ids[:, 1:])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    return step


def by_torch() -> Callable[[], Any]:
    """Return the same step with PyTorch."""
    import torch
    from torch.nn import functional as f

    import nn

    class Block(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = torch.nn.LayerNorm(WIDTH), torch.nn.LayerNorm(WIDTH)
            self.inputs, self.output = torch.nn.Linear(WIDTH, 3 * WIDTH), torch.nn.Linear(WIDTH, WIDTH)
            self.expand, self.contract = torch.nn.Linear(WIDTH, 4 * WIDTH), torch.nn.Linear(4 * WIDTH, WIDTH)

        def forward(self, x: Any) -> Any:
            q, k, v = (
                each.view(BATCH, TIME, HEADS, WIDTH // HEADS).transpose(1, 2)
                for each in self.inputs(self.norm1(x)).split(WIDTH, dim=2)
            )
            averages = f.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.output(averages.transpose(1, 2).reshape(BATCH, TIME, WIDTH))
            return x + self.contract(f.gelu(self.expand(self.norm2(x)), approximate="tanh"))

    state = {name: torch.from_numpy(tensor.data) for name, tensor in network().named_state()}
    embedding = torch.nn.Embedding(VOCABULARY, WIDTH)
    head = torch.nn.Sequential(torch.nn.LayerNorm(WIDTH), torch.nn.Linear(WIDTH, VOCABULARY))
    blocks = torch.nn.Sequential(*[Block() for _ in range(BLOCKS)])
    with torch.no_grad():
        embedding.weight.copy_(state["0.weight"])
        for number, block in enumerate(blocks):
            own = f"{number + 2}."
            joined = [state[f"{own}attention.{name}.weight"].T for name in ("query", "key", "value")]
            block.inputs.weight.copy_(torch.cat(joined))
            block.output.weight.copy_(state[f"{own}attention.output.weight"].T)
            block.expand.weight.copy_(state[f"{own}feed_forward.expand.weight"].T)
            block.contract.weight.copy_(state[f"{own}feed_forward.contract.weight"].T)
            for layer in (block.inputs, block.output, block.expand, block.contract):
                layer.bias.zero_()
        head[1].weight.copy_(state[f"{BLOCKS + 3}.weight"].T)
        head[1].bias.zero_()
    positions = torch.from_numpy(nn.functional.sinusoids(TIME, WIDTH).astype(np.float32))
    modules = torch.nn.ModuleList([embedding, blocks, head])
    optimizer = torch.optim.AdamW(modules.parameters(), lr=3e-4, eps=1e-7, weight_decay=0.01, fused=True)
    batches = cycle(torch.from_numpy(data()))

    def step() -> Any:
        ids = next(batches)
        logits = head(blocks(embedding(ids[:, :-1]) + positions))
        value = f.cross_entropy(logits.reshape(-1, VOCABULARY), ids[:, 1:].reshape(-1))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value.detach()

    return step
