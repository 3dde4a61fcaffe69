"""What a network has learned and computes: weights as images, feature maps, saliency, receptive fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import tensorgrad as tg
from nn._hints import PLOT
from nn.layers import Conv2D, Dense, Flatten
from nn.module import Module, in_mode
from nn.plots.activity import watched
from nn.plots.images import draw_image, image_grid
from nn.plots.inputs import Model, checked_model, checked_outputs
from nn.plots.signs import signed
from nn.plots.style import GRID, INK, Picture, blank, checked_destination, colour_scale, finish, headline, saved
from tensorgrad import Tensor
from tensorgrad.arguments import with_hints

MOST_CHANNELS = 16
MOST_VALUES = 512
"""Values of a layer without channels that are drawn as a strip."""


@with_hints(PLOT)
def weights(
    model: Model,
    *,
    layer: str | None = None,
    image_shape: tuple[int, ...] | None = None,
    path: str | Path | None = None,
) -> Picture:
    """Plot the weights of a layer as images: one for each neuron of a `Dense`, or each filter of a `Conv2D`.

    Blue is negative, white 0, orange positive. Channels are averaged, except those of a filter of three, which are
    shown as colours.

    Args:
        model: the model. At most 100 neurons are shown.
        layer: the path of the layer, such as `"0"`; default: the first `Dense` or `Conv2D`.
        image_shape: the shape of the inputs of a `Dense` as an image; default: a square.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Raises:
        TypeError: `model` is not an `nn.Model`.
        ValueError: there is no such layer, its inputs do not have `image_shape`, or the suffix is unknown.

    >>> import nn
    >>> network = nn.Sequential(nn.Dense(64, 12, rng=0), nn.ReLU(), nn.Dense(12, 10, rng=1))
    >>> picture = weights(nn.Model(network, loss=nn.SoftmaxCrossEntropy()))
    >>> len(picture.axes)
    12
    """
    asker = "weights"
    destination = checked_destination(asker, path)
    found = {
        place: each
        for place, each in checked_model(asker, model).network.named_modules()
        if isinstance(each, (Dense, Conv2D))
    }
    place = next(iter(found), "") if layer is None else layer
    if place not in found:
        raise ValueError(f"{asker}: there is no Dense or Conv2D {place!r}. Choose one of {', '.join(found) or 'none'}.")
    module = found[place]
    values = np.moveaxis(checked_outputs(asker, module.weight.numpy()), -1, 0)
    if isinstance(module, Dense):
        side = round(module.inputs**0.5)
        shape = image_shape or (side, side)
        if np.prod(shape) != module.inputs or len(shape) not in (2, 3):
            raise ValueError(f"{asker}: {module.inputs} inputs are no image of shape {shape}. Pass image_shape=.")
        values = values.reshape(-1, *shape)
    has_colours = values.ndim == 4 and values.shape[-1] == 3
    if values.ndim == 4 and not has_colours:
        values = values.mean(axis=-1)
    title = f"Weights of {place} {type(module).__name__}".replace("  ", " ")
    return saved(image_grid(values[:100], signs=not has_colours, title=title), destination)


@with_hints(PLOT)
def feature_maps(model: Model, x: ArrayLike, *, path: str | Path | None = None) -> Picture:
    """Plot what each layer computes for one sample: a row of images for each layer with channels, or a strip.

    Args:
        model: the model.
        x: one sample, without the batch axis. At most 16 channels of each layer are shown.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Raises:
        TypeError: `model` is not an `nn.Model`.
        ValueError: x does not fit the network, or an output is not finite, or the suffix is unknown.

    >>> import numpy as np, nn
    >>> network = nn.Sequential(nn.Conv2D(1, 4, 3, rng=0), nn.ReLU(), nn.Flatten(), nn.Dense(144, 10, rng=1))
    >>> picture = feature_maps(nn.Model(network, loss=nn.SoftmaxCrossEntropy()), np.ones((8, 8, 1)))
    >>> len(picture.axes)  # the input, 4 channels twice, and a strip
    10
    """
    asker = "feature_maps"
    destination = checked_destination(asker, path)
    network = checked_model(asker, model).network
    sample = np.asarray(x, next(iter(network.parameters())).dtype)
    with in_mode(network, training=False), tg.no_grad(), watched(network) as results:
        network(Tensor(sample[None]))
    rows: list[tuple[str, list[NDArray[Any]]]] = []
    if sample.ndim in (2, 3):
        rows.append(("input", [sample]))
    for name, module, result in results:
        values = checked_outputs(asker, result.data[0])
        if values.ndim == 3:
            rows.append((name, list(np.moveaxis(values, -1, 0)[:MOST_CHANNELS])))
        elif values.ndim == 1 and values.size <= MOST_VALUES and not isinstance(module, Flatten):
            rows.append((name, [values[None]]))
    across = max((len(images) for _, images in rows), default=1)
    heights = [1.0 if images[0].shape[0] > 1 else 0.45 for _, images in rows]
    picture = blank(max(1.0 * across + 1.2, 5.0), 1.1 * sum(heights) + 0.5)
    headline(picture, "What each layer computes for one sample")
    grid = picture.add_gridspec(len(rows), across, height_ratios=heights)
    for row, (name, images) in enumerate(rows):
        is_strip = images[0].shape[0] == 1
        largest = max(float(np.abs(image).max()) for image in images)
        for column, image in enumerate(images):
            axes = picture.add_subplot(grid[row, :] if is_strip else grid[row, column])
            if name == "input":
                draw_image(axes, image)
            else:
                signed(axes, image, largest=largest, aspect="auto" if is_strip else "equal")
                finish(axes, grid=False)
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set(visible=True, color=GRID)
            if column == 0:
                axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9, parse_math=False)
    return saved(picture, destination)


@with_hints(PLOT)
def saliency(
    model: Model, X: ArrayLike, *, classes: ArrayLike | None = None, path: str | Path | None = None
) -> Picture:
    """Plot images, and below each how strongly its pixels affect the score of a class.

    The lower images show |∂score/∂pixel|, the largest over the channels: dark pixels matter most.

    Args:
        model: a classifier of images, with a score for each class.
        X: images `(images, height, width)` or `(images, height, width, channels)`, at most 10; or rows, if they are
            squares.
        classes: the class for each image; default: the one with the largest score.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Raises:
        TypeError: `model` is not an `nn.Model`.
        ValueError: the samples are not images or more than 10, or the suffix is unknown.

    References:
        Simonyan, Vedaldi, Zisserman, *Deep Inside Convolutional Networks*, 2013.

    >>> import numpy as np, nn
    >>> network = nn.Sequential(nn.Flatten(), nn.Dense(64, 10, rng=0))
    >>> picture = saliency(nn.Model(network, loss=nn.SoftmaxCrossEntropy()), np.ones((3, 8, 8)))
    >>> len(picture.axes)
    6
    """
    asker = "saliency"
    destination = checked_destination(asker, path)
    network = checked_model(asker, model).network
    samples = np.asarray(X, next(iter(network.parameters())).dtype)
    side = round(samples[0].size ** 0.5)
    is_row = samples.ndim == 2 and side**2 == samples.shape[1]
    if not 1 <= len(samples) <= 10 or (samples.ndim not in (3, 4) and not is_row):
        raise ValueError(f"{asker}: expected 1 to 10 images, got shape {samples.shape}.")
    x = Tensor(samples, requires_grad=True)
    with in_mode(network, training=False), tg.enable_grad():
        scores = network(x)
        chosen = scores.data.argmax(axis=-1) if classes is None else np.asarray(classes)
        total = scores[np.arange(len(samples)), chosen].sum()
    (gradient,) = tg.gradient(total, [x])
    sizes = np.abs(checked_outputs(asker, gradient))
    if is_row:
        samples, sizes = samples.reshape(-1, side, side), sizes.reshape(-1, side, side)
    sizes = sizes.max(axis=-1) if sizes.ndim == 4 else sizes
    picture = blank(max(1.4 * len(samples), 3.6), 3.4)
    headline(picture, "Saliency: pixels that affect the score")
    panels = picture.subplots(2, len(samples), squeeze=False)
    for above, below, image, size, label in zip(*panels, samples, sizes, chosen):
        draw_image(above, image)
        above.set_title(f"class {label}", fontsize=9, color=INK)
        below.imshow(size, cmap="Greys", interpolation="nearest")
        below.set(xticks=[], yticks=[])
        below.spines[:].set_color(GRID)
    return saved(picture, destination)


@with_hints(PLOT)
def receptive_field(
    network: Module,
    input_shape: tuple[int, int, int],
    *,
    position: tuple[int, int] | None = None,
    path: str | Path | None = None,
) -> Picture:
    """Plot which pixels one position of the output depends on, and how strongly.

    The map shows the mean of |∂output/∂pixel| over some random images, for the sum of the output's channels. A frame
    encloses all pixels that the output depends on.

    Args:
        network: a module that returns `(batch, height, width, channels)`.
        input_shape: `(height, width, channels)`.
        position: the row and column of the output; default: the middle.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Raises:
        ValueError: the output has another number of axes, the position is outside of it, it does not depend on the
            input, or the suffix is unknown.

    >>> import nn
    >>> network = nn.Sequential(nn.Conv2D(1, 4, 3, rng=0), nn.Conv2D(4, 4, 3, rng=1))
    >>> receptive_field(network, (16, 16, 1)).axes[0].get_title(loc="left")
    'Receptive field of output (6, 6): 5 × 5 pixels'
    """
    asker = "receptive_field"
    destination = checked_destination(asker, path)
    rng = np.random.default_rng(0)
    x = Tensor(rng.standard_normal((16, *input_shape)).astype(np.float32), requires_grad=True)
    with in_mode(network, training=False), tg.enable_grad():
        output = network(x)
        if output.ndim != 4:
            raise ValueError(f"{asker}: expected an output (batch, height, width, channels), got {output.shape}.")
        row, column = position or (output.shape[1] // 2, output.shape[2] // 2)
        if not (0 <= row < output.shape[1] and 0 <= column < output.shape[2]):
            raise ValueError(f"{asker}: the output has {output.shape[1:3]} positions, got position {position}.")
        total = output[:, row, column].sum()
    (gradient,) = tg.gradient(total, [x])
    sizes = np.abs(np.asarray(gradient, float)).mean(axis=(0, -1))
    rows, columns = np.nonzero(sizes.any(axis=1))[0], np.nonzero(sizes.any(axis=0))[0]
    if not rows.size:
        raise ValueError(f"{asker}: output {(row, column)} does not depend on the input.")
    picture = blank(4.6, 4.4)
    axes = picture.subplots()
    image = axes.imshow(sizes, cmap="Greys", interpolation="nearest")
    left, top, right, bottom = columns[0] - 0.5, rows[0] - 0.5, columns[-1] + 0.5, rows[-1] + 0.5
    axes.plot([left, right, right, left, left], [top, top, bottom, bottom, top], color="#d55e00", linewidth=2)
    colour_scale(picture, image, axes, "mean |∂output/∂pixel|", shrink=0.7)
    size = f"{rows[-1] - rows[0] + 1} × {columns[-1] - columns[0] + 1}"
    finish(axes, f"Receptive field of output {(int(row), int(column))}: {size} pixels", "column", "row", grid=False)
    return saved(picture, destination)
