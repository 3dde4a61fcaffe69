"""Callback that redraws a figure during training."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from nn._validation import whole_number
from nn.callbacks import Callback
from nn.plots.animation import FILMS, Animation, checked_film
from nn.plots.curves import curves
from nn.plots.style import checked_destination, png, saved


class LivePlot(Callback):
    """Callback that draws a figure after every epoch: in place in a notebook, into the same file, or for an animation.

    Args:
        draw: a function of the model that returns a matplotlib figure, for example the decision boundary for given
            samples; default: the curves of `History.plot`.
        path: the file to write each time (`.png`, `.svg` or `.pdf`), or an animation of all figures (`.gif`, `.html`,
            or `.mp4` if ffmpeg is installed), written at the end as by `save`; default: none. A notebook also displays
            the figure.
        every: the number of epochs between figures. The last epoch is always drawn.
        keep_figures: whether to keep the figures of the last `fit` as PNG images, so that `save` can write an animation
            afterwards. Default: only if `path` names an animation, because the images of a long training run take up
            memory.

    Raises:
        TypeError, ValueError: `draw` is not a function, `every` is below 1, or the suffix is unknown.

    Warns:
        UserWarning: at the start of `fit`, if the figures are neither displayed, saved nor kept.

    >>> import nn, tempfile, pathlib
    >>> X, y = nn.datasets.spiral(20, 2, rng=0)
    >>> network = nn.Sequential(nn.Dense(2, 2, rng=0))
    >>> model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters()))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     live = nn.plots.LivePlot(path=pathlib.Path(folder) / "training.png", every=5, keep_figures=True)
    ...     history = model.fit(X, y, epochs=5, callbacks=[live], verbose=0)
    ...     live.save(pathlib.Path(folder) / "training.gif")
    ...     sorted(path.name for path in pathlib.Path(folder).iterdir())
    ['training.gif', 'training.png']
    """

    def __init__(
        self, draw: Callable[[Any], Figure] | None = None, *, path: str | Path | None = None, every: int = 1,
        keep_figures: bool = False,
    ) -> None:  # fmt: skip
        if draw is not None and not callable(draw):
            raise TypeError(f"LivePlot: draw must be a function of the model that returns a figure, got {draw!r}.")
        self.draw = _curves if draw is None else draw
        is_film = path is not None and Path(path).suffix.lower() in FILMS
        self.film = checked_film("LivePlot", path) if path is not None and is_film else None
        self.path = None if is_film else checked_destination("LivePlot", path)
        self.every = whole_number("LivePlot: every", every, lowest=1)
        self.keep_figures = bool(keep_figures) or is_film
        self._notebook: Any = None
        self._shown: Any = None
        self._is_behind = False
        self._frames: dict[int, bytes] = {}

    def on_fit_begin(self, model: Any) -> None:
        """Determine where to display the figure."""
        self._notebook, self._shown, self._is_behind = _display_of_notebook(), None, False
        self._frames = {}
        if self.path is None and not self.keep_figures and self._notebook is None:
            warnings.warn(
                "LivePlot: outside a notebook, the figures are not displayed. Pass path= to save them, or "
                "keep_figures=True to save an animation after training.",
                stacklevel=2,
            )

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
            self.save(self.film)

    def save(self, path: str | Path, *, seconds: float = 0.3) -> None:
        """Save the figures of the last `fit` as an animation.

        Requires `keep_figures=True`, or a `path` that names an animation.

        Args:
            path: file name that ends in .gif, .mp4 (requires ffmpeg) or .html (a page with a slider).
            seconds: the duration of a frame.

        Raises:
            ValueError: the figures were not kept, nothing has been drawn, the figures differ in size, or the suffix is
                unknown.
            FileNotFoundError: the directory does not exist.
            RuntimeError: ffmpeg is not installed, or fails.
        """
        destination = checked_film("LivePlot", path)
        if not self.keep_figures:
            raise ValueError(
                "LivePlot: the figures were not kept. Before training, pass keep_figures=True, or the animation as "
                f"path={str(path)!r}."
            )
        if not self._frames:
            raise ValueError("LivePlot: nothing has been drawn yet. Pass the callback to fit first: callbacks=[live].")
        captions = [f"epoch {epoch}" for epoch in self._frames]
        animation = Animation(self._frames.values(), captions=captions, seconds=seconds, title="Training")
        animation.save(destination)

    def _draw(self) -> None:
        figure = self.draw(self.model)
        if not hasattr(figure, "savefig"):
            raise TypeError(f"LivePlot: draw must return a matplotlib figure, got {figure!r}.")
        is_png = self.path is not None and self.path.suffix.lower() == ".png"
        image = png(figure) if is_png or self.keep_figures or self._notebook is not None else b""
        if self.path is not None and is_png:
            self.path.write_bytes(image)  # as `saved` would, without drawing the figure twice
        else:
            saved(figure, self.path)
        self._is_behind = False
        if self.keep_figures:
            self._frames[len(self.model.history.epochs)] = image
        if self._notebook is not None:
            self._show(image)

    def _show(self, image: bytes) -> None:
        shown = self._notebook.Image(data=image)
        if self._shown is None:
            self._shown = self._notebook.display(shown, display_id=True)
        else:
            self._shown.update(shown)


def _curves(model: Any) -> Figure:
    return curves(model.history)


def _display_of_notebook() -> Any:
    """Return the module `IPython.display` in a notebook; None in a terminal and without IPython."""
    ipython = sys.modules.get("IPython")
    if ipython is None or not hasattr(ipython.get_ipython(), "kernel"):
        return None
    return importlib.import_module("IPython.display")
