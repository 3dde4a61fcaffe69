"""Conversion of data to arrays: pandas tables, masked arrays, sparse matrices and labels.

Types are recognised by their attributes, so that no library is imported.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad import Tensor

REAL = "fiub"
"""The dtype kinds of real numbers."""

CLASS_NUMBERS = "To make class numbers of labels: classes, y = np.unique(labels, return_inverse=True)"


def to_array(what: str, values: Any) -> NDArray[Any]:
    """Return `values` as an array of real numbers.

    Args:
        what: names the values in messages.
        values: an array, nested lists, or a pandas DataFrame or Series. In these, booleans and nullable numbers are
            numbers, and pd.NA is NaN. Arrays on a GPU are copied to the CPU.

    Raises:
        ValueError: rows of different length, or masked entries.
        TypeError: not real numbers.
    """
    if type(values) is not np.ndarray:
        _refuse_masked(what, values)
        _refuse_sparse(what, values)
        if _is_table(values):
            return _from_table(what, values)
        if hasattr(values, "dtype") and hasattr(values, "__array_function__") and not isinstance(values, np.ndarray):
            values = Tensor(values).numpy()  # copied from a GPU
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{what}: rows of different length do not make an array.") from error
    if array.dtype.kind not in REAL:
        raise TypeError(f"{what}: expected real numbers, got dtype {array.dtype}{_remedy(array)}.")
    return array


def column_names(values: Any) -> tuple[str, ...] | None:
    """Return the names of the columns of a DataFrame; None for anything else, and if they are not all strings."""
    if not _is_table(values):
        return None
    names = tuple(getattr(values, "columns", ()))
    return names if names and all(isinstance(name, str) for name in names) else None


def check_columns(what: str, expected: tuple[str, ...] | None, names: tuple[str, ...] | None) -> None:
    """Reject a DataFrame whose columns are not those of the training data in the same order.

    Args:
        what: names the data in messages.
        expected, names: the columns of the training data and of these data; None if they have no names.

    Raises:
        ValueError: the names differ, or their order does.
    """
    if not expected or not names or names == expected:
        return
    if sorted(names) == sorted(expected):
        found, right = next(pair for pair in zip(names, expected) if pair[0] != pair[1])
        raise ValueError(
            f"{what}: the columns must be in the same order as in the training data: expected {right!r} where X has "
            f"{found!r}. Pass X[{_shortened(expected)}]."
        )
    missing = [name for name in expected if name not in names]
    unknown = [name for name in names if name not in expected]
    parts = [f"{verb} {_shortened(tuple(each))}" for verb, each in (("lacks", missing), ("also has", unknown)) if each]
    raise ValueError(
        f"{what}: the columns must be those of the training data: X {' and '.join(parts) or 'repeats a column'}. Pass "
        f"X[{_shortened(expected)}], or X.to_numpy() to ignore the names."
    )


def _shortened(names: tuple[str, ...]) -> str:
    return f"[{', '.join(map(repr, names[:10]))}{', …' if len(names) > 10 else ''}]"


def _is_table(values: Any) -> bool:
    """Return whether the value is a DataFrame or a Series."""
    return hasattr(values, "to_numpy") and hasattr(values, "iloc")


def _refuse_masked(what: str, values: Any) -> None:
    rows = values if isinstance(values, (list, tuple)) else [values]
    if any(isinstance(row, np.ma.MaskedArray) and np.ma.is_masked(row) for row in rows):
        raise ValueError(
            f"{what}: got a masked array with masked entries, whose hidden numbers would be used. Replace them "
            "(X.filled(number)), or leave out their rows (np.ma.compress_rows(X))."
        )


def _refuse_sparse(what: str, values: Any) -> None:
    if hasattr(values, "toarray") and hasattr(values, "nnz"):
        raise TypeError(
            f"{what}: expected a dense array, got a sparse {type(values).__name__}. Convert it: X.toarray()."
        )


def _from_table(what: str, table: Any) -> NDArray[Any]:
    if hasattr(table, "columns"):
        for name, dtype in zip(table.columns, table.dtypes):
            if dtype.kind not in REAL:
                raise TypeError(
                    f"{what}: expected real numbers, got dtype {dtype} in column {name!r}. Convert numbers with "
                    "astype(float) and categories with pd.get_dummies(X), or leave the column out."
                )
        dtypes = [_numpy_dtype(dtype) for dtype in table.dtypes]
    else:
        if table.dtype.kind not in REAL:
            raise TypeError(
                f"{what}: expected real numbers, got dtype {table.dtype}. Convert numbers with astype(float). "
                f"{CLASS_NUMBERS}."
            )
        dtypes = [_numpy_dtype(table.dtype)]
    common = np.result_type(*dtypes) if dtypes else np.dtype(np.float64)
    if table.isna().to_numpy().any():
        return np.asarray(table.to_numpy(dtype=np.result_type(common, np.float32), na_value=np.nan))
    return np.asarray(table.to_numpy(dtype=common))


def _numpy_dtype(dtype: Any) -> np.dtype[Any]:
    """Return NumPy's dtype for the numbers of a column, which may have a pandas extension dtype."""
    if not isinstance(dtype, np.dtype):
        dtype = dtype.numpy_dtype if hasattr(dtype, "numpy_dtype") else dtype.subtype  # nullable, or sparse
    found: np.dtype[Any] = np.dtype(dtype)
    return found


def _remedy(array: NDArray[Any]) -> str:
    """Return advice about an array that does not hold real numbers."""
    if array.dtype.kind in "US" or any(isinstance(each, str) for each in array.ravel()[:100].tolist()):
        return f". {CLASS_NUMBERS}; nn.sklearn.Classifier does so by itself"
    if array.dtype.kind == "O" and array.ndim:
        return ". If all are numbers, convert them: astype(np.float64)"
    if hasattr(array[()], "__iter__"):
        return ". Instead of an iterator over batches, such as a DataLoader, pass the arrays, or nn.data.Batches(X, y)"
    return ""
