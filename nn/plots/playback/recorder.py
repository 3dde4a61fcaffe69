"""Callback that records the parameters during training and saves the page, and the entry point `playground`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn._hints import PLOT
from nn._validation import whole_number
from nn.callbacks import Callback
from nn.plots.animation import Animation, checked_film
from nn.plots.inputs import checked_model, checked_pair
from nn.plots.playback.figures import figures
from nn.plots.playback.measure import Film, measure
from nn.plots.playback.web import page
from tensorgrad.arguments import with_hints

MOST_FRAMES = 150
"""Maximum number of frames. Beyond it, every other frame is discarded and the interval doubles."""

MOST_DRAWN = 40
"""Maximum number of frames of an animation."""


class Playground(Callback):
    """Callback that records a training and saves it as a page that replays it.

    The page is one HTML file that loads nothing else. For samples with two features, it shows the output of every
    neuron over the plane of the inputs, and the decision boundary. For samples with one feature, it shows curves over
    this feature, and the fit of a regression. For images, it shows the weights of the first layer as images, and the
    predictions for some samples. Between neurons, weights are lines. Beside them are the loss, the metrics, and the
    gradient of each layer. The reader can play the epochs, or select one with the keyboard.

    During training, only the parameters are copied: for a network of 2-8-8-3 neurons, about 15 µs per epoch, which is
    7 % of an epoch of a single batch. The pictures are computed when the page is saved, from these copies. Training is
    unaffected: the weights are the same bit for bit as without the callback.

    Args:
        X: samples to show and to evaluate, usually the training samples.
        y: their targets.
        names: the names of the classes; default: their numbers.
        image_shape: the shape of a sample as an image, `(height, width)` or `(height, width, channels)`. Default: the
            shape of the samples, or a square if they are rows with a square number of features, at least 16.
        every: the number of epochs between frames. It doubles whenever there are more than 150 frames.

    Raises:
        TypeError, ValueError: X or y are not numbers or differ in length, X does not have `image_shape`, or `every` is
            below 1.

    Attributes:
        epochs: the number of completed epochs at each frame; 0 is before training.

    >>> import nn, pathlib, tempfile
    >>> X, y = nn.datasets.spiral(50, 3, rng=0)
    >>> network = nn.Sequential(nn.Dense(2, 8, rng=0), nn.Tanh(), nn.Dense(8, 3, rng=1))
    >>> model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(network.parameters()))
    >>> recorder = nn.plots.Playground(X, y)
    >>> history = model.fit(X, y, epochs=3, callbacks=[recorder], verbose=0)
    >>> recorder.epochs
    [0, 1, 2, 3]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     recorder.save(pathlib.Path(folder) / "training.html")
    """

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        names: Sequence[str] | None = None,
        image_shape: tuple[int, ...] | None = None,
        every: int = 1,
    ) -> None:
        self.samples, self.targets = checked_pair("Playground", X, y)
        self.names = names
        self.image_shape = _image_shape(self.samples, image_shape)
        self.every = whole_number("Playground: every", every, lowest=1)
        self._start()

    def _start(self) -> None:
        self.epochs: list[int] = []
        self._states: list[list[NDArray[Any]]] = []
        self._first = 0
        self._period = self.every
        self._film: Film | None = None

    def on_fit_begin(self, model: Any) -> None:
        """Discard the previous recording, and record the untrained model."""
        self._start()
        self._history: Mapping[str, list[float]] = model.history  # the next training of the model replaces it
        self._first = len(model.history.epochs)  # nonzero if training is resumed
        self._tensors = dict(model.network.named_state())
        self._record(self._first)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Copy the parameters if a frame is due."""
        if (epoch + 1 - self._first) % self._period == 0:
            self._record(epoch + 1)
            if len(self.epochs) > MOST_FRAMES:
                del self.epochs[1::2], self._states[1::2]
                self._period *= 2

    def on_fit_end(self) -> None:
        """Record the final parameters, unless the last epoch has been recorded."""
        finished = len(self.model.history.epochs)
        if self.epochs and finished > self.epochs[-1]:
            self._record(finished)

    def film(self) -> Film:
        """Return what the page shows, computed once from the recorded parameters.

        Raises:
            ValueError: nothing has been recorded, no layer is a `Dense` or `Conv2D`, or the data or the number of names
                do not fit the model.
        """
        if not self.epochs:
            raise ValueError("Playground: nothing has been recorded yet. Pass it to fit: callbacks=[recorder].")
        if self._film is None:
            states = [dict(zip(self._tensors, arrays)) for arrays in self._states]
            data = self.samples, self.targets, self.names, self.image_shape
            self._film = measure(self.model, self._history, states, self.epochs, *data)
        return self._film

    @property
    def html(self) -> str:
        """Return the page as a single file that loads no other resources."""
        return page(self.film())

    def save(self, path: str | Path, *, seconds: float = 0.1) -> None:
        """Write the page, or an animation of the training, to a file.

        Args:
            path: file name that ends in .html for the page, or in .gif or .mp4 (requires ffmpeg) for an animation of at
                most 40 frames.
            seconds: the duration of a frame of an animation.

        Raises:
            ValueError: the suffix is unknown, or as for `film`.
            FileNotFoundError: the directory does not exist.
            RuntimeError: ffmpeg is not installed, or fails.
        """
        path = checked_film("Playground", path)
        film = self.film()
        if path.suffix.lower() == ".html":
            path.write_text(page(film), encoding="utf-8", newline="\n")
            return
        count = len(film.epochs)
        frames = np.linspace(0, count - 1, min(count, MOST_DRAWN)).round().astype(int)
        Animation(figures(film, frames), seconds=seconds).save(path)

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        bundle = {"text/plain": repr(self)}
        if self.epochs:
            bundle["text/html"] = (
                f'<iframe srcdoc="{escape(self.html)}" title="training" '
                'style="width:100%;height:760px;border:0" loading="lazy"></iframe>'
            )
        return bundle

    def _record(self, epoch: int) -> None:
        self.epochs.append(epoch)
        self._states.append([tensor.numpy() for tensor in self._tensors.values()])

    def __repr__(self) -> str:
        return f"<Playground: {len(self.epochs)} frames>"


@with_hints(PLOT)
def playground(
    model: Any,
    recording: Playground | Mapping[str, list[float]],
    X: ArrayLike | None = None,
    y: ArrayLike | None = None,
    *,
    names: Sequence[str] | None = None,
    image_shape: tuple[int, ...] | None = None,
) -> Playground:
    """Return the page of a training, to display in a notebook or to save.

    From a `Playground` callback, which has recorded the parameters of the epochs, the page replays the training. A
    `History` has only the loss and the metrics of every epoch. From it, the page shows all curves, but the neurons, the
    weights and the decisions only after the last epoch.

    Args:
        model: the trained `nn.Model`.
        recording: the callback that recorded its training, or its history.
        X: samples to show and to evaluate; only with a history, because a callback has its own.
        y: their targets.
        names: as for `Playground`; only with a history.
        image_shape: as for `Playground`; only with a history.

    Returns:
        A `Playground`, whose `save(path)` writes the page (`.html`) or an animation (`.gif`, `.mp4`).

    Raises:
        TypeError: `model` is not an `nn.Model`, `recording` is neither a callback nor a history, a history comes
            without samples or targets, or a callback comes with them.
        ValueError: nothing has been recorded, or `recording` belongs to another model or to an earlier training.

    >>> import nn, pathlib, tempfile
    >>> X, y = nn.datasets.spiral(50, 3, rng=0)
    >>> network = nn.Sequential(nn.Dense(2, 8, rng=0), nn.Tanh(), nn.Dense(8, 3, rng=1))
    >>> model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(network.parameters()))
    >>> recorder = nn.plots.Playground(X, y)
    >>> history = model.fit(X, y, epochs=3, callbacks=[recorder], verbose=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     playground(model, recorder).save(pathlib.Path(folder) / "training.html")
    >>> playground(model, history, X, y).epochs  # the parameters of earlier epochs are not in a history
    [3]
    """
    checked_model("playground", model)
    if isinstance(recording, Playground):
        if any(argument is not None for argument in (X, y, names, image_shape)):
            raise TypeError("playground: X, y, names and image_shape belong to a History; the callback has its own.")
        if not recording.epochs:
            raise ValueError("playground: nothing has been recorded yet. Pass it to fit: callbacks=[recorder].")
        if recording.model is not model:
            raise ValueError(
                "playground: the callback recorded another model. Pass the model that it was trained with."
            )
        return recording
    if not isinstance(recording, Mapping):
        raise TypeError(
            f"playground: expected a Playground callback or a History, got {type(recording).__name__}. "
            "Record a training with recorder = nn.plots.Playground(X, y) and fit(..., callbacks=[recorder])."
        )
    if X is None or y is None:
        raise TypeError(
            "playground: a History has neither samples nor parameters. Pass samples and targets for the trained "
            "network, playground(model, history, X, y); or record every epoch with the callback nn.plots.Playground."
        )
    if not recording or recording != model.history:
        raise ValueError("playground: the History is not that of the last training of this model, model.history.")
    recorder = Playground(X, y, names=names, image_shape=image_shape)
    recorder.model = model
    recorder.on_fit_begin(model)
    return recorder


def _image_shape(samples: NDArray[Any], shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Return the shape of a sample as an image; None if it is not one."""
    features = samples[0].size
    if shape is not None:
        product = 1
        for size in shape:
            product *= size
        if len(shape) not in (2, 3) or product != features:
            raise ValueError(
                f"Playground: image_shape must be (height, width) or (height, width, channels) with {features} "
                f"elements in all, got {shape}."
            )
        return tuple(shape)
    if samples.ndim in (3, 4):
        return samples.shape[1:]
    side = round(features**0.5)
    return (side, side) if side >= 4 and side**2 == features else None
