"""Callback that redraws a figure during training."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from nn._validation import whole_number
from nn.callbacks import Callback
from nn.plots.animation import FILMS, Animation, checked_film
from nn.plots.curves import curves
from nn.plots.style import checked_destination, png, saved

FILM_DOTS = 100
"""Dots per inch of the frames of an animation."""


class LivePlot(Callback):
    """Callback that draws a figure after every epoch, in place in a notebook or into the same file.

    Args:
        draw: a function of the model that returns a matplotlib figure, for example the decision boundary for given
            samples; default: the curves of `History.plot`.
        path: the file to write each time (`.png`, `.svg` or `.pdf`), or an animation of all figures (`.gif`, `.html`,
            or `.mp4` if ffmpeg is installed), written at the end; default: none. A notebook also displays the figure.
        every: the number of epochs between figures. The last epoch is always drawn.

    Raises:
        TypeError, ValueError: `draw` is not a function, `every` is below 1, or the suffix is unknown.
        RuntimeError: at the start of `fit`, if there is neither a path nor a notebook to display the figure.

    >>> import nn, tempfile, pathlib
    >>> X, y = nn.datasets.spiral(20, 2, rng=0)
    >>> network = nn.Sequential(nn.Dense(2, 2, rng=0))
    >>> model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters()))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     live = nn.plots.LivePlot(path=pathlib.Path(folder) / "training.png", every=5)
    ...     history = model.fit(X, y, epochs=5, callbacks=[live], verbose=0)
    ...     [path.name for path in pathlib.Path(folder).iterdir()]
    ['training.png']
    """

    def __init__(
        self, draw: Callable[[Any], Figure] | None = None, *, path: str | Path | None = None, every: int = 1
    ) -> None:
        if draw is not None and not callable(draw):
            raise TypeError(f"LivePlot: draw must be a function of the model that gives a figure, got {draw!r}.")
        self.draw = _curves if draw is None else draw
        is_film = path is not None and Path(path).suffix.lower() in FILMS
        self.film = checked_film("LivePlot", path) if path is not None and is_film else None
        self.path = None if is_film else checked_destination("LivePlot", path)
        self.every = whole_number("LivePlot: every", every, lowest=1)
        self._notebook: Any = None
        self._shown: Any = None
        self._is_behind = False
        self._frames: dict[int, bytes] = {}

    def on_fit_begin(self, model: Any) -> None:
        """Determine where to display the figure."""
        self._notebook, self._shown, self._is_behind = _display_of_notebook(), None, False
        self._frames = {}
        if self.path is None and self.film is None and self._notebook is None:
            raise RuntimeError('LivePlot: this is no notebook. Give a file to write: path="training.png".')

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Draw the figure every `every` epochs."""
        self._is_behind = True
        if (epoch + 1) % self.every == 0:
            self._draw()

    def on_fit_end(self) -> None:
        """Draw the last epoch, if it has not been drawn, and write the animation."""
        if self._is_behind:
            self._draw()
        if self.film is not None and self._frames:
            captions = [f"epoch {epoch}" for epoch in self._frames]
            Animation(self._frames.values(), captions=captions, title="Training").save(self.film)

    def _draw(self) -> None:
        figure = saved(self.draw(self.model), self.path)
        self._is_behind = False
        if self.film is not None:
            self._frames[len(self.model.history.epochs)] = png(figure, FILM_DOTS)
        if self._notebook is None:
            return
        image = self._notebook.Image(data=png(figure))
        if self._shown is None:
            self._shown = self._notebook.display(image, display_id=True)
        else:
            self._shown.update(image)


def _curves(model: Any) -> Figure:
    return curves(model.history)


def _display_of_notebook() -> Any:
    """Return the module `IPython.display` in a notebook; None in a terminal and without IPython."""
    ipython = sys.modules.get("IPython")
    if ipython is None or not hasattr(ipython.get_ipython(), "kernel"):
        return None
    return importlib.import_module("IPython.display")
