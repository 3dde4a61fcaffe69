"""HTML representations of networks, models and training histories for notebooks."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from nn._repr import counted

TABLE = "border-collapse:collapse;font-size:13px;margin:4px 0"
CELL = "padding:2px 10px;text-align:left;border-bottom:1px solid rgba(128,128,128,.3)"
WIDTH, HEIGHT = 160, 28


def module_as_html(module: Any, name: str = "") -> str:
    """Return a module as a tree in which modules with children can be collapsed."""
    parameters = list(module.parameters())
    label = f"<span style='opacity:.6'>{html.escape(name)}: </span>" if name else ""
    children = list(module.named_children())
    title = type(module).__name__ if children else repr(module)
    size = counted(sum(parameter.size for parameter in parameters), "parameter") if parameters else ""
    line = f"{label}<code>{html.escape(title)}</code> <span style='opacity:.6'>{size}</span>"
    if children:
        inner = "".join(module_as_html(child, key) for key, child in children)
        return f"<details open><summary>{line}</summary><div style='margin-left:18px'>{inner}</div></details>"
    if parameters:
        rows = "".join(
            f"<div><code>{html.escape(key)}</code> {html.escape(f'{tensor.shape} {tensor.dtype}')}</div>"
            for key, tensor in module.named_parameters()
        )
        return f"<details><summary>{line}</summary><div style='margin-left:18px'>{rows}</div></details>"
    return f"<div style='margin-left:14px'>{line}</div>"


def model_as_html(model: Any) -> str:
    """Return the network of a model as a tree, with its loss, optimizer, metrics and history below."""
    parts = {"loss": model.loss, "optimizer": model.optimizer, "metrics": list(model.metrics)}
    rows = "".join(
        f"<tr><td style='{CELL}'>{name}</td><td style='{CELL}'><code>{html.escape(repr(part))}</code></td></tr>"
        for name, part in parts.items()
    )
    history = history_as_html(model.history) if model.history.epochs else ""
    table = f"<table style='{TABLE}'>{rows}</table>"
    return f"<div><b>Model</b>{module_as_html(model.network, 'network')}{table}{history}</div>"


def history_as_html(history: Mapping[str, list[float]]) -> str:
    """Return a table with one row per metric: a small plot over the epochs, the last value and the best value."""
    count = len(next(iter(history.values()), []))
    rows = "".join(
        f"<tr><td style='{CELL}'>{html.escape(name)}</td><td style='{CELL}'>{curve(values)}</td>"
        f"<td style='{CELL}'>{values[-1]:.4g}</td><td style='{CELL}'>{min(values):.4g} … {max(values):.4g}</td></tr>"
        for name, values in history.items()
    )
    head = "".join(f"<th style='{CELL}'>{title}</th>" for title in ("", "epochs", "last", "range"))
    table = f"<table style='{TABLE}'><tr>{head}</tr>{rows}</table>" if rows else ""
    return f"<div><b>History</b> {counted(count, 'epoch')}{table}</div>"


def curve(values: list[float]) -> str:
    """Return a line through the values as SVG. Values that are not finite are omitted."""
    finite = [value for value in values if abs(value) < float("inf")]
    lowest, span = min(finite, default=0.0), (max(finite, default=0.0) - min(finite, default=0.0)) or 1.0
    step = (WIDTH - 4) / max(len(values) - 1, 1)
    points = " ".join(
        f"{2 + number * step:.1f},{HEIGHT - 3 - (value - lowest) / span * (HEIGHT - 6):.1f}"
        for number, value in enumerate(values)
        if abs(value) < float("inf")
    )
    line = f"<polyline points='{points}' fill='none' stroke='rgb(94,60,153)' stroke-width='1.5'/>"
    return f"<svg width='{WIDTH}' height='{HEIGHT}' role='img'>{line}</svg>"
