"""Data from pandas, SciPy and masked arrays: converted as scikit-learn does, or refused with what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from nn.data import Batches, Standardizer
from nn.data.conversion import to_array


def both(function: Any) -> Any:
    """Run a test with `Batches` and with a scaler."""
    return pytest.mark.parametrize("take", [Batches, Standardizer])(function)


# -- pandas ---------------------------------------------------------------------------------------------------


@pytest.fixture
def pd() -> Any:
    return pytest.importorskip("pandas", reason="pandas is not installed")


def test_to_array_takes_tables_of_floats_integers_and_booleans(pd: Any) -> None:
    table = pd.DataFrame({"a": [0.5, 1.5], "b": [True, False], "c": [1, 2]})
    array = to_array("X", table)
    assert array.dtype == np.float64
    np.testing.assert_array_equal(array, [[0.5, 1, 1], [1.5, 0, 2]])
    assert to_array("X", table[["b", "c"]]).dtype == np.int64
    assert to_array("X", table[["b"]]).dtype == np.bool_
    assert to_array("X", table[["a"]].astype(np.float32)).dtype == np.float32
    np.testing.assert_array_equal(to_array("y", table["c"]), [1, 2])


@pytest.mark.parametrize(
    ("dtype", "whole", "with_missing"),
    [("Int64", np.int64, np.float64), ("Float32", np.float32, np.float32), ("boolean", np.bool_, np.float32)],
)
def test_to_array_takes_nullable_columns(pd: Any, dtype: str, whole: Any, with_missing: Any) -> None:
    column = pd.array([1, 0, None], dtype=dtype)
    for values in (pd.Series(column), pd.DataFrame({"a": column})):
        array = to_array("X", values)
        assert array.dtype == with_missing
        np.testing.assert_array_equal(array.ravel(), [1, 0, np.nan])
        array = to_array("X", values[:2])
        assert array.dtype == whole
        np.testing.assert_array_equal(array.ravel(), [1, 0])


def test_to_array_takes_sparse_columns(pd: Any) -> None:
    np.testing.assert_array_equal(to_array("X", pd.Series(pd.arrays.SparseArray([0, 0, 1.5]))), [0, 0, 1.5])


@both
@pytest.mark.parametrize("kind", ["words", "category", "date", "interval"])
def test_model_rejects_tables_with_other_columns_by_name(pd: Any, take: Any, kind: str) -> None:
    column: Any = {
        "words": ["x", "y"],
        "category": pd.Categorical([1, 2]),
        "date": pd.to_datetime(["2020-01-01", "2020-01-02"]),
        "interval": pd.interval_range(0, 2),
    }[kind]
    with pytest.raises(TypeError, match=r"expected real numbers, got dtype .* in column 'b'\. .*pd\.get_dummies\(X\)"):
        take(pd.DataFrame({"a": [1.0, 2.0], "b": column}))


def test_batches_refuses_a_series_of_words(pd: Any) -> None:
    with pytest.raises(TypeError, match=r"Batches: y: .*classes, y = np\.unique\(labels, return_inverse=True\)"):
        Batches([[1.0], [2.0]], pd.Series(["cat", "dog"]))


def test_model_fit_takes_a_table_of_floats_and_booleans(pd: Any) -> None:
    X = pd.DataFrame({"a": [0.5, 1.5, 2.5, 3.5], "b": [True, False, True, False]})
    network = nn.Sequential(nn.Dense(2, 2, rng=0))
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(network.parameters()), rng=0)
    model.fit(X, pd.Series([0, 1, 0, 1], dtype="Int64"), epochs=1, verbose=0)
    np.testing.assert_array_equal(model.predict(X), model.predict(X.to_numpy(np.float64)))


def test_standardizer_refuses_columns_in_another_order(pd: Any) -> None:
    train = pd.DataFrame({"a": [1.0, 3.0], "b": [100.0, 300.0]})
    standardize = Standardizer(train)
    assert standardize.columns == ("a", "b")
    other = train[["b", "a"]]
    for function in (standardize, standardize.inverse):
        with pytest.raises(
            ValueError, match=r"Standardizer: the columns .* expected 'a' where X has 'b'.*\['a', 'b'\]"
        ):
            function(other)
    for same in (train, train.to_numpy(), other[list(standardize.columns)]):
        np.testing.assert_allclose(standardize(same), [[-1, -1], [1, 1]])
    with pytest.raises(ValueError, match=r"the columns .*: X lacks \['b'\] and also has \['c'\]"):
        standardize(train.rename(columns={"b": "c"}))
    unnamed = Standardizer(train.to_numpy())
    assert unnamed.columns is None
    np.testing.assert_allclose(unnamed(train), [[-1, -1], [1, 1]])


def test_model_refuses_columns_in_another_order(pd: Any, tmp_path: Path) -> None:
    X, y = pd.DataFrame({"a": [1.0, 3.0], "b": [100.0, 300.0]}), [0, 1]
    other = X[["b", "a"]]
    network = nn.Sequential(nn.Dense(2, 2, rng=0))
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters(), 1e-3))
    with pytest.raises(ValueError, match="fit: validation_data: the columns"):
        model.fit(X, y, validation_data=(other, y), verbose=0)
    model.predict(other)  # the names are those of `fit`, which has refused
    model.fit(X, y, validation_data=(X, y), verbose=0)
    model.save(tmp_path / "model.safetensors")
    for each in (model, nn.Model.load(tmp_path / "model.safetensors")):
        for call in (each.predict, lambda X, m=each: m.evaluate(X, y), lambda X, m=each: m.fit(X, y, verbose=0)):
            with pytest.raises(ValueError, match=r"the columns .* expected 'a' where X has 'b'"):
                call(other)
        np.testing.assert_array_equal(each.predict(X), each.predict(X.to_numpy()))
    with pytest.raises(ValueError, match=r"predict: the columns .* X lacks \['a'\]"):
        model.predict(X[["b"]])


def test_model_checks_the_columns_of_each_input(pd: Any) -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            self.dense = nn.Dense(2, 1, rng=0)

        def forward(self, left: Any, right: Any) -> Any:
            return self.dense(left) + self.dense(right)

    table, numbers = pd.DataFrame({"a": [1.0, 3.0], "b": [1.0, 2.0]}), np.ones((2, 2))
    network = Sum()
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.Adam(network.parameters()))
    model.fit((numbers, table), np.ones((2, 1)), verbose=0)
    model.predict((table[["b", "a"]], table))
    with pytest.raises(ValueError, match=r"predict: X\[1\]: the columns .* expected 'a' where X has 'b'"):
        model.predict((numbers, table[["b", "a"]]))


# -- masked and sparse arrays, labels in words ----------------------------------------------------------------


@both
def test_to_array_rejects_masked_entries(take: Any) -> None:
    masked = np.ma.masked_equal(np.array([[1.0, -999.0], [2.0, 3.0]]), -999)
    for X in (masked, list(masked)):
        with pytest.raises(ValueError, match=r"masked array with masked entries.*X\.filled\(number\)"):
            take(X)
    take(np.ma.compress_rows(masked))
    take(masked[1:])  # nothing is masked here
    with pytest.raises(ValueError, match="Batches: y: got a masked array"):
        Batches([[1.0], [2.0]], masked[:, 1])
    with pytest.raises(ValueError, match="masked"):
        Standardizer([[1.0, 2.0], [2.0, 3.0]])(masked)
    with pytest.raises(ValueError, match="masked"):
        nn.data.rescale(masked)


@both
@pytest.mark.parametrize("kind", ["csr_matrix", "csr_array", "coo_array"])
def test_to_array_rejects_sparse_matrices(take: Any, kind: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=rf"X: expected a dense array, got a sparse {kind}\. Convert it: X\.toarray"):
        take(getattr(sparse, kind)(np.eye(3)))


@pytest.mark.parametrize("labels", [["cat", "dog"], np.array(["cat", "dog"]), np.array(["cat", "dog"], object)])
def test_batches_refuses_labels_in_words(labels: Any) -> None:
    with pytest.raises(TypeError, match=r"Batches: y: .*np\.unique\(labels, return_inverse=True\); nn\.sklearn\.Class"):
        Batches([[1.0], [2.0]], labels)


def test_batches_refuses_arrays_of_objects() -> None:
    with pytest.raises(TypeError, match=r"got dtype object\. If all are numbers, convert them: astype\(np\.float64\)"):
        Batches(np.array([[1.0], [2]], object))
