"""RNN, LSTM, GRU and Bidirectional: against PyTorch and Keras, padding, states, saving, and what they refuse."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg

BATCH, TIME, INPUTS, UNITS = 3, 6, 4, 5
LENGTHS = [6, 2, 4]
KINDS: dict[str, dict[str, Any]] = {"RNN": {}, "RNN relu": {"activation": "relu"}, "LSTM": {}, "GRU": {}}
every_kind = pytest.mark.parametrize("kind", KINDS)
LAYERS = [
    ("RNN", {}), ("RNN", {"activation": "relu"}), ("LSTM", {}), ("GRU", {}), ("GRU", {"reset_after": False})
]  # fmt: skip
every_layer = pytest.mark.parametrize(("name", "options"), LAYERS)


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", exc_type=ImportError)


def made(kind: str, **options: Any) -> Any:
    """Return a layer in float64 with random biases."""
    layer = getattr(nn, kind.split()[0])(INPUTS, UNITS, **KINDS[kind], dtype=np.float64, rng=1, **options)
    return with_random_biases(layer)


def with_random_biases(layer: nn.Module) -> Any:
    rng = np.random.default_rng(2)
    for name, tensor in layer.named_parameters():
        if name.rpartition(".")[2] in ("bias", "recurrent_bias"):
            tensor.data = rng.normal(size=tensor.shape)
    return layer


def theirs_like(torch: Any, kind: str, **options: Any) -> Any:
    name, *activation = kind.split()
    nonlinearity = {"nonlinearity": activation[0]} if activation else {}
    torch.manual_seed(0)
    return getattr(torch.nn, name)(INPUTS, UNITS, batch_first=True, dtype=torch.float64, **nonlinearity, **options)


def flat(state: Any) -> list[Any]:
    """Return the tensors of a state in a list."""
    return [each for item in state for each in flat(item)] if isinstance(state, tuple) else [state]


def like(state: Any, tensors: Iterator[Any]) -> Any:
    """Return the tensors in the structure of a state."""
    return tuple(like(item, tensors) for item in state) if isinstance(state, tuple) else next(tensors)


def assert_close(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def run_both(torch: Any, ours: nn.Module, theirs: Any, x: Any, state: list[Any], lengths: Any, weigh: Any) -> None:
    """Compare output, final states and all gradients, of the input, the states and the parameters."""
    mine = tg.tensor(x, requires_grad=True)
    other = torch.from_numpy(x).requires_grad_()
    my_state = [tg.tensor(each, requires_grad=True) for each in state]
    other_state = [torch.from_numpy(each).requires_grad_() for each in state]
    arranged = like(ours(mine)[1], iter(my_state)) if my_state else None
    output, final = ours(mine, arranged, lengths=lengths)

    passed = other if lengths is None else torch.nn.utils.rnn.pack_padded_sequence(
        other, torch.tensor(lengths), batch_first=True, enforce_sorted=False
    )  # fmt: skip
    each_layer = 2 if isinstance(theirs, torch.nn.LSTM) else 1
    initial = [torch.stack(other_state[number::each_layer]) for number in range(each_layer) if other_state]
    expected, last = theirs(passed, *([tuple(initial) if len(initial) > 1 else initial[0]] if initial else []))
    if lengths is not None:
        expected, _ = torch.nn.utils.rnn.pad_packed_sequence(expected, batch_first=True, total_length=x.shape[1])
    last = last if isinstance(last, tuple) else (last,)
    assert_close(output.data, expected.detach().numpy())
    pairs = list(zip(flat(final), [each[row] for row in range(last[0].shape[0]) for each in last], strict=True))
    for got, wanted in pairs:
        assert_close(got.data, wanted.detach().numpy())

    total = tg.sum(output * weigh) + sum(tg.sum(tg.sin(got)) for got, _ in pairs)
    reference = (expected * torch.from_numpy(weigh)).sum() + sum(torch.sin(wanted).sum() for _, wanted in pairs)
    total.backward()
    reference.backward()
    assert_close(mine.grad, other.grad.numpy())
    for a, b in zip(my_state, other_state):
        assert_close(a.grad, b.grad.numpy())
    gradients = {name: parameter.grad.numpy() for name, parameter in theirs.named_parameters()}
    holder = with_random_biases(_copy_of(ours))
    if not isinstance(ours, nn.GRU) and not _holds_gru(ours):  # our one bias has the gradient of each of theirs
        gradients = {n: np.zeros_like(g) if n.startswith("bias_hh") else g for n, g in gradients.items()}
    assert nn.interop.load_pytorch(holder, gradients).complete
    for (name, parameter), (_, expected_gradient) in zip(ours.named_parameters(), holder.named_parameters()):
        np.testing.assert_allclose(parameter.grad, expected_gradient.data, rtol=1e-9, atol=1e-11, err_msg=name)


def _copy_of(layer: Any) -> Any:
    if isinstance(layer, nn.Bidirectional):
        return nn.Bidirectional(_copy_of(layer.layer), layers=layer.layers)
    return type(layer)(**(layer.settings() | {"rng": 0}))


def _holds_gru(layer: Any) -> bool:
    return isinstance(getattr(layer, "layer", None), nn.GRU)


# -- against PyTorch -----------------------------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("with_state", [False, True])
def test_recurrent_layers_compute_what_pytorch_computes(
    torch: Any, kind: str, bias: bool, lengths: Any, with_state: bool, rng: np.random.Generator
) -> None:
    theirs = theirs_like(torch, kind, bias=bias)
    ours = made(kind, bias=bias, return_sequences=True, return_state=True)
    assert nn.interop.load_pytorch(ours, theirs.state_dict()).complete
    states = [rng.normal(size=(BATCH, UNITS)) for _ in range(2 if kind == "LSTM" else 1)] if with_state else []
    x, weigh = rng.normal(size=(BATCH, TIME, INPUTS)), rng.normal(size=(BATCH, TIME, UNITS))
    run_both(torch, ours, theirs, x, states, lengths, weigh)


@every_kind
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_recurrent_layers_stacked_compute_what_pytorch_computes(
    torch: Any, kind: str, lengths: Any, rng: np.random.Generator
) -> None:
    theirs = theirs_like(torch, kind, num_layers=3)
    ours = made(kind, layers=3, return_sequences=True, return_state=True)
    assert nn.interop.load_pytorch(ours, theirs.state_dict()).complete
    x, weigh = rng.normal(size=(BATCH, TIME, INPUTS)), rng.normal(size=(BATCH, TIME, UNITS))
    states = list(rng.normal(size=(6 if kind == "LSTM" else 3, BATCH, UNITS)))
    run_both(torch, ours, theirs, x, states, lengths, weigh)


@every_kind
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_bidirectional_computes_what_pytorch_computes(
    torch: Any, kind: str, lengths: Any, rng: np.random.Generator
) -> None:
    theirs = theirs_like(torch, kind, bidirectional=True)
    ours = nn.Bidirectional(made(kind, return_sequences=True, return_state=True))
    assert nn.interop.load_pytorch(ours, theirs.state_dict()).complete
    x, weigh = rng.normal(size=(BATCH, TIME, INPUTS)), rng.normal(size=(BATCH, TIME, 2 * UNITS))
    run_both(torch, ours, theirs, x, [], lengths, weigh)


@every_kind
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_bidirectional_stacks_compute_what_pytorch_computes(
    torch: Any, kind: str, lengths: Any, rng: np.random.Generator
) -> None:
    theirs = theirs_like(torch, kind, bidirectional=True, num_layers=3)
    stack = made(kind, layers=3, return_sequences=True, return_state=True)
    ours = nn.Bidirectional(stack)
    assert nn.interop.load_pytorch(ours, theirs.state_dict()).complete
    x, weigh = rng.normal(size=(BATCH, TIME, INPUTS)), rng.normal(size=(BATCH, TIME, 2 * UNITS))
    run_both(torch, ours, theirs, x, [], lengths, weigh)
    states = list(rng.normal(size=(12 if kind == "LSTM" else 6, BATCH, UNITS)))
    ours.zero_grad()
    theirs.zero_grad()
    run_both(torch, ours, theirs, x, states, lengths, weigh)
    assert stack(x)[0].shape == (BATCH, TIME, UNITS)  # the layer passed in still works


@every_kind
def test_recurrent_layers_save_weights_for_pytorch(
    torch: Any, kind: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    x = rng.normal(size=(BATCH, TIME, INPUTS))
    for ours, options in (
        (made(kind, layers=2, return_sequences=True), {"num_layers": 2}),
        (nn.Bidirectional(made(kind, return_sequences=True)), {"bidirectional": True}),
        (nn.Bidirectional(made(kind, layers=2, return_sequences=True)), {"bidirectional": True, "num_layers": 2}),
    ):
        theirs = theirs_like(torch, kind, **options)
        nn.interop.save_pytorch(ours, tmp_path / "x.safetensors")
        saved = nn.interop.read_weights(tmp_path / "x.safetensors")
        theirs.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in saved.items()})
        assert_close(ours(x).data, theirs(torch.from_numpy(x))[0].detach().numpy())


# -- against Keras -------------------------------------------------------------------------------------------


@pytest.fixture
def keras() -> Iterator[Any]:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    before = np.random.get_state()  # noqa: NPY002
    yield pytest.importorskip("keras", exc_type=ImportError)
    np.random.set_state(before)  # noqa: NPY002 - Keras seeds its own generators from it


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
@every_layer
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("bias", [True, False])
def test_recurrent_layers_compute_what_keras_computes(
    keras: Any, name: str, options: dict[str, Any], both: bool, bias: bool, tmp_path: Path, rng: np.random.Generator
) -> None:
    twin = getattr(keras.layers, "SimpleRNN" if name == "RNN" else name)
    theirs = twin(UNITS, return_sequences=True, use_bias=bias, bias_initializer="normal", **options)
    ours: Any = getattr(nn, name)(INPUTS, UNITS, return_sequences=True, bias=bias, **options)
    if both:
        theirs, ours = keras.layers.Bidirectional(theirs), nn.Bidirectional(ours)
    model = keras.Sequential([keras.Input((TIME, INPUTS)), theirs])
    x = rng.normal(size=(BATCH, TIME, INPUTS)).astype("f4")
    expected = np.asarray(model.predict(x, verbose=0))
    model.save_weights(tmp_path / "x.weights.h5")
    for source in (tmp_path / "x.weights.h5", model.get_weights(), {v.path: v for v in model.weights}):
        network = nn.Sequential(ours)
        assert nn.interop.load_keras(network, source).complete
        np.testing.assert_allclose(network(x).data, expected, rtol=1e-5, atol=1e-6)


@every_layer
def test_recurrent_layers_read_what_they_save_for_keras(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("h5py", exc_type=ImportError)
    layer = with_random_biases(getattr(nn, name)(INPUTS, UNITS, rng=0, **options))
    other = getattr(nn, name)(INPUTS, UNITS, rng=1, **options)
    nn.interop.save_keras(nn.Sequential(layer), tmp_path / "x.weights.h5")
    assert nn.interop.load_keras(nn.Sequential(other), tmp_path / "x.weights.h5").complete
    for a, b in zip(layer.parameters(), other.parameters()):
        np.testing.assert_array_equal(a.data, b.data)


# -- derivatives ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@every_layer
@pytest.mark.parametrize("masked", [False, True])
def test_recurrent_operations_have_first_and_second_derivatives(
    name: str, options: dict[str, Any], masked: bool, rng: np.random.Generator
) -> None:
    function, gates = {"RNN": (nn.functional.rnn, 1), "LSTM": (nn.functional.lstm, 4), "GRU": (nn.functional.gru, 3)}[
        name
    ]
    mask = np.arange(3) < np.array([3, 1])[:, None] if masked else None
    shapes = [(2, 3, 2), (2, 2 * gates), (2, 2 * gates), (2 * gates,)]
    operands = [tg.tensor(rng.normal(size=shape), requires_grad=True) for shape in shapes]

    def total(*operands: Any) -> Any:
        results = function(*operands, mask=mask, **options)
        return sum(tg.sum(tg.sin(result)) for result in results)

    tg.gradcheck(total, operands, order=2)


# -- padding -------------------------------------------------------------------------------------------------


@every_layer
@pytest.mark.parametrize("wrap", [False, True])
def test_padding_influences_nothing(name: str, options: dict[str, Any], wrap: bool, rng: np.random.Generator) -> None:
    layer = getattr(nn, name)(INPUTS, UNITS, return_sequences=True, return_state=True, dtype="f8", rng=0, **options)
    network: Any = nn.Bidirectional(layer) if wrap else layer
    x = rng.normal(size=(BATCH, TIME, INPUTS))
    spoilt = x.copy()
    for sample, length in enumerate(LENGTHS):
        spoilt[sample, length:] = np.nan
    whole, broken = tg.tensor(x, requires_grad=True), tg.tensor(spoilt, requires_grad=True)
    gradients = []
    for values in (whole, broken):
        output, state = network(values, lengths=LENGTHS)
        (tg.sum(tg.sin(output)) + sum(tg.sum(each) for each in flat(state))).backward()
        gradients.append([parameter.grad for parameter in network.parameters()])
        network.zero_grad()
    for a, b in zip(*gradients):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(whole.grad, broken.grad)
    for sample, length in enumerate(LENGTHS):
        assert not broken.grad[sample, length:].any()
        assert not output.data[sample, length:].any()
        alone, final = network(x[sample : sample + 1, :length])
        assert_close(output.data[sample, :length], alone.data[0])
        for got, expected in zip(flat(state), flat(final)):
            assert_close(got.data[sample], expected.data[0])


@every_layer
def test_mask_may_have_gaps_and_padding_at_the_front(
    name: str, options: dict[str, Any], rng: np.random.Generator
) -> None:
    layer = getattr(nn, name)(INPUTS, UNITS, dtype="f8", rng=0, **options)
    x = rng.normal(size=(2, TIME, INPUTS))
    mask = np.array([[False, False, True, True, False, True], [True] * 6])
    assert_close(layer(x, mask=mask).data[0], layer(x[:1, mask[0]]).data[0])
    assert_close(layer(x, mask=mask).data[1], layer(x).data[1])


def test_lengths_of_zero_leave_the_initial_state(rng: np.random.Generator) -> None:
    layer, state = nn.GRU(INPUTS, UNITS, rng=0), rng.normal(size=(1, UNITS)).astype("f4")
    x = np.ones((1, TIME, INPUTS), "f4")
    np.testing.assert_array_equal(layer(x, state, lengths=[0]).data, state)


# -- states, steps, stacks -----------------------------------------------------------------------------------


@every_layer
@pytest.mark.parametrize("layers", [1, 2])
def test_recurrent_layers_step_by_step_give_the_sequence(
    name: str, options: dict[str, Any], layers: int, rng: np.random.Generator
) -> None:
    layer = getattr(nn, name)(
        INPUTS, UNITS, return_sequences=True, return_state=True, layers=layers, dtype="f8", rng=0, **options
    )
    x = rng.normal(size=(BATCH, TIME, INPUTS))
    sequence, final = layer(x)
    state = None
    for t in range(TIME):
        output, state = layer.step(x[:, t], state)
        assert_close(output.data, sequence.data[:, t])
    for got, expected in zip(flat(state), flat(final), strict=True):
        assert_close(got.data, expected.data)


@every_layer
def test_recurrent_layers_continue_from_a_returned_state(
    name: str, options: dict[str, Any], rng: np.random.Generator
) -> None:
    layer = getattr(nn, name)(INPUTS, UNITS, return_sequences=True, return_state=True, dtype="f8", rng=0, **options)
    x = rng.normal(size=(BATCH, TIME, INPUTS))
    whole, _ = layer(x)
    first, state = layer(x[:, :2])
    second, _ = layer(x[:, 2:], state)
    assert_close(np.concatenate([first.data, second.data], axis=1), whole.data)


@every_layer
def test_reverse_runs_from_the_last_step(name: str, options: dict[str, Any], rng: np.random.Generator) -> None:
    forward, backward = (
        getattr(nn, name)(INPUTS, UNITS, return_sequences=True, reverse=reverse, rng=0, **options)
        for reverse in (False, True)
    )
    x = rng.normal(size=(BATCH, TIME, INPUTS)).astype("f4")
    np.testing.assert_array_equal(backward(x).data, forward(x[:, ::-1]).data[:, ::-1])


def test_return_sequences_and_the_last_output_agree(rng: np.random.Generator) -> None:
    x = rng.normal(size=(BATCH, TIME, INPUTS)).astype("f4")
    for kind in (nn.RNN, nn.LSTM, nn.GRU):
        last, sequence = (kind(INPUTS, UNITS, return_sequences=flag, rng=0)(x) for flag in (False, True))
        np.testing.assert_array_equal(last.data, sequence.data[:, -1])


def test_dropout_acts_between_stacked_layers_in_training_only(rng: np.random.Generator) -> None:
    x = rng.normal(size=(BATCH, TIME, INPUTS)).astype("f4")
    layer = nn.GRU(INPUTS, UNITS, layers=2, dropout=0.5, return_state=True, rng=0)
    plain = nn.GRU(INPUTS, UNITS, layers=2, return_state=True, rng=0)
    output, (first, _) = layer(x)
    expected, (first_expected, _) = plain(x)
    np.testing.assert_array_equal(first.data, first_expected.data)
    assert not np.allclose(output.data, expected.data)
    np.testing.assert_array_equal(layer.eval()(x)[0].data, expected.data)


def test_recurrent_layers_keep_float32(rng: np.random.Generator) -> None:
    for kind in (nn.RNN, nn.LSTM, nn.GRU):
        layer = kind(INPUTS, UNITS, rng=0)
        x = tg.tensor(rng.normal(size=(BATCH, TIME, INPUTS)).astype("f4"), requires_grad=True)
        layer(x).sum().backward()
        assert all(tensor.grad.dtype == np.float32 for tensor in (x, *layer.parameters()))


def test_lstm_forget_gates_start_open() -> None:
    np.testing.assert_array_equal(nn.LSTM(2, 3, rng=0).bias.data, [0] * 3 + [1] * 3 + [0] * 6)


# -- saving, training, text -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.RNN(4, 5, activation="relu", bias=False, rng=0),
        lambda: nn.LSTM(4, 5, layers=2, dtype=np.float64, rng=0),
        lambda: nn.GRU(4, 5, reset_after=False, reverse=True, rng=0),
        lambda: nn.Bidirectional(nn.GRU(4, 5, rng=0)),
        lambda: nn.Bidirectional(nn.LSTM(4, 5, layers=3, dropout=0.2, rng=0)),
    ],
)
def test_recurrent_layers_survive_saving(make: Any, tmp_path: Path, rng: np.random.Generator) -> None:
    network = nn.Sequential(make())
    x = rng.normal(size=(BATCH, TIME, 4)).astype("f4")
    nn.Model(network, loss=nn.MeanSquaredError()).save(tmp_path / "x.safetensors")
    loaded = nn.Model.load(tmp_path / "x.safetensors").network
    assert repr(loaded) == repr(network)
    np.testing.assert_array_equal(loaded(x).data, network(x).data)


def test_stacked_layers_with_dropout_resume_bit_for_bit(tmp_path: Path, rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(8, 5, 3)).astype("f4"), rng.normal(size=(8, 4)).astype("f4")
    network = nn.GRU(3, 4, layers=2, dropout=0.3, rng=0)
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters()))
    model.fit(x, y, epochs=1, batch_size=4, verbose=0)
    model.save(tmp_path / "x.safetensors")
    loaded = nn.Model.load(tmp_path / "x.safetensors")
    for each in (model, loaded):
        each.fit(x, y, epochs=2, batch_size=4, verbose=0)
    for a, b in zip(model.network.parameters(), loaded.network.parameters(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)


def test_recurrent_layers_show_their_settings() -> None:
    assert repr(nn.LSTM(2, 3)) == "LSTM(2, 3)"
    shown = "GRU(2, 3, reset_after=False, return_sequences=True, layers=2, dropout=0.5, bias=False, dtype='float64')"
    layer = nn.GRU(2, 3, return_sequences=True, layers=2, dropout=0.5, bias=False, reset_after=False, dtype="float64")
    assert repr(layer) == shown
    assert repr(nn.Bidirectional(nn.RNN(2, 3))) == "Bidirectional(RNN(2, 3))"


def test_characters_train_with_targets_for_every_step(rng: np.random.Generator) -> None:
    text = np.tile(np.arange(5), 20)[:96].reshape(8, 12)
    ids, next_ids = text[:, :-1], text[:, 1:]
    network = nn.Sequential(nn.Embedding(5, 8, rng=0), nn.LSTM(8, 16, return_sequences=True, rng=1), nn.Dense(16, 5))
    model = nn.Model(
        network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(network.parameters(), learning_rate=0.03),
        metrics=[nn.CategoricalAccuracy()],
    )  # fmt: skip
    history = model.fit(ids, next_ids, epochs=40, verbose=0)
    assert history["accuracy"][-1] == 1
    assert nn.SoftmaxCrossEntropy()(network(ids), next_ids).item() < 0.2


def test_summary_of_a_recurrent_network(capsys: pytest.CaptureFixture[str]) -> None:
    network = nn.Sequential(nn.Embedding(65, 8), nn.LSTM(8, 16, return_sequences=True), nn.Dense(16, 65))
    nn.Model(network, loss=nn.SoftmaxCrossEntropy()).summary((10,))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2:6] for line in lines[2:5]] == [
        ["(…,", "10,", "8)", "520"], ["(…,", "10,", "16)", "1,600"], ["(…,", "10,", "65)", "1,105"]
    ]  # fmt: skip


# -- bad input -----------------------------------------------------------------------------------------------

X = np.ones((BATCH, TIME, INPUTS), np.float32)
WRONG_CALLS = [
    (lambda layer: layer(X[0]), r"got \(6, 4\)\. A single sequence is x\[None\]; .*return_sequences=True"),
    (lambda layer: layer(X[..., :2]), r"expected x of shape \(batch, time, 4\) .*got \(3, 6, 2\)"),
    (lambda layer: layer(np.ones((3, 6), int)), r"got \(3, 6\)\. Ids go through nn\.Embedding first"),
    (lambda layer: layer(X[:, :0]), r"at least one step, got \(3, 0, 4\)"),
    (lambda layer: layer(X, lengths=[6, 7, 1]), r"expected lengths of 0 … 6, got 7 for sequence 1"),
    (lambda layer: layer(X, lengths=[6, -1, 1]), r"expected lengths of 0 … 6, got -1 for sequence 1"),
    (lambda layer: layer(X, lengths=[6, 7]), r"expected lengths of shape \(batch,\) = \(3,\), got \(2,\)"),
    (lambda layer: layer(X, lengths=[6.0, 2.0, 1.0]), r"expected integers as lengths, got dtype float64"),
    (lambda layer: layer(X, mask=np.ones((3, 5), bool)), r"expected a mask of shape .*\(3, 6\), got \(3, 5\)"),
    (lambda layer: layer(X, mask=np.ones((3, 6))), r"expected a mask of booleans, .*got dtype float64"),
    (lambda layer: layer(X, mask=np.ones((3, 6), bool), lengths=[1, 1, 1]), r"either lengths or a mask"),
    (lambda layer: layer(X, np.ones((3, 4))), r"expected a state of shape \(batch, units\) = \(3, 5\), got \(3, 4\)"),
    (lambda layer: layer.step(X), r"step expected x of shape \(batch, 4\), got \(3, 6, 4\)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), WRONG_CALLS)
def test_recurrent_layers_refuse_what_does_not_fit(call: Any, message: str) -> None:
    network = nn.Sequential(nn.Identity(), nn.GRU(INPUTS, UNITS, rng=0))
    with pytest.raises((ValueError, TypeError), match=r"^layer 1: GRU\(4, 5\): .*" + message):
        call(network[1])


def test_recurrent_layers_refuse_states_of_another_structure() -> None:
    with pytest.raises(ValueError, match=r"LSTM\(4, 5\): expected as state \(hidden, cell\), got an array of shape"):
        nn.LSTM(INPUTS, UNITS)(X, np.ones((3, 5)))
    with pytest.raises(ValueError, match=r"expected as state a tuple of 2, for every layer a tensor, got an array"):
        nn.GRU(INPUTS, UNITS, layers=2)(X, np.ones((3, 5)))
    with pytest.raises(ValueError, match=r"expected as state a tuple of those of both directions, got an array"):
        nn.Bidirectional(nn.GRU(INPUTS, UNITS))(X, np.ones((3, 5)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.LSTM(0, 3), ValueError, "LSTM: inputs must be at least 1, got 0"),
        (lambda: nn.GRU(2, 1.5), TypeError, "GRU: units must be an integer, got 1.5"),
        (lambda: nn.RNN(2, 3, activation="sigmoid"), ValueError, "RNN: activation must be 'tanh' or 'relu'"),
        (lambda: nn.RNN(2, 3, dropout=0.5), ValueError, "dropout acts between stacked layers"),
        (lambda: nn.RNN(2, 3, layers=2, dropout=1.5), ValueError, r"Dropout: rate"),
        (lambda: nn.LSTM(2, 3, dtype=int), TypeError, "LSTM: expected a floating-point dtype"),
        (lambda: nn.LSTM(2, 3, weight_init=nn.init.he), TypeError, r"Call it: nn\.init\.he\(\)"),
        (lambda: nn.LSTM(2, 3, recurrent_init=1.0), TypeError, "recurrent_init must be an initialiser"),
        (lambda: nn.Bidirectional(nn.Dense(2, 3)), TypeError, "expected a recurrent layer such as nn.LSTM"),
        (lambda: nn.Bidirectional(nn.LSTM(2, 3), dropout=0.5), ValueError, "dropout acts between stacked layers"),
        (lambda: nn.Bidirectional(nn.LSTM(2, 3, reverse=True)), ValueError, "a layer that runs forward"),
        (lambda: nn.RNN(2, 3, reverse=True).step(np.ones((1, 2))), ValueError, "cannot run step by step"),
    ],
)  # fmt: skip
def test_recurrent_layers_refuse_wrong_settings(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("place", ["weight", "recurrent_weight", "bias", "hidden", "mask", "x"])
def test_lstm_operation_names_the_operand_that_does_not_fit(place: str) -> None:
    operands: dict[str, Any] = {
        "x": np.ones((2, 3, 4)), "weight": np.ones((4, 20)), "recurrent_weight": np.ones((5, 20)),
        "bias": np.ones(20), "hidden": np.ones((2, 5)), "mask": np.ones((2, 3), bool),
    }  # fmt: skip
    operands[place] = operands[place][..., :-1]
    with pytest.raises(ValueError, match=rf"^lstm: expected .*{place.replace('_', ' ').replace('hidden', 'state')}"):
        nn.functional.lstm(**operands)


def test_gru_operation_refuses_a_second_bias_without_use() -> None:
    operands = [np.ones((2, 3, 4)), np.ones((4, 15)), np.ones((5, 15)), np.ones(15), np.ones(15)]
    with pytest.raises(ValueError, match=r"^gru: a recurrent bias needs a bias, and reset_after=True"):
        nn.functional.gru(*operands, reset_after=False)


def test_names_of_other_frameworks_lead_to_recurrent_layers() -> None:
    for name, ours in {"SimpleRNN": "RNN", "LSTMCell": "LSTM", "GRUCell": "GRU"}.items():
        with pytest.raises(AttributeError, match=rf"Use nn\.{ours}$"):
            getattr(nn, name)
