"""With PyTorch in eager mode, with its fused Adam."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from dense import rules

import nn
from networks.work import RATE, STAGES, Array, Work


def training(work: Work) -> Callable[[], Any]:
    """Return a step, which returns the loss as a tensor, on a GPU without waiting for it."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    network = {"mlp": mlp, "gpt": gpt, "lstm": lstm, "lenet": lenet, "resnet": resnet}[work.kind](work)
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    with torch.no_grad():
        for parameter, values in zip(parameters, in_their_layout(work), strict=True):
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))
    network = network.to(device)
    if work.x.ndim == 4:
        network = network.to(memory_format=torch.channels_last)
    x, y = torch.from_numpy(work.x).to(device), torch.from_numpy(work.y).to(device)
    x = x.permute(0, 3, 1, 2) if work.x.ndim == 4 else x
    optimizer = torch.optim.Adam(parameters, lr=RATE, eps=rules.EPSILON, betas=(rules.BETA_1, rules.BETA_2), fused=True)

    def step() -> Any:
        scores = network(x)
        value: Any = torch.nn.functional.cross_entropy(scores.reshape(-1, scores.shape[-1]), y.reshape(-1))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value.detach()

    return step


def in_their_layout(work: Work) -> Iterator[Array]:
    """Yield the initial weights in PyTorch's layout: transposed matrices, kernels with the filters first."""
    for name, values in work.parameters.items():
        if values.ndim == 4:
            yield values.transpose(3, 2, 0, 1)
        elif work.kind == "lenet" and values.ndim == 2:  # of flattened images, whose channels come first here
            size = work.x.shape[1] // 4
            yield values.reshape(size, size, -1, values.shape[1]).transpose(3, 2, 0, 1).reshape(values.shape[1], -1)
        else:
            yield values.T if values.ndim == 2 and not (work.kind == "gpt" and name == "0.weight") else values


def mlp(work: Work) -> Any:
    """Return a dense network."""
    from torch.nn import Linear, ReLU, Sequential

    shapes = [array.shape for array in work.parameters.values() if array.ndim == 2]
    return Sequential(*[layer for shape in shapes for layer in (Linear(*shape), ReLU())][:-1])


def gpt(work: Work) -> Any:
    """Return a GPT, with the parameters in the order of tensorgrad's."""
    import torch
    from torch.nn import Embedding, LayerNorm, Linear, Module, ModuleList
    from torch.nn import functional as f

    (vocabulary, width), heads, time = work.parameters["0.weight"].shape, work.heads, work.x.shape[1]

    class Block(Module):
        def __init__(self) -> None:
            super().__init__()
            made = {
                "attention.query": Linear(width, width), "attention.key": Linear(width, width),
                "attention.value": Linear(width, width), "attention.output": Linear(width, width),
                "attention_norm": LayerNorm(width), "feed_forward_norm": LayerNorm(width),
                "feed_forward.expand": Linear(width, 4 * width), "feed_forward.contract": Linear(4 * width, width),
            }  # fmt: skip
            order = dict.fromkeys(name[2:].rpartition(".")[0] for name in work.parameters if name.startswith("2."))
            for name in order:
                self.add_module(name.replace(".", "_"), made[name])

        def __getattr__(self, name: str) -> Any:  # its layers are added by name
            return super().__getattr__(name)

        def forward(self, x: Any) -> Any:
            h, shape = self.attention_norm(x), (*x.shape[:2], heads, width // heads)
            q, k, v = (
                layer(h).view(shape).transpose(1, 2)
                for layer in (self.attention_query, self.attention_key, self.attention_value)
            )
            h = f.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(x.shape)
            x = x + self.attention_output(h)
            h = f.gelu(self.feed_forward_expand(self.feed_forward_norm(x)), approximate="tanh")
            return x + self.feed_forward_contract(h)

    class GPT(Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.blocks = Embedding(vocabulary, width), ModuleList([Block(), Block()])
            self.norm, self.head = LayerNorm(width), Linear(width, vocabulary)
            positions = torch.from_numpy(nn.functional.sinusoids(time, width).astype(np.float32))
            self.register_buffer("positions", positions)

        def forward(self, ids: Any) -> Any:
            x = self.embedding(ids) + self.positions
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    return GPT()


def lstm(work: Work) -> Any:
    """Return an LSTM with a dense layer on its last state. Of its two biases, one is trained."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            units = work.parameters["0.recurrent_weight"].shape[0]
            self.recurrent, self.head = (
                torch.nn.LSTM(work.x.shape[2], units, batch_first=True),
                torch.nn.Linear(units, 10),
            )
            self.recurrent.bias_hh_l0.requires_grad_(False).zero_()

        def forward(self, x: Any) -> Any:
            return self.head(self.recurrent(x)[0][:, -1])

    return Network()


def lenet(work: Work) -> Any:
    """Return two convolutions with max-pooling, and a dense layer."""
    from torch.nn import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential

    return Sequential(
        Conv2d(1, 16, 3, padding=1), ReLU(), MaxPool2d(2), Conv2d(16, 32, 3, padding=1), ReLU(), MaxPool2d(2),
        Flatten(), Linear(32 * (work.x.shape[1] // 4) ** 2, 10),
    )  # fmt: skip


def resnet(work: Work) -> Any:
    """Return ResNet-20, with the parameters in the order of tensorgrad's."""
    import torch
    from torch.nn import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Flatten, Linear, ReLU, Sequential

    def convolution(channels: int, filters: int, size: int = 3, stride: int = 1) -> list[Any]:
        return [Conv2d(channels, filters, size, stride, size // 2, bias=False), BatchNorm2d(filters)]

    class Residual(torch.nn.Module):
        def __init__(self, channels: int, filters: int) -> None:
            super().__init__()
            stride = filters // channels
            layers = [*convolution(channels, filters, 3, stride), ReLU(), *convolution(filters, filters)]
            self.layers = Sequential(*layers)
            self.shortcut = Sequential(*convolution(channels, filters, 1, stride) if stride > 1 else [])

        def forward(self, x: Any) -> Any:
            return torch.relu(self.layers(x) + self.shortcut(x))

    blocks = [Residual(*pair) for pair in pairwise(STAGES)]
    return Sequential(*convolution(3, 16), ReLU(), *blocks, AdaptiveAvgPool2d(1), Flatten(), Linear(64, 10))
