"""Vectors of many features as points in the plane, by scikit-learn's PCA or t-SNE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from nn._hints import PLOT
from nn.plots.inputs import checked_outputs, percent
from nn.plots.style import COLOURS, INK, MARKERS, Picture, blank, checked_destination, finish, legend_beside, saved
from tensorgrad.arguments import with_hints

Method = Literal["pca", "tsne"]
MOST_WORDS = 120


@with_hints(PLOT)
def embedding(
    vectors: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    words: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    method: Method = "pca",
    seed: int = 0,
    path: str | Path | None = None,
) -> Picture:
    """Plot vectors as points in the plane: the weights of an `Embedding`, or the outputs of a hidden layer.

    PCA is a projection, so distances are lower bounds. t-SNE preserves neighbours, but neither distances nor sizes.
    Requires scikit-learn.

    Args:
        vectors: `(samples, features)`, at least 3 samples.
        labels: the class of each sample, shown by colour and shape.
        words: a text for each sample. At most 120 are written.
        names: the names of the classes.
        method: `"pca"` or `"tsne"`.
        seed: the random seed of t-SNE.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Raises:
        ValueError: the shape is wrong, the number of labels, words or names does not fit, numbers are not finite, or
            the method or the suffix is unknown.
        ModuleNotFoundError: scikit-learn is not installed.

    >>> import nn
    >>> X, y, _, _ = nn.datasets.digits(rng=0)
    >>> picture = embedding(X[:100], labels=y[:100])
    >>> picture.axes[0].get_title(loc="left")
    '100 vectors of 64 features by PCA'
    """
    asker = "embedding"
    destination = checked_destination(asker, path)
    if method not in get_args(Method):
        raise ValueError(f"{asker}: method must be 'pca' or 'tsne', got {method!r}.")
    points = np.asarray(vectors, float)
    if points.ndim != 2 or len(points) < 3 or points.shape[1] < 2:
        raise ValueError(f"{asker}: vectors must be (samples, features), at least (3, 2), got shape {points.shape}.")
    checked_outputs(asker, points)
    classes = np.zeros(len(points), int) if labels is None else np.unique(np.asarray(labels), return_inverse=True)[1]
    for what, given in (("labels", labels), ("words", words)):
        if given is not None and len(np.asarray(given)) != len(points):
            raise ValueError(f"{asker}: there are {len(points)} vectors, but {len(np.asarray(given))} {what}.")
    texts = [] if labels is None else [str(label) for label in np.unique(np.asarray(labels))]
    if names is not None:
        if len(names) != len(texts):
            raise ValueError(
                f"{asker}: there are {len(texts)} classes in labels=, but {len(names)} names. To put text beside each "
                "point, pass words=."
            )
        texts = list(names)

    places, across, up = _project(points, method, seed)
    picture = blank(7.0, 5.6)
    axes = picture.subplots()
    for label in range(classes.max() + 1):
        x, y = places[classes == label].T
        axes.scatter(
            x,
            y,
            s=20,
            color=COLOURS[label % len(COLOURS)],
            marker=MARKERS[(label + label // len(COLOURS)) % len(MARKERS)],
            edgecolor="white",
            linewidth=0.3,
            label=texts[label] if texts else None,
        )
    for (x, y), word in zip(places[:MOST_WORDS], words or ()):
        axes.annotate(str(word), (x, y), (3, 3), textcoords="offset points", fontsize=8, color=INK, parse_math=False)
    kind = {"pca": "PCA", "tsne": "t-SNE"}[method]
    finish(axes, f"{len(points)} vectors of {points.shape[1]} features by {kind}", across, up, grid=method == "pca")
    if method == "tsne":
        axes.set(xticks=[], yticks=[])
    if texts:
        legend_beside(axes)
    return saved(picture, destination)


def _project(points: Any, method: Method, seed: int) -> tuple[Any, str, str]:
    """Return places in the plane, and the labels of the axes."""
    if method == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(30.0, (len(points) - 1) / 3)
        places = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(points)
        return places, "", ""
    from sklearn.decomposition import PCA

    model = PCA(n_components=2, svd_solver="full").fit(points)
    across, up = (
        f"component {n}: {percent(part)} of the variance" for n, part in enumerate(model.explained_variance_ratio_)
    )
    return model.transform(points), across, up
