"""Multi-head attention."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

import tensorgrad as tg
from nn import functional, init
from nn._repr import described
from nn._rng import Rng, generator
from nn._validation import whole_number
from nn._weight_layouts import Foreign, Layout, foreign
from nn.layers._cache import KeyValueCache, current_cache
from nn.layers.dense import Dense
from nn.layers.dropout import Dropout
from nn.layers.masks import as_mask
from nn.layers.positions import RotaryPositions
from nn.module import Module, place
from tensorgrad import Tensor


class MultiHeadAttention(Module):
    """Attention in several heads: each has its own projections of queries, keys and values.

    Args:
        features: the width of queries and of the result, a multiple of `heads`.
        heads: the number of heads.
        causal: whether a position attends only to itself and to earlier ones.
        dropout: the fraction of the attention weights that is dropped in training.
        kv_heads: the number of heads of keys and values, a divisor of `heads`. Each is used by several heads of queries
            (grouped-query attention; multi-query attention with 1). Default `heads`.
        key_features, value_features: the width of keys and values, if they differ from `features`.
        rotary: whether queries and keys are rotated by their positions; or a `RotaryPositions` of features / heads.
        bias: whether the four projections have a bias.
        weight_init: an initialiser from `nn.init`; default `init.glorot()`.
        dtype: of the parameters.
        rng: the source of the weights and of dropout, as in `Dense`.

    Attributes:
        query, key, value: the projections, `Dense` layers. A head has consecutive features of each.
        output: the projection of the concatenated heads.

    Call it as `layer(x)` for self-attention, or `layer(x, context)` for cross-attention; see `forward`. With dropout in
    training, and with `return_weights=True`, all weights are in memory at once, and the computation takes longer.

    Raises:
        ValueError: a size below 1, heads that do not divide `features`, `kv_heads` that do not divide `heads`,
            `dropout` outside [0, 1), rotary positions of an odd number of features; when called, shapes that do not
            fit.
        TypeError: a size that is not an integer, or a dtype that is not floating-point.

    References:
        Vaswani et al., *Attention Is All You Need*, 2017; Ainslie et al., *GQA: Training Generalized Multi-Query
        Transformer Models*, 2023.

    >>> layer = MultiHeadAttention(8, 2, causal=True, rng=0)
    >>> layer(np.ones((3, 5, 8), np.float32)).shape
    (3, 5, 8)
    >>> output, weights = layer(np.ones((3, 5, 8), np.float32), return_weights=True)
    >>> weights.shape
    (3, 2, 5, 5)
    >>> MultiHeadAttention(8, 3)
    Traceback (most recent call last):
    ValueError: MultiHeadAttention: features must be a multiple of heads, got 8 and 3.
    """

    def __init__(
        self, features: int, heads: int, *, causal: bool = False, dropout: float = 0.0, kv_heads: int | None = None,
        key_features: int | None = None, value_features: int | None = None, rotary: bool | RotaryPositions = False,
        bias: bool = True, weight_init: init.Initializer | None = None, dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        self.features, self.heads = check_heads(name, features, heads)
        self.kv_heads = self.heads if kv_heads is None else whole_number(f"{name}: kv_heads", kv_heads)
        if self.heads % self.kv_heads:
            raise ValueError(f"{name}: heads must be a multiple of kv_heads, got {heads} and {kv_heads}.")
        self.key_features = features if key_features is None else whole_number(f"{name}: key_features", key_features)
        self.value_features = (
            self.key_features if value_features is None else whole_number(f"{name}: value_features", value_features)
        )
        self.head_features = self.features // self.heads
        self.causal = causal
        self.rotary = _rotary(name, rotary, self.head_features)
        self.rng = generator(rng)
        options: dict[str, Any] = {"bias": bias, "weight_init": weight_init, "dtype": dtype, "rng": self.rng}
        width = self.kv_heads * self.head_features
        self.query = Dense(self.features, self.features, **options)
        self.key = Dense(self.key_features, width, **options)
        self.value = Dense(self.value_features, width, **options)
        self.output = Dense(self.features, self.features, **options)
        self.dropout = dropout
        self.dropped = Dropout(dropout, self.rng) if dropout else None

    def forward(
        self, query: ArrayLike, key: ArrayLike | None = None, value: ArrayLike | None = None, *,
        mask: ArrayLike | None = None, lengths: ArrayLike | None = None, key_mask: ArrayLike | None = None,
        return_weights: bool = False,
    ) -> Any:  # fmt: skip
        """Return for each query an average of the projected values, projected once more.

        Args:
            query: `(batch, time, features)`.
            key: `(batch, keys, key features)`; default the queries, for self-attention.
            value: `(batch, keys, value features)`; default the keys.
            mask: True where a query may attend to a key, or numbers that are added to the scores: `(time, keys)`,
                `(batch, time, keys)` or `(batch, heads, time, keys)`.
            lengths: `(batch,)`, the number of keys of each sequence. Later ones are padding, to which no query attends.
            key_mask: `(batch, keys)` booleans, False for padding, instead of `lengths`. Within a `KeyValueCache`, the
                keys are those of all positions so far.
            return_weights: whether the attention weights are returned too.

        Returns:
            `(batch, time, features)`; with `return_weights=True` also `(batch, heads, time, keys)`. A query that may
            attend to nothing gets the bias of the output alone. Ignore the results at padding.

        Raises:
            ValueError: shapes that do not fit, or lengths beyond the keys.
            TypeError: lengths that are not integers, a `key_mask` that is not boolean, or a `mask` of integers.
        """
        cache = current_cache() if key is None else None
        queries = query if isinstance(query, Tensor) else Tensor(query)
        keys = queries if key is None else key if isinstance(key, Tensor) else Tensor(key)
        values = keys if value is None else value if isinstance(value, Tensor) else Tensor(value)
        self._check_inputs(queries, keys, values, cache)
        start = 0 if cache is None else cache.seen(self)
        mask = self._whole_mask(mask, lengths, key_mask, (*queries.shape[:2], start + keys.shape[1]))

        q = self._split(self.query(queries), self.heads)
        k, v = (self._split(each, self.kv_heads) for each in (self.key(keys), self.value(values)))
        if self.rotary is not None:
            q, k = self.rotary(q, start), self.rotary(k, start)
        if cache is not None:
            k, v = (Tensor(each) for each in cache.extend(self, k.data, v.data))
        if return_weights or (self.training and self.dropped is not None):
            weights = functional.attention_weights(q, k, mask, self.causal)
            averages = _average(weights if self.dropped is None else self.dropped(weights), v)
        else:
            averages = functional.attention(q, k, v, mask, self.causal)
        output = self.output(tg.reshape(tg.swapaxes(averages, 1, 2), queries.shape))
        return (output, weights) if return_weights else output

    def with_mask(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Return the result of self-attention to the steps that are not padding, and its mask."""
        return self(x, key_mask=mask), mask

    def _split(self, x: Tensor, heads: int) -> Tensor:
        """Return `(batch, heads, time, features)`, as a view of `(batch, time, heads·features)`."""
        return tg.swapaxes(tg.reshape(x, (*x.shape[:2], heads, self.head_features)), 1, 2)

    def _check_inputs(self, query: Tensor, key: Tensor, value: Tensor, cache: KeyValueCache | None) -> None:
        for name, x, width in (
            ("x", query, self.features), ("keys", key, self.key_features), ("values", value, self.value_features)
        ):  # fmt: skip
            if x.ndim != 3 or x.shape[2] != width:
                hint = " A single sequence is x[None]." if x.ndim == 2 and x.shape[1] == width else ""
                axes = f"(batch, time, {width})"
                raise ValueError(f"{place(self)}: expected {name} of shape {axes}, got {x.shape}.{hint}")
        if not query.shape[0] == key.shape[0] == value.shape[0] or key.shape[1] != value.shape[1]:
            raise ValueError(
                f"{place(self)}: expected the same number of sequences, and as many values as keys, got shapes "
                f"{query.shape}, {key.shape} and {value.shape}."
            )
        if cache is not None and not self.causal:
            raise ValueError(
                f"{place(self)}: a KeyValueCache needs causal=True: earlier positions must not depend on later ones."
            )
        if self.causal and query.shape[1] > key.shape[1]:
            raise ValueError(
                f"{place(self)}: expected at least as many keys as queries for causal attention, got {key.shape} and "
                f"{query.shape}."
            )

    def _whole_mask(self, mask: Any, lengths: Any, key_mask: Any, shape: tuple[int, ...]) -> Any:
        """Return the combined mask of the scores `(batch, heads, time, keys)`, or None."""
        batch, time, keys = shape
        if mask is not None:
            mask = mask if hasattr(mask, "dtype") else np.asarray(mask)
            allowed = {2: (time, keys), 3: (batch, time, keys), 4: (batch, self.heads, time, keys)}.get(mask.ndim)
            if allowed is None or not all(n in (1, m) for n, m in zip(mask.shape, allowed)):
                raise ValueError(
                    f"{place(self)}: expected a mask of shape (time, keys) = {(time, keys)}, (batch, time, keys) or "
                    f"(batch, heads, time, keys), got {mask.shape}."
                )
            if mask.dtype.kind in "iu":
                raise TypeError(
                    f"{place(self)}: expected a mask of booleans, True where a query may attend, or of floating-point "
                    f"numbers that are added to the scores, got dtype {mask.dtype}. Zeros and ones become booleans by "
                    "mask.astype(bool)."
                )
            mask = mask[:, None] if mask.ndim == 3 else mask
        padding = as_mask(place(self), (batch, keys), lengths, key_mask)
        if padding is None:
            return mask
        padding = padding[:, None, None]
        if mask is None:
            return padding
        if mask.dtype == bool:
            return np.logical_and(mask, padding)
        return mask + np.where(padding, 0, -np.inf).astype(mask.dtype)

    # -- representation and layouts in other frameworks ------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        shown: dict[str, Any] = {"features": self.features, "heads": self.heads}
        shown |= {"causal": True} if self.causal else {}
        shown |= {"dropout": self.dropout, "rng": self.rng} if self.dropout else {}
        shown |= {"kv_heads": self.kv_heads} if self.kv_heads != self.heads else {}
        shown |= {"key_features": self.key_features} if self.key_features != self.features else {}
        shown |= {"value_features": self.value_features} if self.value_features != self.key_features else {}
        shown |= {} if self.rotary is None else {"rotary": self.rotary}
        shown |= {} if self.query.bias is not None else {"bias": False}
        dtype = self.query.weight.dtype
        return shown if dtype == np.float32 else shown | {"dtype": str(dtype)}

    def __repr__(self) -> str:
        return described(self, {name: value for name, value in self.settings().items() if name != "rng"})

    @property
    def pytorch_layout(self) -> Layout:
        """Return the names and layouts in PyTorch, which has the three input projections in one tensor."""
        width = self.kv_heads * self.head_features
        inputs = ("query", "key", "value")
        tensors: dict[str | tuple[str, ...], str | Foreign] = {
            tuple(f"{name}.bias" for name in inputs): foreign("in_proj_bias").split([self.features, width, width]),
            "output.weight": foreign("out_proj.weight").transpose(),
            "output.bias": "out_proj.bias",
        }
        if self.features == self.key_features == self.value_features:
            joined = foreign("in_proj_weight").transpose().split([self.features, width, width])
            return Layout({tuple(f"{name}.weight" for name in inputs): joined, **tensors})
        for name in inputs:
            tensors[f"{name}.weight"] = foreign(f"{name[0]}_proj_weight").transpose()
        return Layout(tensors)

    @property
    def keras_layout(self) -> Layout:
        """Return the names and layouts in Keras, which has an axis for the heads."""
        tensors: dict[str | tuple[str, ...], str | Foreign] = {}
        is_grouped = self.kv_heads != self.heads  # a different class in Keras, with other names
        private = "_" if is_grouped else ""
        for name, heads in (("query", self.heads), ("key", self.kv_heads), ("value", self.kv_heads)):
            rows, width = getattr(self, name).inputs, heads * self.head_features
            kernel = foreign(f"{private}{name}_dense.kernel")
            bias = foreign(f"{private}{name}_dense.bias")
            tensors[f"{name}.weight"] = kernel.reshape((rows, heads, self.head_features), (rows, width))
            tensors[f"{name}.bias"] = bias.reshape((heads, self.head_features), (width,))
        whole = (self.heads, self.head_features, self.features)
        kernel = foreign(f"{private}output_dense.kernel")
        tensors["output.weight"] = kernel.reshape(whole, (self.features, self.features))
        tensors["output.bias"] = f"{private}output_dense.bias"
        return Layout(tensors, name="grouped_query_attention" if is_grouped else "multi_head_attention")


def check_heads(layer: str, features: Any, heads: Any) -> tuple[int, int]:
    """Return both as integers.

    Raises:
        ValueError: a number below 1, or heads that do not divide the features.
        TypeError: a number that is not an integer.
    """
    features, heads = whole_number(f"{layer}: features", features), whole_number(f"{layer}: heads", heads)
    if features % heads:
        raise ValueError(f"{layer}: features must be a multiple of heads, got {features} and {heads}.")
    return features, heads


def _rotary(name: str, rotary: bool | RotaryPositions, features: int) -> RotaryPositions | None:
    if not isinstance(rotary, RotaryPositions):
        return RotaryPositions(features) if rotary else None
    if rotary.features != features:
        raise ValueError(f"{name}: rotary positions act on heads of {features} features, got {rotary!r}.")
    return rotary


def _average(weights: Tensor, values: Any) -> Tensor:
    """Return weights @ values, where several heads of weights may share a head of values."""
    batch, heads, time, keys = weights.shape
    groups = values.shape[1]
    if heads == groups:
        return tg.matmul(weights, values)
    by_group = tg.reshape(weights, (batch, groups, heads // groups, time, keys))
    averages = tg.matmul(by_group, tg.expand_dims(values, 2))
    result: Tensor = tg.reshape(averages, (batch, heads, time, values.shape[3]))
    return result
