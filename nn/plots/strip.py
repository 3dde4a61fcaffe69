"""Callback that records the decision boundary during training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from nn._validation import whole_number
from nn.callbacks import Callback
from nn.plots.animation import Animation, checked_film
from nn.plots.boundary import Map, checked_plane, draw_map, draw_samples, survey
from nn.plots.decisions import decide, labels_of
from nn.plots.inputs import checked_names, percent
from nn.plots.style import Picture, blank, checked_destination, finish, headline, legend_below, saved

FRAMES_IN_A_ROW = 4
FRAME_SIZE = 2.5


@dataclass(frozen=True)
class Frame:
    """Decisions of the model at one point of training.

    Attributes:
        epoch: the number of completed epochs.
        area: the decisions on a grid.
        right: the fraction of the samples that are classified correctly.
    """

    epoch: int
    area: Map
    right: float


class BoundaryStrip(Callback):
    """Callback that records how the decision boundary develops during `Model.fit`, and plots it.

    Args:
        X: samples `(samples, 2)` to plot and to evaluate; usually the training samples.
        y: their classes, as for `decision_boundary`.
        epochs: the epochs after which to record a frame, such as `[0, 1, 10, 100]`; 0 is before training. Or the number
            of frames, at least 2: the first, the last, and some in between at increasing distances, as most changes
            happen early.
        names: the names of the classes; default: their numbers.
        resolution: the number of grid points along each side.

    Raises:
        TypeError, ValueError: X does not have two features, or `epochs` or `resolution` is too small; at the start of
            `fit`, if y or the number of names does not fit the model.

    Attributes:
        frames: the frames of the last `fit`; if it resumed a training, from that point.

    >>> import nn
    >>> X, y = nn.datasets.vertical(20, 2, rng=0)
    >>> network = nn.Sequential(nn.Dense(2, 2, rng=0))
    >>> model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters()))
    >>> strip = nn.plots.BoundaryStrip(X, y, epochs=[0, 5, 20], resolution=20)
    >>> history = model.fit(X, y, epochs=20, callbacks=[strip], verbose=0)
    >>> [axes.get_title(loc="left") for axes in strip.plot().axes]
    ['before: 30 %', 'epoch 5: 50 %', 'epoch 20: 100 %']
    """

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int | Iterable[int] = 6,
        names: Sequence[str] | None = None,
        resolution: int = 100,
    ) -> None:
        self.points, self.targets = checked_plane("BoundaryStrip", X, y)
        self.names = names
        self.resolution = whole_number("BoundaryStrip: resolution", resolution, lowest=2)
        self.wanted: set[int] | None = None
        self.count = 0
        if isinstance(epochs, Iterable):
            self.wanted = {whole_number("BoundaryStrip: an epoch", epoch, lowest=0) for epoch in epochs}
            if not self.wanted:
                raise ValueError("BoundaryStrip: epochs must hold at least one, such as [0, 10, 100].")
        else:
            self.count = whole_number("BoundaryStrip: epochs", epochs, lowest=2)
        self.frames: list[Frame] = []
        self._labels: NDArray[np.intp] = np.zeros(0, np.intp)
        self._finished = 0
        self._inside_an_epoch = False

    def on_fit_begin(self, model: Any) -> None:
        """Check that the data fit the model, and record the untrained model."""
        self.frames = []
        self._finished = len(model.history.epochs)  # nonzero if training is resumed
        classes = decide("BoundaryStrip", model, self.points[:1]).scores.shape[1]
        self._labels = labels_of("BoundaryStrip", self.targets, classes)
        checked_names("BoundaryStrip", self.names, classes)
        self._look_if(self.wanted is None or self._finished in self.wanted)

    def on_epoch_begin(self, epoch: int) -> None:
        """Note that the model is changing."""
        self._inside_an_epoch = True

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Record a frame, if it is due."""
        self._finished, self._inside_an_epoch = epoch + 1, False
        self._look_if(self._is_wanted(epoch + 1))

    def on_fit_end(self) -> None:
        """Record the final frame, unless the epochs are specified or the last one was interrupted."""
        is_new = bool(self.frames) and self.frames[-1].epoch < self._finished
        self._look_if(self.wanted is None and is_new and not self._inside_an_epoch)

    def plot(self, path: str | Path | None = None) -> Picture:
        """Plot the frames side by side, each with the fraction of correctly classified samples.

        Args:
            path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

        Raises:
            ValueError: nothing has been recorded, or the suffix is unknown.
        """
        destination = checked_destination("BoundaryStrip", path)
        if not self.frames:
            raise ValueError("BoundaryStrip: nothing was seen yet. Pass it to fit: callbacks=[strip].")
        shown = self.frames if self.wanted is not None else _spread(self.frames, self.count)
        columns = min(len(shown), FRAMES_IN_A_ROW)
        rows = -(-len(shown) // columns)
        picture = blank(FRAME_SIZE * columns, FRAME_SIZE * rows + 0.9)
        headline(picture, "Decision boundary during training, and the fraction of samples classified correctly")
        for position, frame in enumerate(shown, start=1):
            axes = picture.add_subplot(rows, columns, position)
            self._draw(axes, frame)
        legend_below(picture, picture.axes[0], size_of_markers=1.6)
        return saved(picture, destination)

    def save(self, path: str | Path, *, seconds: float = 0.4) -> None:
        """Write all frames, one after the other, to a file.

        Args:
            path: file name that ends in .gif, .mp4 (requires ffmpeg) or .html (a page with a slider).
            seconds: the duration of a frame.

        Raises:
            ValueError: nothing has been recorded, or the suffix is unknown.
            FileNotFoundError: the directory does not exist.
            RuntimeError: ffmpeg is not installed, or fails.
        """
        destination = checked_film("BoundaryStrip", path)
        if not self.frames:
            raise ValueError("BoundaryStrip: nothing was seen yet. Pass it to fit: callbacks=[strip].")
        title = "Decision boundary over the training"
        captions = [f"{_moment(frame)}: {percent(frame.right)} right" for frame in self.frames]
        figures = (self._figure(frame) for frame in self.frames)
        Animation(figures, captions=captions, seconds=seconds, title=title).save(destination)

    def _figure(self, frame: Frame) -> Picture:
        picture = blank(4.6, 4.9)
        self._draw(picture.subplots(), frame, scale=1.0)
        legend_below(picture, picture.axes[0])
        return picture

    def _is_wanted(self, epoch: int) -> bool:
        if self.wanted is not None:
            return epoch in self.wanted
        return epoch & (epoch - 1) == 0  # 0 and the powers of 2: a thousand epochs are eleven frames

    def _look_if(self, wanted: bool) -> None:
        if wanted:
            area = survey("BoundaryStrip", self.model, self.points, self.resolution)
            chosen = decide("BoundaryStrip", self.model, self.points).classes
            self.frames.append(Frame(self._finished, area, float(np.mean(chosen == self._labels))))

    def _draw(self, axes: Axes, frame: Frame, scale: float = 0.4) -> None:
        names = checked_names("BoundaryStrip", self.names, frame.area.scores.shape[-1])
        draw_map(axes, frame.area)
        draw_samples(axes, self.points, self._labels, names, scale)
        finish(axes, f"{_moment(frame)}: {percent(frame.right)}", grid=False)
        axes.set_xticks([])
        axes.set_yticks([])


def _moment(frame: Frame) -> str:
    return f"epoch {frame.epoch}" if frame.epoch else "before"


def _spread(frames: Sequence[Frame], count: int) -> list[Frame]:
    """Return `count` evenly spaced frames, including the first and the last."""
    if len(frames) <= count:
        return list(frames)
    return [frames[round(position)] for position in np.linspace(0, len(frames) - 1, count)]
