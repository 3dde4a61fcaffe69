"""Transformer blocks, and stacks of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from nn import functional, init
from nn._repr import described
from nn._rng import Rng, generator
from nn._validation import MOST_LAYERS, whole_number
from nn._weight_layouts import Foreign, Layout, foreign
from nn.layers.attention import MultiHeadAttention, check_heads
from nn.layers.dense import Dense
from nn.layers.dropout import Dropout
from nn.layers.normalisation import LayerNorm, RMSNorm
from nn.layers.positions import RotaryPositions
from nn.module import Module
from tensorgrad import Tensor

Activation = Literal["relu", "gelu", "gelu_tanh", "silu", "swiglu", "geglu"]

ACTIVATIONS: dict[str, Callable[[Any], Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "gelu_tanh": functional.gelu_tanh,
    "silu": functional.silu,
    "swiglu": functional.silu,
    "geglu": functional.gelu,
}
GATED = ("swiglu", "geglu")
NORMS: dict[str, Any] = {"layer": LayerNorm, "rms": RMSNorm}


class FeedForward(Module):
    """Two fully connected layers, applied to each position: `contract(activation(expand(x)))`.

    Args:
        features: the width of x and of the result, at least 1.
        hidden: the width between the two layers, at least 1; default 4·features.
        activation: `"relu"`, `"gelu"`, `"gelu_tanh"`, `"silu"`; or with a gate, `"swiglu"`, which is
            `contract(silu(expand(x)) * gate(x))`, and `"geglu"`, the same with GELU.
        dropout: the fraction of the hidden values that is dropped in training.
        bias: whether the layers have a bias.
        weight_init: an initialiser from `nn.init`; default `init.glorot()`.
        dtype: of the parameters.
        rng: the source of the weights and of dropout, as in `Dense`.

    Attributes:
        expand, gate, contract: `Dense` layers; `gate` is None without a gate.

    Raises:
        ValueError: a size below 1, another activation, or `dropout` outside [0, 1); when called, x of another width.
        TypeError: a size that is not an integer, or a dtype that is not floating-point.

    References:
        Shazeer, *GLU Variants Improve Transformer*, 2020, for the gates.

    >>> FeedForward(8, activation="swiglu", rng=0)(np.ones((2, 5, 8), np.float32)).shape
    (2, 5, 8)
    """

    def __init__(
        self, features: int, hidden: int | None = None, *, activation: Activation = "gelu", dropout: float = 0.0,
        bias: bool = True, weight_init: init.Initializer | None = None, dtype: DTypeLike = np.float32, rng: Rng = None,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        self.features = whole_number(f"{name}: features", features)
        self.hidden = 4 * self.features if hidden is None else whole_number(f"{name}: hidden", hidden)
        self.activation = _one_of(name, "activation", activation, ACTIVATIONS)
        self.rng = generator(rng)
        options: dict[str, Any] = {"bias": bias, "weight_init": weight_init, "dtype": dtype, "rng": self.rng}
        self.expand = Dense(self.features, self.hidden, **options)
        self.gate = Dense(self.features, self.hidden, **options) if activation in GATED else None
        self.contract = Dense(self.hidden, self.features, **options)
        self.dropout = dropout
        self.dropped = Dropout(dropout, self.rng) if dropout else None

    def forward(self, x: ArrayLike) -> Tensor:
        """Return the result for each position."""
        hidden = ACTIVATIONS[self.activation](self.expand(x))
        if self.gate is not None:
            hidden = hidden * self.gate(x)
        result: Tensor = self.contract(hidden if self.dropped is None else self.dropped(hidden))
        return result

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        shown: dict[str, Any] = {"features": self.features}
        shown |= {} if self.hidden == 4 * self.features else {"hidden": self.hidden}
        shown |= {} if self.activation == "gelu" else {"activation": self.activation}
        shown |= {"dropout": self.dropout, "rng": self.rng} if self.dropout else {}
        shown |= {} if self.expand.bias is not None else {"bias": False}
        dtype = self.expand.weight.dtype
        return shown if dtype == np.float32 else shown | {"dtype": str(dtype)}

    def __repr__(self) -> str:
        return described(self, {name: value for name, value in self.settings().items() if name != "rng"})


class TransformerBlock(Module):
    """Attention and a feed-forward network, each with normalisation and a residual connection.

    Args:
        features: the width of x and of the result, a multiple of `heads`.
        heads: the number of attention heads.
        causal: whether a position attends only to itself and to earlier ones.
        hidden: the width of the feed-forward network; default 4·features.
        activation: of the feed-forward network; see `FeedForward`.
        norm: `"layer"` or `"rms"`.
        norm_first: whether each part normalises its input, `x + part(norm(x))`, as in GPT-2 and Llama. If not, the sum
            is normalised, `norm(x + part(x))`, as in the paper.
        cross_attention: whether there is attention to a context, as in the decoder of the paper.
        dropout: the fraction that is dropped in training: of the attention weights, of the hidden values, and of the
            result of each part.
        kv_heads, rotary: as in `MultiHeadAttention`.
        epsilon: of the normalisation.
        bias: whether projections and normalisations have a bias.
        weight_init: an initialiser from `nn.init`; default `init.glorot()`.
        dtype: of the parameters.
        rng: the source of the weights and of dropout, as in `Dense`.

    Attributes:
        attention, cross_attention: `MultiHeadAttention`; the latter may be None.
        feed_forward: a `FeedForward`.
        attention_norm, cross_norm, feed_forward_norm: the normalisation of each part.

    Raises:
        ValueError: as in `MultiHeadAttention` and `FeedForward`, or another `norm`.
        TypeError: a size that is not an integer, or a dtype that is not floating-point.

    References:
        Vaswani et al., *Attention Is All You Need*, 2017; Xiong et al., *On Layer Normalization in the Transformer
        Architecture*, 2020.

    >>> block = TransformerBlock(8, 2, causal=True, rng=0)
    >>> block(np.ones((3, 5, 8), np.float32)).shape
    (3, 5, 8)
    """

    def __init__(
        self, features: int, heads: int, *, causal: bool = False, hidden: int | None = None,
        activation: Activation = "gelu", norm: Literal["layer", "rms"] = "layer", norm_first: bool = True,
        cross_attention: bool = False, dropout: float = 0.0, kv_heads: int | None = None,
        rotary: bool | RotaryPositions = False, epsilon: float = 1e-5, bias: bool = True,
        weight_init: init.Initializer | None = None, dtype: DTypeLike = np.float32, rng: Rng = None,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        check_heads(name, features, heads)
        self.norm = _one_of(name, "norm", norm, NORMS)
        self.norm_first = norm_first
        self.epsilon = epsilon
        self.weight_init = weight_init
        self.dropout = dropout
        self.rng = generator(rng)
        options: dict[str, Any] = {"bias": bias, "weight_init": weight_init, "dtype": dtype, "rng": self.rng}
        self.attention = MultiHeadAttention(
            features, heads, causal=causal, dropout=dropout, kv_heads=kv_heads, rotary=rotary, **options
        )
        self.attention_norm = self.normalisation(features, bias, dtype)
        self.cross_attention: MultiHeadAttention | None = None
        self.cross_norm: Module | None = None
        if cross_attention:
            self.cross_attention = MultiHeadAttention(features, heads, dropout=dropout, kv_heads=kv_heads, **options)
            self.cross_norm = self.normalisation(features, bias, dtype)
        self.feed_forward = FeedForward(features, hidden, activation=activation, dropout=dropout, **options)
        self.feed_forward_norm = self.normalisation(features, bias, dtype)
        self.dropped = Dropout(dropout, self.rng) if dropout else None

    def normalisation(self, features: int, bias: bool, dtype: DTypeLike) -> Module:
        """Return a normalisation layer of the kind that the block uses."""
        if self.norm == "rms":
            return RMSNorm(features, epsilon=self.epsilon, dtype=dtype)
        return LayerNorm(features, epsilon=self.epsilon, bias=bias, dtype=dtype)

    def forward(
        self, x: ArrayLike, context: ArrayLike | None = None, *, mask: ArrayLike | None = None,
        lengths: ArrayLike | None = None, key_mask: ArrayLike | None = None, context_lengths: ArrayLike | None = None,
        context_mask: ArrayLike | None = None,
    ) -> Tensor:  # fmt: skip
        """Return the result for each position.

        Args:
            x: `(batch, time, features)`.
            context: `(batch, keys, features)`, for cross-attention.
            mask, lengths, key_mask: of x, as in `MultiHeadAttention.forward`.
            context_lengths: `(batch,)`, the number of steps of each context. Later ones are padding.
            context_mask: `(batch, keys)` booleans, False for padding, instead of `context_lengths`.

        Returns:
            `(batch, time, features)`. Ignore the results at padding.

        Raises:
            ValueError: shapes that do not fit, or a context that is missing or not expected.
            TypeError: lengths that are not integers, or masks of padding that are not boolean.
        """
        x = x if isinstance(x, Tensor) else Tensor(x)
        if (context is None) is (self.cross_attention is not None):
            problem = (
                "cross-attention needs a context: block(x, context)"
                if context is None
                else "got a context, but the block has no cross_attention=True"
            )
            raise ValueError(f"{self!r}: {problem}.")
        attend = partial(self.attention, mask=mask, lengths=lengths, key_mask=key_mask)
        x = self._with(x, self.attention_norm, attend)
        if self.cross_attention is not None and self.cross_norm is not None:
            attend = partial(self.cross_attention, key=context, lengths=context_lengths, key_mask=context_mask)
            x = self._with(x, self.cross_norm, attend)
        return self._with(x, self.feed_forward_norm, self.feed_forward)

    def with_mask(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Return the result for sequences with padding, and its mask."""
        return self(x, key_mask=mask), mask

    def _with(self, x: Tensor, norm: Module, part: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the result of one part with its residual connection."""
        change = part(norm(x) if self.norm_first else x)
        total: Tensor = x + (change if self.dropped is None else self.dropped(change))
        return total if self.norm_first else norm(total)

    def another(self) -> Self:
        """Return another block with these settings, whose weights are drawn from the same generator."""
        return type(self)(**(self.settings() | {"weight_init": self.weight_init, "rng": self.rng}))

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        shown = self.attention.settings()
        for name, default in (("hidden", 4 * shown["features"]), ("activation", "gelu")):
            value = getattr(self.feed_forward, name)
            shown |= {} if value == default else {name: value}
        for name, default in (("norm", "layer"), ("norm_first", True), ("epsilon", 1e-5)):
            value = getattr(self, name)
            shown |= {} if value == default else {name: value}
        return shown if self.cross_attention is None else shown | {"cross_attention": True}

    def __repr__(self) -> str:
        return described(self, {name: value for name, value in self.settings().items() if name != "rng"})

    @property
    def pytorch_layout(self) -> Layout:
        """Return the names and layouts of PyTorch's `TransformerEncoderLayer` or `TransformerDecoderLayer`."""
        tensors: dict[str | tuple[str, ...], str | Foreign] = {}
        for ours, theirs in (("attention", "self_attn"), ("cross_attention", "multihead_attn")):
            layer = getattr(self, ours)
            for names, source in () if layer is None else layer.pytorch_layout.tensors.items():
                inside = tuple(f"{ours}.{name}" for name in names)
                tensors[inside] = Foreign(tuple(f"{theirs}.{name}" for name in source.names), source.steps)
        for ours, theirs in (("expand", "linear1"), ("contract", "linear2"), ("gate", "gate")):
            tensors[f"feed_forward.{ours}.weight"] = foreign(f"{theirs}.weight").transpose()
            tensors[f"feed_forward.{ours}.bias"] = f"{theirs}.bias"
        norms = ["attention_norm", "feed_forward_norm"]
        if self.cross_attention is not None:
            norms.insert(1, "cross_norm")
        for number, ours in enumerate(norms, 1):
            tensors |= {f"{ours}.weight": f"norm{number}.weight", f"{ours}.bias": f"norm{number}.bias"}
        return Layout(tensors)


class Stack(Module):
    """Base class of `TransformerEncoder` and `TransformerDecoder`, which document the arguments."""

    def __init__(self, block: TransformerBlock, count: int) -> None:
        name = type(self).__name__
        if not isinstance(block, TransformerBlock):
            raise TypeError(f"{name}: expected a block such as nn.TransformerBlock(…), got {block!r}.")
        self.count = whole_number(f"{name}: count", count, highest=MOST_LAYERS)
        self.layers = [block, *(block.another() for _ in range(self.count - 1))]
        features, dtype = block.attention.features, block.attention.query.weight.dtype
        bias = block.attention.query.bias is not None
        self.norm = block.normalisation(features, bias, dtype) if block.norm_first else None

    def with_mask(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Return the result for sequences with padding, and its mask."""
        return self(x, key_mask=mask), mask

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"block": self.layers[0], "count": self.count}

    def __repr__(self) -> str:
        return described(self, self.settings())


class TransformerEncoder(Stack):
    """A stack of transformer blocks in which each position attends to all.

    Args:
        block: a `TransformerBlock`, the first of the stack. The others have its settings; their weights are drawn from
            the same generator.
        count: the number of blocks, at least 1.

    Attributes:
        layers: the blocks.
        norm: the normalisation of the result, if the blocks normalise first; else None.

    Raises:
        ValueError: `count` below 1, or a block with cross-attention.
        TypeError: something that is not a block.

    >>> encoder = TransformerEncoder(TransformerBlock(8, 2, rng=0), 3)
    >>> encoder(np.ones((2, 5, 8), np.float32), lengths=[5, 3]).shape
    (2, 5, 8)
    """

    def __init__(self, block: TransformerBlock, count: int) -> None:
        super().__init__(block, count)
        if block.cross_attention is not None:
            raise ValueError(f"TransformerEncoder: expected a block without cross-attention, got {block!r}.")

    def forward(
        self, x: ArrayLike, *, mask: ArrayLike | None = None, lengths: ArrayLike | None = None,
        key_mask: ArrayLike | None = None,
    ) -> Any:  # fmt: skip
        """Return the result of the last block, normalised if blocks normalise first.

        The arguments are those of `TransformerBlock.forward`.
        """
        for layer in self.layers:
            x = layer(x, mask=mask, lengths=lengths, key_mask=key_mask)
        return x if self.norm is None else self.norm(x)

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().settings()


class TransformerDecoder(Stack):
    """A stack of causal transformer blocks, usually with cross-attention to the result of an encoder.

    Args:
        block: a `TransformerBlock` with `causal=True`, the first of the stack. The others have its settings; their
            weights are drawn from the same generator.
        count: the number of blocks, at least 1.

    Attributes:
        layers: the blocks.
        norm: the normalisation of the result, if the blocks normalise first; else None.

    Raises:
        ValueError: `count` below 1, or a block that is not causal.
        TypeError: something that is not a block.

    >>> decoder = TransformerDecoder(TransformerBlock(8, 2, causal=True, cross_attention=True, rng=0), 3)
    >>> decoder(np.ones((2, 5, 8), np.float32), np.ones((2, 7, 8), np.float32), context_lengths=[7, 4]).shape
    (2, 5, 8)
    """

    def __init__(self, block: TransformerBlock, count: int) -> None:
        super().__init__(block, count)
        if not block.attention.causal:
            raise ValueError(f"TransformerDecoder: expected a block with causal=True, got {block!r}.")

    def forward(
        self, x: ArrayLike, context: ArrayLike | None = None, *, mask: ArrayLike | None = None,
        lengths: ArrayLike | None = None, key_mask: ArrayLike | None = None, context_lengths: ArrayLike | None = None,
        context_mask: ArrayLike | None = None,
    ) -> Any:  # fmt: skip
        """Return the result of the last block, normalised if blocks normalise first.

        The arguments are those of `TransformerBlock.forward`; each block attends to the same context.
        """
        for layer in self.layers:
            x = layer(
                x, context, mask=mask, lengths=lengths, key_mask=key_mask, context_lengths=context_lengths,
                context_mask=context_mask,
            )  # fmt: skip
        return x if self.norm is None else self.norm(x)

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().settings()


def _one_of(layer: str, argument: str, value: Any, known: dict[str, Any]) -> Any:
    if value not in known:
        names = ", ".join(map(repr, known))
        raise ValueError(f"{layer}: {argument} must be one of {names}, got {value!r}.")
    return value
