"""HTML representation of tensors in notebooks: shape, dtype, and values in cells shaded by magnitude."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

LARGEST = 12
"""Maximum number of rows and columns shown; of more, the first and the last ones are shown."""

TABLE = "border-collapse:collapse;font-family:monospace;font-size:12px;margin:4px 0"
CELL = "padding:1px 6px;text-align:right;border:1px solid rgba(128,128,128,.25)"


def tensor_as_html(tensor: Any) -> str:
    """Return an HTML table of the tensor's values, orange below 0 and blue above, under a line of description.

    With more than two axes, the first matrix is shown.
    """
    facts = [f"shape {tensor.shape}", str(tensor.dtype)]
    facts += [f"name {tensor.name!r}"] if tensor.name else []
    facts += ["requires_grad=True"] if tensor.requires_grad and tensor.is_leaf else []
    facts += [f"op {tensor.node.operation.name}"] if not tensor.is_leaf else []
    head = f"<b>Tensor</b> {html.escape(', '.join(facts))}"
    values = np.asarray(tensor.array)
    if not values.size:
        return f"<div>{head}, no elements</div>"
    if values.size > 1 and values.dtype.kind == "f":
        with np.errstate(all="ignore"):
            mean, deviation = values.mean(dtype=np.float64), values.std(dtype=np.float64)
        head += f", {mean:.4g} ± {deviation:.4g}, from {values.min():.4g} to {values.max():.4g}"
    matrix, note = values, ""
    if values.ndim > 2:
        matrix = values[(0,) * (values.ndim - 2)]
        note = f"<div>[{', '.join('0' * (values.ndim - 2))}] of {values.shape[:-2]}:</div>"
    return f"<div>{head}{note}{_table(np.atleast_2d(matrix))}</div>"


def _table(matrix: Any) -> str:
    rows, columns = _shown(matrix.shape[0]), _shown(matrix.shape[1])
    finite = np.abs(matrix[np.isfinite(matrix)]) if matrix.dtype.kind == "f" else np.abs(matrix.astype(np.float64))
    largest = float(finite.max(initial=0)) or 1.0
    lines = ""
    for row in rows:
        cells = "".join(
            _gap() if row is None or column is None else _cell(matrix[row, column], largest) for column in columns
        )
        lines += f"<tr>{cells}</tr>"
    return f'<table style="{TABLE}">{lines}</table>'


def _shown(length: int) -> list[int | None]:
    """Return the indices to show, with None in place of those left out."""
    if length <= LARGEST:
        return list(range(length))
    half = LARGEST // 2
    return [*range(half), None, *range(length - half, length)]


def _cell(value: Any, largest: float) -> str:
    color = "230,97,1" if value < 0 else "94,60,153"
    strength = 0.45 * min(abs(float(value)) / largest, 1) if np.isfinite(value) else 0
    text = f"{value:.4g}" if isinstance(value, np.floating) else str(value)
    return f'<td style="{CELL};background:rgba({color},{strength:.2f})">{text}</td>'


def _gap() -> str:
    return f'<td style="{CELL}">…</td>'
