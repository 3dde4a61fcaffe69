"""The page as HTML: the measurements of a training, packed into the file, and the scripts that show them."""

from __future__ import annotations

import base64
import json
import math
import zlib
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.plots.playback.measure import Film, Layer
from nn.plots.style import COLOURS

SCRIPTS = ("film.js", "colours.js", "charts.js", "neurons.js", "stage.js", "player.js")
"""The scripts in the order of the page. They share one scope, and the last one starts the page."""

STEPS = 63
"""Steps on each side of 0 in which pictures are stored. Finer ones are not visible."""

LEVEL = 6
"""Compression level of zlib. Level 9 takes four times as long and saves 2 %."""

TITLE = "Playground of a training"


def page(film: Film) -> str:
    """Return the page as a single file that loads no other resources."""
    packed = Packed()
    shown = json.dumps(contents(film, packed), allow_nan=False, separators=(",", ":"))
    parts = {
        "title": escape(TITLE),
        "style": _file("page.css"),
        "film": shown.replace("<", "\\u003c"),  # so that no name can end the element
        "arrays": packed.text(),
        "script": "\n".join(map(_file, SCRIPTS)),
    }
    before, *rest = _file("page.html").split("{{")
    return before + "".join(parts[name] + after for name, after in (piece.split("}}", 1) for piece in rest))


class Packed:
    """Arrays in one compressed block. Each is found by its offset, shape and type."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._size = 0

    def exact(self, array: NDArray[Any]) -> dict[str, Any]:
        """Add an array as float32."""
        return self._add(array.astype("<f4"), "float")

    def coarse(self, array: NDArray[Any]) -> dict[str, Any]:
        """Add pictures `(frames, …, height, width)` in `STEPS` steps on each side of 0, with a scale for each picture.

        Values are stored as differences from their left neighbours, which compress to half the size.
        """
        scale = np.abs(array).max(axis=(-2, -1), initial=0.0).astype("<f4")
        steps = np.rint(STEPS * array / np.where(scale > 0, scale, 1)[..., None, None]).astype(np.int8)
        return {**self._add(np.diff(steps, axis=-1, prepend=np.int8(0)), "differences"), "scale": self.exact(scale)}

    def text(self) -> str:
        """Return all arrays, compressed by zlib, in base64."""
        return base64.b64encode(zlib.compress(b"".join(self._blocks), LEVEL)).decode()

    def _add(self, array: NDArray[Any], kind: str) -> dict[str, Any]:
        block = array.tobytes()
        block += bytes(-len(block) % 4)  # float arrays begin at multiples of 4 bytes
        found = {"kind": kind, "offset": self._size, "shape": list(array.shape)}
        self._blocks.append(block)
        self._size += len(block)
        return found


def contents(film: Film, packed: Packed) -> dict[str, Any]:
    """Return the data that the page's scripts read; arrays are added to `packed`."""
    return {
        "steps": STEPS,
        "epochs": film.epochs,
        "history": {name: [_finite(value) for value in values] for name, values in film.history.items()},
        "layers": [_layer(layer, packed) for layer in film.layers],
        "names": film.names,
        "colours": COLOURS,
        "samples": None if film.samples is None else packed.exact(film.samples),
        "targets": [_finite(float(target)) for target in film.targets],
        "extent": film.extent,
        "outputs": None if film.outputs is None else _outputs(film, film.outputs, packed),
        "chosen": None if film.chosen is None else film.chosen.tolist(),
        "right": None if film.right is None else film.right.tolist(),
    }


def _layer(layer: Layer, packed: Packed) -> dict[str, Any]:
    return {
        "title": layer.column.title,
        "path": layer.column.path,
        "kind": layer.kind,
        "neurons": layer.column.neurons,
        "shown": layer.column.shown.tolist(),
        "follows": layer.column.follows,
        "pictures": packed.coarse(layer.pictures),
        "weights": None if layer.weights is None else packed.exact(layer.weights),
        "bias": None if layer.bias is None else packed.exact(layer.bias),
        "gradient": [_finite(value) for value in layer.gradient],
    }


def _outputs(film: Film, outputs: NDArray[np.float32], packed: Packed) -> dict[str, Any]:
    """Add values as they are; for each class, the signed root of its lead over the best of the others.

    The class changes where the lead is 0. There, steps of the root are finest.
    """
    if film.layers[0].kind == "curve":
        return packed.exact(outputs)
    if not film.names:
        return packed.coarse(outputs)
    leads = np.stack(
        [outputs[:, k] - np.delete(outputs, k, axis=1).max(axis=1) for k in range(outputs.shape[1])], axis=1
    )
    return packed.coarse(np.sign(leads) * np.sqrt(np.abs(leads)))


def _file(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def _finite(number: float) -> float | None:
    """Replace NaN and infinities, which JSON lacks, by null."""
    return number if math.isfinite(number) else None
