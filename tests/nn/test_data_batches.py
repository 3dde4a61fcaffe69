"""Batches: every sample once, prepared as asked, never copied as a whole; and a model that trains on them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from nn.data import Batches

N = 23


@pytest.fixture
def pixels(rng: np.random.Generator) -> Any:
    return rng.integers(0, 256, size=(N, 4, 3), dtype=np.uint8)


def flat(images: Any) -> Any:
    return nn.data.rescale(images).reshape(len(images), -1)


def inverted(images: Any, rng: Any) -> Any:
    return 255 - images


def make_model(seed: int = 0) -> nn.Model:
    network = nn.Sequential(nn.Dense(12, 8, rng=seed), nn.ReLU(), nn.Dense(8, 3, rng=seed + 1))
    optimizer = nn.Adam(network.parameters(), learning_rate=0.01)
    metrics = [nn.CategoricalAccuracy()]
    return nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, metrics=metrics, rng=seed)


@pytest.mark.parametrize(
    ("samples", "smallest", "sizes"), [(9, 2, [4, 5]), (10, 2, [4, 4, 2]), (5, 2, [5]), (3, 4, [3])]
)
def test_batches_add_a_small_last_batch_to_the_one_before(samples: int, smallest: int, sizes: list[int]) -> None:
    batches = Batches(np.arange(samples), np.arange(samples), batch_size=4, smallest_batch=smallest, rng=0)
    assert [len(X) for X, _ in batches] == sizes
    assert len(batches) == len(sizes)
    assert sorted(np.concatenate([X for X, _ in batches])) == list(range(samples))
    assert next(len(X) for X, _ in batches.in_order()) == min(4, samples)


@given(samples=st.integers(1, 40), size=st.none() | st.integers(1, 50), shuffle=st.booleans(), seed=st.integers(0, 9))
def test_batches_yield_every_sample_once_with_its_target(
    samples: int, size: int | None, shuffle: bool, seed: int
) -> None:
    X = np.arange(samples, dtype=np.float32).reshape(-1, 1)
    batches = Batches(X, np.arange(samples), batch_size=size, shuffle=shuffle, rng=seed)
    parts = list(batches)
    assert len(parts) == len(batches)
    assert all(len(part) == (size or samples) for part, _ in parts[:-1])
    inputs, targets = (np.concatenate(column) for column in zip(*parts))
    np.testing.assert_array_equal(inputs[:, 0], targets)
    np.testing.assert_array_equal(np.sort(targets), np.arange(samples))
    if not shuffle:
        np.testing.assert_array_equal(targets, np.arange(samples))


@pytest.mark.parametrize("source", [np.random.default_rng, np.random.RandomState, int])
def test_batches_have_a_new_repeatable_order_in_each_pass(pixels: Any, source: Any) -> None:
    def passes() -> list[list[int]]:
        batches = Batches(pixels, np.arange(N), batch_size=4, augment=nn.data.flip, rng=source(3))
        return [[int(label) for _, y in batches for label in y] for _ in range(2)]

    first = passes()
    assert first == passes()
    assert first[0] != first[1]


def test_batches_augment_in_training_only(pixels: Any) -> None:
    batches = Batches(pixels, np.arange(N), batch_size=5, augment=inverted, transform=flat, rng=0)
    for X, y in batches:
        np.testing.assert_array_equal(X, flat(255 - pixels[y]))
    X, y = (np.concatenate(column) for column in zip(*batches.in_order()))
    np.testing.assert_array_equal(y, np.arange(N))
    np.testing.assert_array_equal(X, flat(pixels))
    assert batches.sample_shape == (12,)


def test_batches_copy_only_shuffled_data(rng: np.random.Generator) -> None:
    X = rng.normal(size=(N, 2)).astype(np.float32)
    batches = Batches(X, np.arange(N), batch_size=10).for_network(np.float32, 0)
    assert batches.X is X
    assert [np.shares_memory(part, X) for part, _ in batches.in_order()] == [True] * 3
    assert not any(np.shares_memory(part, X) for part, _ in batches)
    widened = batches.for_network(np.float64, 0)
    assert {part.dtype for part, _ in widened} == {np.dtype(np.float64)}
    assert widened.y.dtype == np.int64


@pytest.mark.parametrize("arrangement", [np.asfortranarray, lambda X: np.repeat(X, 2, axis=0)[::2]])
def test_batches_gather_rows_without_copying_the_rest(arrangement: Any) -> None:
    X = arrangement(np.arange(2_000_000.0).reshape(20_000, 100))
    batches = Batches(X, np.arange(len(X)), batch_size=100, rng=0)
    batch, rows = next(iter(batches))
    np.testing.assert_array_equal(batch, X[rows])
    tracemalloc.start()
    try:
        next(iter(batches))
        assert tracemalloc.get_traced_memory()[1] < X.nbytes / 10
    finally:
        tracemalloc.stop()


def test_batches_accept_a_mask_of_rows() -> None:
    X, y = Batches(np.arange(4.0), np.arange(4)).batch(np.array([True, False, False, True]))  # type: ignore[arg-type]
    assert X.tolist() == y.tolist() == [0, 3]


def test_batches_protect_the_data_from_a_transform(pixels: Any) -> None:
    def spoils(images: Any) -> Any:
        images += 1
        return images

    batches, before = Batches(pixels, batch_size=5, transform=spoils, shuffle=False), pixels.copy()
    with pytest.raises(ValueError, match="read-only"):
        list(batches)
    np.testing.assert_array_equal(pixels, before)
    assert pixels.flags.writeable


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"y": np.zeros(N - 1)}, ValueError, r"^Batches: X has 23 samples .*, but y has 22"),
        ({"batch_size": 0}, ValueError, "^Batches: batch_size must be at least 1"),
        ({"transform": 3}, TypeError, "^Batches: transform must be a function, got 3"),
        ({"rng": "x"}, TypeError, "rng: expected"),
    ],
)
def test_batches_reject_wrong_arguments(pixels: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Batches(pixels, **options)


@pytest.mark.parametrize("name", ["augment", "transform"])
def test_batches_name_a_function_that_loses_samples(pixels: Any, name: str) -> None:
    for result, got in ((pixels[:1], r"shape \(1, 4, 3\)"), (None, "NoneType")):
        batches = Batches(pixels, batch_size=5, **{name: lambda X, *rng, result=result: result})
        with pytest.raises(TypeError, match=rf"^Batches: {name} must return an array .* 5 samples .*got {got}"):
            list(batches)


# -- in a model -----------------------------------------------------------------------------------------------


def test_fit_of_batches_equals_fit_of_arrays(pixels: Any) -> None:
    y, options = np.arange(N) % 3, {"epochs": 3, "verbose": 0}
    by_arrays, by_batches = make_model(), make_model()
    first = by_arrays.fit(flat(pixels), y, batch_size=5, validation_data=(flat(pixels), y), **options)
    batches = Batches(pixels, y, batch_size=5, transform=flat)
    second = by_batches.fit(batches, validation_data=batches, **options)
    assert dict(first) == dict(second)
    assert by_batches.evaluate(batches) == by_arrays.evaluate(flat(pixels), y, batch_size=5)
    expected = by_arrays.predict(flat(pixels), batch_size=5)
    np.testing.assert_array_equal(by_batches.predict(batches), expected)
    np.testing.assert_array_equal(by_batches.predict(Batches(pixels, batch_size=5, transform=flat)), expected)


def test_predict_and_evaluate_batches_in_order_without_augmentation(pixels: Any) -> None:
    y, model = np.arange(N) % 3, make_model()
    augmented = Batches(pixels, y, batch_size=5, augment=inverted, transform=flat)
    plain = Batches(pixels, y, batch_size=5, transform=flat, shuffle=False)
    assert model.evaluate(augmented) == model.evaluate(plain)
    np.testing.assert_array_equal(model.predict(augmented), model.predict(plain))
    history = model.fit(plain, validation_data=augmented, verbose=0)
    assert history["val_loss"] == [model.evaluate(plain)["loss"]]
    assert model.fit(augmented, verbose=0)["loss"] != make_model().fit(plain, verbose=0)["loss"]


def test_fit_twice_draws_the_same_as_fit_once(pixels: Any) -> None:
    def batches(model: nn.Model) -> Batches:
        return Batches(
            pixels, np.arange(N) % 3, batch_size=5, augment=lambda X, rng: nn.data.shift(X, 1, rng), transform=flat
        )

    once, twice = make_model(), make_model()
    once.fit(batches(once), epochs=4, verbose=0)
    for _ in range(2):
        twice.fit(batches(twice), epochs=2, verbose=0)
    for name, value in once.network.state_dict().items():
        np.testing.assert_array_equal(value, twice.network.state_dict()[name])


@pytest.mark.slow
@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_batches_never_copy_a_large_data_set(rng: np.random.Generator, dtype: Any, prepared: bool) -> None:
    pixels = rng.integers(0, 256, size=(8000, 30, 30), dtype=np.uint8).astype(dtype)
    X, transform = (pixels, flat) if prepared else (pixels.reshape(8000, 900), None)
    y = rng.integers(0, 2, size=8000)
    network = nn.Sequential(nn.Dense(900, 2, rng=0))
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters(), 1e-6), rng=0)
    batches = Batches(X, y, batch_size=50, transform=transform)
    model.predict(batches)  # what is made once and kept is not counted
    tracemalloc.start()
    try:
        model.fit(batches, validation_data=batches, verbose=0)
        if not prepared:
            model.fit(X, y, batch_size=50, validation_data=(X, y), verbose=0)
        model.evaluate(batches)
        model.predict(batches)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8000 * 900 / 4, f"{peak / 1e6:.1f} MB for {8000 * 900 / 1e6} million pixels"


def test_batches_accept_data_on_disk(rng: np.random.Generator, tmp_path: Path) -> None:
    pixels = rng.integers(0, 256, size=(N, 12), dtype=np.uint8)
    stored = np.memmap(tmp_path / "pixels", np.uint8, "w+", shape=pixels.shape)
    stored[:] = pixels
    model = make_model()
    assert np.shares_memory(Batches(stored).X, stored)
    np.testing.assert_array_equal(model.predict(stored, batch_size=5), model.predict(pixels, batch_size=5))


def test_fit_rejects_arguments_that_batches_have(pixels: Any) -> None:
    model, y = make_model(), np.arange(N) % 3
    batches = Batches(pixels, y, batch_size=5, transform=flat)
    for options in ({"y": y}, {"batch_size": 5}, {"shuffle": False}):
        with pytest.raises(TypeError, match=r"^fit: a Batches has its own y, sample_weight, batch_size and shuffle"):
            model.fit(batches, verbose=0, **options)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^predict: a Batches has its own"):
        model.predict(batches, batch_size=3)
    for call in (lambda: model.fit(Batches(flat(pixels))), lambda: model.evaluate(flat(pixels))):
        with pytest.raises(TypeError, match=r"^(fit|evaluate): there are samples X, but no targets y"):
            call()
    with pytest.raises(ValueError, match=r"^fit: X of shape \(23, 4, 3\), tried with one sample: .*width 12"):
        model.fit(Batches(pixels, y), verbose=0)
