"""Attention, transformers and positions: against PyTorch and Keras, masks, generation, saving, and what they refuse."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg

BATCH, TIME, KEYS, FEATURES, HEADS = 3, 5, 7, 8, 2
LENGTHS = [5, 2, 4]
KEY_LENGTHS = [7, 3, 1]


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", exc_type=ImportError)


def with_random_parameters(layer: nn.Module) -> Any:
    """Biases and normalisations too, which start as constants."""
    rng = np.random.default_rng(2)
    for _, tensor in layer.named_parameters():
        tensor.data = tensor.data + 0.3 * rng.normal(size=tensor.shape)
    return layer


def assert_close(ours: Any, theirs: Any, name: str = "") -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-11, err_msg=name)


def compare(
    torch: Any, ours: nn.Module, theirs: Any, inputs: list[Any], run: Callable[..., Any],
    run_theirs: Callable[..., Any], valid: Any = None,
) -> None:  # fmt: skip
    """Compare results and the gradients of inputs and parameters, with our weights in their layer.

    `valid` is False for steps that are padding, whose results are arbitrary.
    """
    theirs.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in for_pytorch(ours).items()})
    mine = [tg.tensor(each, requires_grad=True) for each in inputs]
    others = [torch.from_numpy(each).requires_grad_() for each in inputs]
    output, expected = run(*mine), run_theirs(*others)
    weigh = np.random.default_rng(5).normal(size=output.shape)
    if valid is not None:
        weigh *= valid[..., None]
    assert_close(output.data * (weigh != 0), expected.detach().numpy() * (weigh != 0))
    tg.sum(output * weigh).backward()
    (expected * torch.from_numpy(weigh)).sum().backward()
    for a, b in zip(mine, others):
        assert_close(a.grad, b.grad.numpy())
    holder = type(ours)(**ours.settings())
    gradients = {name: parameter.grad.numpy() for name, parameter in theirs.named_parameters()}
    assert nn.interop.load_pytorch(holder, gradients).complete
    for (name, parameter), (_, gradient) in zip(ours.named_parameters(), holder.named_parameters(), strict=True):
        assert_close(parameter.grad, gradient.data, name)


def for_pytorch(layer: nn.Module) -> dict[str, Any]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        nn.interop.save_pytorch(layer, Path(folder) / "x.safetensors")
        return {
            name: np.array(array) for name, array in nn.interop.read_weights(Path(folder) / "x.safetensors").items()
        }


# -- against PyTorch -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("padded", [True, False])
def test_multi_head_attention_computes_what_pytorch_computes(
    torch: Any, bias: bool, causal: bool, padded: bool, rng: np.random.Generator
) -> None:
    options = {"bias": bias, "causal": causal}
    ours = with_random_parameters(nn.MultiHeadAttention(FEATURES, HEADS, **options, dtype=np.float64, rng=1))
    theirs = torch.nn.MultiheadAttention(FEATURES, HEADS, bias=bias, batch_first=True, dtype=torch.float64)
    lengths = LENGTHS if padded else None
    valid = np.arange(TIME) < np.array(LENGTHS)[:, None]
    mask = None if not causal else torch.from_numpy(~np.tri(TIME, dtype=bool))
    padding = torch.from_numpy(~valid) if padded else None
    compare(
        torch, ours, theirs, [rng.normal(size=(BATCH, TIME, FEATURES))],
        lambda x: ours(x, lengths=lengths),
        lambda x: theirs(x, x, x, key_padding_mask=padding, attn_mask=mask)[0],
    )  # fmt: skip


@pytest.mark.parametrize("widths", [(None, None), (6, 3)])
def test_multi_head_attention_across_sequences_computes_what_pytorch_computes(
    torch: Any, widths: Any, rng: np.random.Generator
) -> None:
    of_keys, of_values = widths
    ours = with_random_parameters(
        nn.MultiHeadAttention(
            FEATURES, HEADS, key_features=of_keys, value_features=of_values, dtype=np.float64, rng=1
        )
    )  # fmt: skip
    theirs = torch.nn.MultiheadAttention(
        FEATURES, HEADS, kdim=of_keys, vdim=of_values, batch_first=True, dtype=torch.float64
    )
    inputs = [rng.normal(size=(BATCH, *shape)) for shape in (
        (TIME, FEATURES), (KEYS, of_keys or FEATURES), (KEYS, of_values or FEATURES)
    )]  # fmt: skip
    key_mask = np.arange(KEYS) < np.array(KEY_LENGTHS)[:, None]
    mask = rng.normal(size=(BATCH, HEADS, TIME, KEYS))
    for return_weights in (False, True):
        weights: list[Any] = []

        def run(*x: Any, return_weights: bool = return_weights, weights: list[Any] = weights) -> Any:
            result = ours(*x, mask=mask, key_mask=key_mask, return_weights=return_weights)
            weights += [result[1].data] if return_weights else []
            return result[0] if return_weights else result

        def run_theirs(*x: Any, weights: list[Any] = weights) -> Any:
            result, theirs_weights = theirs(
                *x, key_padding_mask=torch.from_numpy(np.where(key_mask, 0, -np.inf)),
                attn_mask=torch.from_numpy(mask.reshape(-1, TIME, KEYS)), average_attn_weights=False,
            )  # fmt: skip
            if weights:
                assert_close(weights[0], theirs_weights.detach().numpy())
            return result

        for parameter in [*ours.parameters(), *theirs.parameters()]:
            parameter.grad = None
        compare(torch, ours, theirs, inputs, run, run_theirs)


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("kind", ["bias", "no bias", "causal", "padded"])
def test_transformer_block_computes_what_pytorch_computes(
    torch: Any, norm_first: bool, activation: Any, kind: str, rng: np.random.Generator
) -> None:
    bias, causal = kind != "no bias", kind == "causal"
    ours = with_random_parameters(
        nn.TransformerBlock(
            FEATURES, HEADS, causal=causal, hidden=12, activation=activation, norm_first=norm_first, bias=bias,
            dtype=np.float64, rng=1,
        )
    )  # fmt: skip
    theirs = torch.nn.TransformerEncoderLayer(
        FEATURES, HEADS, 12, dropout=0.0, activation=activation, batch_first=True, norm_first=norm_first, bias=bias,
        dtype=torch.float64,
    )  # fmt: skip
    valid = np.arange(TIME) < np.array(LENGTHS)[:, None] if kind == "padded" else None
    mask = torch.from_numpy(~np.tri(TIME, dtype=bool)) if causal else None
    compare(
        torch, ours, theirs, [rng.normal(size=(BATCH, TIME, FEATURES))],
        lambda x: ours(x, lengths=None if valid is None else LENGTHS),
        lambda x: theirs(x, mask, None if valid is None else torch.from_numpy(~valid)), valid,
    )  # fmt: skip


@pytest.mark.parametrize("norm_first", [True, False])
def test_transformer_block_with_cross_attention_computes_what_pytorch_computes(
    torch: Any, norm_first: bool, rng: np.random.Generator
) -> None:
    options: dict[str, Any] = {"causal": True, "cross_attention": True, "norm_first": norm_first}
    ours = with_random_parameters(nn.TransformerBlock(FEATURES, HEADS, hidden=12, dtype=np.float64, rng=1, **options))
    theirs = torch.nn.TransformerDecoderLayer(
        FEATURES, HEADS, 12, dropout=0.0, activation="gelu", batch_first=True, norm_first=norm_first,
        dtype=torch.float64,
    )  # fmt: skip
    unseen = torch.from_numpy(np.arange(KEYS) >= np.array(KEY_LENGTHS)[:, None])
    compare(
        torch, ours, theirs, [rng.normal(size=(BATCH, time, FEATURES)) for time in (TIME, KEYS)],
        lambda x, context: ours(x, context, context_lengths=KEY_LENGTHS),
        lambda x, context: theirs(
            x, context, tgt_mask=torch.from_numpy(~np.tri(TIME, dtype=bool)), memory_key_padding_mask=unseen
        ),
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_transformer_stacks_compute_what_pytorch_computes(torch: Any, rng: np.random.Generator) -> None:
    block = nn.TransformerBlock(FEATURES, HEADS, hidden=12, dtype=np.float64, rng=1)
    options = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True, "dtype": torch.float64}
    layer = torch.nn.TransformerEncoderLayer(FEATURES, HEADS, 12, **options)
    encoder = with_random_parameters(nn.TransformerEncoder(block, 2))
    x, context = (rng.normal(size=(BATCH, time, FEATURES)) for time in (TIME, KEYS))
    theirs: Any = torch.nn.TransformerEncoder(layer, 2, torch.nn.LayerNorm(FEATURES, dtype=torch.float64))
    compare(torch, encoder, theirs, [x], encoder, theirs)
    block = nn.TransformerBlock(FEATURES, HEADS, hidden=12, causal=True, cross_attention=True, dtype=np.float64, rng=1)
    decoder = with_random_parameters(nn.TransformerDecoder(block, 2))
    layer = torch.nn.TransformerDecoderLayer(FEATURES, HEADS, 12, **options)
    theirs = torch.nn.TransformerDecoder(layer, 2, torch.nn.LayerNorm(FEATURES, dtype=torch.float64))
    mask = torch.from_numpy(~np.tri(TIME, dtype=bool))
    compare(torch, decoder, theirs, [x, context], decoder, lambda x, c: theirs(x, c, tgt_mask=mask))


# -- against Keras -------------------------------------------------------------------------------------------


@pytest.fixture
def keras() -> Iterator[Any]:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    before = np.random.get_state()  # noqa: NPY002
    yield pytest.importorskip("keras", exc_type=ImportError)
    np.random.set_state(before)  # noqa: NPY002 - Keras seeds its own generators from it


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kv_heads", [4, 2])
def test_multi_head_attention_computes_what_keras_computes(
    keras: Any, bias: bool, kv_heads: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    if kv_heads == 4:
        theirs = keras.layers.MultiHeadAttention(4, 2, use_bias=bias, bias_initializer="normal")
    else:
        theirs = keras.layers.GroupQueryAttention(2, 4, kv_heads, use_bias=bias, bias_initializer="normal")
    inputs = keras.Input((TIME, 8))
    model = keras.Model(inputs, theirs(inputs, inputs, use_causal_mask=True))
    x = rng.normal(size=(BATCH, TIME, 8)).astype("f4")
    expected = np.asarray(model.predict(x, verbose=0))
    model.save_weights(tmp_path / "x.weights.h5")
    for source in (tmp_path / "x.weights.h5", model.get_weights(), {v.path: v for v in model.weights}):
        network = nn.Sequential(nn.MultiHeadAttention(8, 4, kv_heads=kv_heads, causal=True, bias=bias))
        assert nn.interop.load_keras(network, source).complete
        np.testing.assert_allclose(network(x).data, expected, rtol=1e-4, atol=1e-5)


# -- grouped queries, positions, gates -------------------------------------------------------------------------


def test_multi_head_attention_with_grouped_queries_repeats_heads(rng: np.random.Generator) -> None:
    grouped = with_random_parameters(nn.MultiHeadAttention(8, 4, kv_heads=2, rotary=True, causal=True, rng=0))
    full = nn.MultiHeadAttention(8, 4, rotary=True, causal=True, rng=0)
    for name, tensor in full.named_parameters():
        source = dict(grouped.named_parameters())[name].data
        if name.startswith(("key", "value")):
            heads = source.reshape(*source.shape[:-1], 2, 2)
            source = np.repeat(heads, 2, axis=-2).reshape(tensor.shape)
        tensor.data = source
    x = rng.normal(size=(2, 6, 8)).astype("f4")
    np.testing.assert_allclose(grouped(x).data, full(x).data, rtol=1e-5, atol=1e-6)
    _, weights = grouped(x, return_weights=True)
    assert weights.shape == (2, 4, 6, 6)
    np.testing.assert_allclose(weights.data.sum(axis=-1), 1, rtol=1e-5)


def test_multi_head_attention_with_rotary_positions_shifts(rng: np.random.Generator) -> None:
    """Only distances count: a sequence after padding gives the result of the sequence alone."""
    layer = nn.MultiHeadAttention(8, 2, rotary=nn.RotaryPositions(4, interleaved=False), dtype=np.float64, rng=0)
    x = rng.normal(size=(1, 5, 8))
    shifted = np.concatenate([rng.normal(size=(1, 3, 8)), x], axis=1)
    key_mask = np.arange(8)[None] >= 3
    assert_close(layer(shifted, key_mask=key_mask).data[:, 3:], layer(x).data)
    assert not np.allclose(layer(x[:, ::-1]).data[:, ::-1], layer(x).data)


def test_multi_head_attention_drops_weights_in_training(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 6, 8))
    layer = nn.MultiHeadAttention(8, 2, dropout=0.5, dtype=np.float64, rng=0)
    plain = nn.MultiHeadAttention(8, 2, dtype=np.float64, rng=0)
    plain.load_state_dict(layer.state_dict())
    assert not np.allclose(layer(x).data, plain(x).data)
    mean = np.mean([layer(x).data for _ in range(400)], axis=0)
    np.testing.assert_allclose(mean, plain(x).data, atol=0.2)
    assert_close(layer.eval()(x).data, plain(x).data)


@pytest.mark.parametrize("activation", ["swiglu", "geglu"])
def test_feed_forward_with_a_gate_is_its_formula(activation: Any, rng: np.random.Generator) -> None:
    layer = with_random_parameters(nn.FeedForward(4, 6, activation=activation, dtype=np.float64, rng=0))
    x = rng.normal(size=(3, 4))
    a, b = (x @ each.weight.data + each.bias.data for each in (layer.expand, layer.gate))
    phi = {"swiglu": lambda a: 1 / (1 + np.exp(-a)), "geglu": lambda a: nn.functional.gelu(a).data / a}[activation]
    expected = (a * phi(a) * b) @ layer.contract.weight.data + layer.contract.bias.data
    assert_close(layer(x).data, expected)


def test_positional_layers_add_what_they_document(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 5, 6)).astype("f4")
    np.testing.assert_allclose(nn.PositionalEncoding(6)(x).data - x, [nn.functional.sinusoids(5, 6)] * 2, atol=1e-6)
    learned = nn.LearnedPositions(9, 6, rng=0)
    np.testing.assert_allclose(learned(x).data - x, [learned.weight.data[:5]] * 2, atol=1e-6)
    tg.sum(learned(x)).backward()
    np.testing.assert_array_equal(learned.weight.grad, np.repeat([2, 0], [5, 4])[:, None] * np.ones(6))
    rotated = nn.RotaryPositions(6)(x[:, 2:], start=2)
    np.testing.assert_allclose(rotated.data, nn.RotaryPositions(6)(x).data[:, 2:], atol=1e-6)


# -- padding, generation, training -----------------------------------------------------------------------------


def test_transformer_block_refuses_heads_that_do_not_divide_features() -> None:
    with pytest.raises(ValueError, match=r"^TransformerBlock: features must be a multiple of heads, got 10 and 3"):
        nn.TransformerBlock(10, 3)


def test_padding_influences_nothing(rng: np.random.Generator) -> None:
    block = nn.TransformerBlock(8, 2, rng=0)
    x = rng.normal(size=(3, 5, 8)).astype("f4")
    other = x.copy()
    valid = np.arange(5) < np.array(LENGTHS)[:, None]
    other[~valid] = 1e3
    first, second = (block(each, lengths=LENGTHS).data for each in (x, other))
    np.testing.assert_array_equal(first[valid], second[valid])
    np.testing.assert_array_equal(block(x, key_mask=valid).data, first)
    alone = block(x[1:2, :2]).data
    np.testing.assert_allclose(first[1, :2], alone[0], rtol=1e-4, atol=1e-5)


def test_padding_is_passed_through_sequential(rng: np.random.Generator) -> None:
    """Each sequence has the result that it has alone."""
    network = nn.Sequential(
        nn.Dense(3, 8, rng=0),
        nn.PositionalEncoding(8),
        nn.MultiHeadAttention(8, 2, rng=1),
        nn.TransformerBlock(8, 2, rng=2),
        nn.TransformerEncoder(nn.TransformerBlock(8, 4, rng=3), 2),
        nn.GlobalAveragePool(),
        nn.Dense(8, 2, rng=4),
    )
    x = rng.normal(size=(3, 5, 3)).astype("f4")
    together = network(x, lengths=LENGTHS).data
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(network(x[row : row + 1, :length]).data[0], together[row], rtol=1e-4, atol=1e-5)


def gpt(**options: Any) -> nn.Sequential:
    return nn.Sequential(
        nn.Embedding(11, 16, rng=0), nn.PositionalEncoding(16),
        *[nn.TransformerBlock(16, 4, causal=True, rng=n, **options) for n in range(2)],
        nn.LayerNorm(16), nn.Dense(16, 11, rng=3),
    )  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"kv_heads": 2, "rotary": True, "norm": "rms", "activation": "swiglu"}])
def test_generation_with_a_cache_equals_the_full_pass(options: Any, rng: np.random.Generator) -> None:
    network = gpt(**options)
    ids = rng.integers(0, 11, (2, 90))
    expected = network(ids).data
    cache = nn.KeyValueCache()
    parts = []
    for start, stop in [(0, 5), (5, 6), (6, 7), (7, 80), (80, 81), (81, 90)]:
        with cache:
            parts.append(network(ids[:, start:stop]))
        assert cache.length == stop
    assert not any(part.requires_grad for part in parts)
    np.testing.assert_allclose(np.concatenate([p.data for p in parts], axis=1), expected, rtol=2e-4, atol=2e-5)
    cache.clear()
    with cache:
        np.testing.assert_allclose(network(ids[:1, :4]).data, expected[:1, :4], rtol=2e-4, atol=2e-5)
    assert network(ids).requires_grad  # without the cache as before


def test_generation_by_a_decoder_with_a_context_equals_the_full_pass(rng: np.random.Generator) -> None:
    block = nn.TransformerBlock(8, 2, causal=True, cross_attention=True, dtype=np.float64, rng=0)
    decoder = nn.TransformerDecoder(block, 2)
    x, context = rng.normal(size=(2, 4, 8)), rng.normal(size=(2, 5, 8))
    expected = decoder(x, context, context_lengths=[5, 3]).data
    cache = nn.KeyValueCache()
    for step in range(4):
        with cache:
            output = decoder(x[:, step : step + 1], context, context_lengths=[5, 3])
        assert_close(output.data[:, 0], expected[:, step])


def test_generation_after_an_error_has_the_cache_as_before(rng: np.random.Generator) -> None:
    block = nn.TransformerBlock(8, 2, causal=True, rng=1)
    network = nn.Sequential(nn.Embedding(11, 8, rng=0), block, nn.LearnedPositions(6, 8, rng=1))
    ids = rng.integers(0, 11, (2, 6))
    cache = nn.KeyValueCache()
    with pytest.raises(ValueError, match="expected at most 6 steps, got 7"), cache:
        network(np.zeros((2, 7), int))
    assert cache.length == 0
    with cache:
        network(ids[:, :4])
    for wrong in (np.zeros((2, 3), int), np.zeros((1, 1), int)):
        with pytest.raises(ValueError, match=r"expected at most 6 steps|the cache has 2 sequences, got 1"), cache:
            network(wrong)
        assert repr(cache) == "KeyValueCache(length=4)"
    with cache:
        rest = network(ids[:, 4:])
    np.testing.assert_allclose(rest.data, network(ids).data[:, 4:], rtol=1e-4, atol=1e-5)


def test_generation_needs_causal_attention() -> None:
    with pytest.raises(ValueError, match="a KeyValueCache needs causal=True"), nn.KeyValueCache():
        nn.MultiHeadAttention(8, 2)(np.ones((1, 2, 8), "f4"))


def test_gpt_learns_a_sequence() -> None:
    network = gpt(dropout=0.1)
    ids = np.tile(np.arange(11), 4)[None]
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.AdamW(network.parameters(), 0.01))
    history = model.fit(ids[:, :-1], ids[:, 1:], epochs=60, verbose=0)
    assert history["loss"][-1] < 0.3 < 2 < history["loss"][0]


def test_attention_layers_to_second_order(rng: np.random.Generator) -> None:
    block = nn.TransformerBlock(4, 2, causal=True, rotary=True, activation="gelu_tanh", dtype=np.float64, rng=0)
    assert tg.gradcheck(block, rng.normal(size=(1, 3, 4)), order=2)


# -- saving, summary, drawing ----------------------------------------------------------------------------------


LAYERS = [
    nn.MultiHeadAttention(8, 4, kv_heads=2, causal=True, dropout=0.1, rotary=True, bias=False, rng=0),
    nn.MultiHeadAttention(8, 2, rotary=nn.RotaryPositions(4, base=100.0), dtype=np.float64),
    nn.PositionalEncoding(8, dropout=0.2, base=100.0, rng=1),
    nn.LearnedPositions(9, 8),
    nn.RotaryPositions(8, interleaved=False),
    nn.FeedForward(8, 6, activation="swiglu", bias=False),
    nn.TransformerBlock(8, 2, causal=True, hidden=6, norm="rms", norm_first=False, activation="relu", epsilon=1e-3),
    nn.TransformerEncoder(nn.TransformerBlock(8, 2, dropout=0.1, rng=1), 2),
    nn.TransformerDecoder(nn.TransformerBlock(8, 2, causal=True), 2),
]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_attention_layers_save_and_load(layer: nn.Module, tmp_path: Path, rng: np.random.Generator) -> None:
    network = nn.Sequential(layer)
    model = nn.Model(network, loss=nn.MeanSquaredError())
    model.save(tmp_path / "x.safetensors")
    again = nn.Model.load(tmp_path / "x.safetensors").network
    assert repr(again) == repr(network)
    x = rng.normal(size=(2, 5, 8)).astype("f4")
    for mode in ("train", "eval"):
        np.testing.assert_array_equal(getattr(again, mode)()(x).data, getattr(network, mode)()(x).data)


def test_attention_layers_appear_in_summary_and_drawings(capsys: pytest.CaptureFixture[str]) -> None:
    network = gpt()
    nn.Model(network, loss=nn.SoftmaxCrossEntropy()).summary()
    rows = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    for row in (["1", "PositionalEncoding"], ["2.attention.query", "Dense"], ["3.feed_forward_norm", "LayerNorm"]):
        assert row in rows
    assert not any("Dropout" in row for row in rows)
    loss = nn.SoftmaxCrossEntropy()(network(np.zeros((1, 3), int)), np.zeros((1, 3), int))
    assert ">attention<" in tg.draw(loss).svg


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("MultiheadAttention", "MultiHeadAttention"), ("TransformerEncoderLayer", "TransformerBlock"),
        ("TransformerDecoderLayer", "TransformerBlock"), ("GroupQueryAttention", "MultiHeadAttention"),
    ],
)  # fmt: skip
def test_other_names_of_attention_layers_have_a_hint(theirs: str, ours: str) -> None:
    with pytest.raises(AttributeError, match=f"Use nn.{ours}"):
        getattr(nn, theirs)
    with pytest.raises(AttributeError, match=r"Use attention$"):
        nn.functional.scaled_dot_product_attention  # noqa: B018
    with pytest.raises(AttributeError, match=r"Use layer\.heads"):
        LAYERS[0].num_heads  # noqa: B018


@pytest.mark.parametrize(
    ("make", "name", "hint"),
    [
        (nn.MultiHeadAttention, "embed_dim", "Use features"),
        (nn.MultiHeadAttention, "num_heads", "Use heads"),
        (nn.TransformerBlock, "dim_feedforward", "Use hidden"),
        (nn.TransformerBlock, "nhead", "Use heads"),
        (nn.TransformerEncoder, "num_layers", "Use count"),
    ],
)
def test_other_arguments_of_attention_layers_have_a_hint(make: Any, name: str, hint: str) -> None:
    with pytest.raises(TypeError, match=rf"^{make.__name__}\(\) got an unexpected keyword argument '{name}'\. {hint}"):
        make(**{name: 2})


# -- bad input -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.MultiHeadAttention(8, 3), "features must be a multiple of heads, got 8 and 3"),
        (lambda: nn.MultiHeadAttention(8, 4, kv_heads=3), "heads must be a multiple of kv_heads, got 4 and 3"),
        (lambda: nn.MultiHeadAttention(9, 3, rotary=True), "RotaryPositions: .* must be even, got 3"),
        (lambda: nn.MultiHeadAttention(8, 2, rotary=nn.RotaryPositions(8)), "heads of 4 features, got RotaryPositions"),
        (lambda: nn.MultiHeadAttention(8, 2, dropout=1.0), r"must be in \[0, 1\)"),
        (lambda: nn.TransformerBlock(8, 2, activation="tanh"), "activation must be one of 'relu', .* got 'tanh'"),  # type: ignore[arg-type]
        (lambda: nn.TransformerBlock(8, 2, norm="batch"), "norm must be one of 'layer', 'rms', got 'batch'"),  # type: ignore[arg-type]
        (lambda: nn.TransformerDecoder(nn.TransformerBlock(8, 2), 2), "a block with causal=True"),
        (
            lambda: nn.TransformerEncoder(nn.TransformerBlock(8, 2, cross_attention=True), 2),
            "a block without cross-attention",
        ),
        (lambda: nn.RotaryPositions(3), "must be even, got 3"),
    ],
)
def test_attention_layers_refuse_arguments_that_do_not_fit(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


X = np.ones((2, 5, 8), "f4")


@pytest.mark.parametrize(
    ("inputs", "options", "error", "message"),
    [
        ([np.ones((2, 5, 6), "f4")], {}, ValueError, r"layer 0: Multi.*\(batch, time, 8\), got \(2, 5, 6\)"),
        ([np.ones((5, 8), "f4")], {}, ValueError, r"A single sequence is x\[None\]"),
        ([X, X[:1]], {}, ValueError, r"expected the same number of sequences"),
        ([X, X, X[:, :3]], {}, ValueError, r"as many values as keys"),
        ([X], {"mask": np.ones((5, 4), bool)}, ValueError, r"\(time, keys\) = \(5, 5\).* got \(5, 4\)"),
        ([X], {"mask": np.ones((5, 5), int)}, TypeError, r"layer 0: Multi.* got dtype int64.*mask\.astype\(bool\)"),
        ([X], {"lengths": [5, 6]}, ValueError, r"expected lengths of 0 … 5, got 6 for sequence 1"),
        ([X], {"lengths": [5.0, 2.0]}, TypeError, r"expected integers as lengths"),
        ([X], {"key_mask": np.ones((2, 4), bool)}, ValueError, r"\(batch, time\) = \(2, 5\), got \(2, 4\)"),
        ([X], {"key_mask": np.ones((2, 5))}, TypeError, r"a mask of booleans"),
        ([X], {"key_mask": np.ones((2, 5), bool), "lengths": [1, 2]}, ValueError, r"either lengths or a mask"),
    ],
)
def test_multi_head_attention_refuses_inputs_that_do_not_fit(
    inputs: list[Any], options: dict[str, Any], error: Any, message: str
) -> None:
    layer = nn.Sequential(nn.MultiHeadAttention(8, 2, rng=0))[0]
    with pytest.raises(error, match=message):
        layer(*inputs, **options)


def test_transformer_block_needs_a_context_where_it_attends_to_one() -> None:
    with pytest.raises(ValueError, match=r"needs a context: block\(x, context\)"):
        nn.TransformerBlock(8, 2, cross_attention=True)(X)
    with pytest.raises(ValueError, match="has no cross_attention=True"):
        nn.TransformerBlock(8, 2)(X, X)
    with pytest.raises(ValueError, match="expected at least as many keys as queries"):
        nn.MultiHeadAttention(8, 2, causal=True)(X, X[:, :3])
