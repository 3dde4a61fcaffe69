"""Style of the figures: palette, axes and saving."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from nn._files import expanded
from tensorgrad.viz.fonts import fallbacks, quiet_about_missing_glyphs

COLOURS = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#f0e442", "#332288", "#999933", "#882255",
)  # fmt: skip
"""Seven colours of Okabe and Ito's colour-blind safe palette, then three of Paul Tol's."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
"""Points of different colours also have different shapes; lines have different dashes."""

DASHES = ("-", "--", "-.", ":")

TRAINING, VALIDATION = COLOURS[0], COLOURS[3]
INK, QUIET, GRID = "#222222", "#666666", "#dddddd"
SUFFIXES = (".svg", ".png", ".pdf")
DOTS_PER_INCH = 150

AnyFigure = TypeVar("AnyFigure", bound=Figure)


class Picture(Figure):
    """Matplotlib figure that requires neither a display nor pyplot, and that notebooks display.

    Characters that Matplotlib's font lacks, such as Chinese, are drawn in a system font that has them, if there is one.
    """

    def draw(self, renderer: RendererBase) -> None:
        """Draw the figure."""
        for text in self.findobj(Text):
            fonts = text.get_fontfamily()
            more = [name for name in fallbacks(text.get_text()) if name not in fonts]
            if more:
                text.set_fontfamily([*fonts, *more])
        with quiet_about_missing_glyphs():
            super().draw(renderer)

    def save(self, path: str | Path) -> None:
        """Write the figure to a file.

        Args:
            path: file name that ends in .png, .svg or .pdf.

        Raises:
            ValueError: the suffix is unknown.
            FileNotFoundError: the directory does not exist.
        """
        saved(self, checked_path("save", path, SUFFIXES))

    def _repr_png_(self) -> bytes:
        return png(self)


def blank(width: float, height: float) -> Picture:
    """Return an empty white figure of this size in inches. Axes of a fixed aspect are moved together (`compress`)."""
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, wspace=0.03, hspace=0.03, compress=True)
    return Picture(figsize=(width, height), facecolor="white", layout=layout)


def finish(axes: Axes, title: str = "", x: str = "", y: str = "", *, grid: bool = True) -> None:
    """Set title, labels and the common style of axes, independently of matplotlib's settings."""
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK, parse_math=False)
    axes.set_xlabel(x, fontsize=10, color=INK)
    axes.set_ylabel(y, fontsize=10, color=INK)
    axes.set_facecolor("white")
    axes.tick_params(which="both", color=QUIET, labelcolor=INK, labelsize=9)
    axes.spines[:].set_color(QUIET)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(False)
    if grid:
        axes.grid(color=GRID, linewidth=0.7)


def surface_axes(picture: Figure, title: str, x: str, y: str, z: str) -> Any:
    """Add three-dimensional axes with title, labels and the common style."""
    with mpl.rc_context({"grid.color": GRID}):
        axes: Any = picture.add_subplot(projection="3d")
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK, parse_math=False)
    axes.set_facecolor("white")
    for axis, label in zip((axes.xaxis, axes.yaxis, axes.zaxis), (x, y, z)):
        axis.set_label_text(label, fontsize=10, color=INK)
        axis.set_major_locator(MaxNLocator(5))
        axis.set_tick_params(color=QUIET, labelcolor=INK, labelsize=9)
        axis.set_pane_color("#f5f5f5")
        axis.line.set_color(QUIET)
    return axes


def colour_scale(
    picture: Figure, image: ScalarMappable, axes: Axes | Sequence[Axes], label: str = "", **options: Any
) -> None:
    """Add a colour bar in the common style.

    Args:
        picture: the figure.
        image: the image, surface or collection that has the colours.
        axes: the axes beside which the colour bar is placed.
        label: the name of the values.
        options: passed to `Figure.colorbar`.
    """
    bar = picture.colorbar(image, ax=axes, **options)
    bar.set_label(label, color=INK)
    bar.outline.set_edgecolor(QUIET)
    bar.ax.tick_params(which="both", color=QUIET, labelcolor=INK, labelsize=9)


def headline(picture: Picture, text: str) -> None:
    """Set a title above all panels."""
    picture.suptitle(text, x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)


def legend_below(picture: Picture, axes: Axes, size_of_markers: float = 1.0) -> None:
    """Add a legend of some axes below all panels."""
    handles, labels = axes.get_legend_handles_labels()
    legend = picture.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=10,
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        markerscale=size_of_markers,
    )
    _show_as_written(legend)


def legend_beside(axes: Axes) -> None:
    """Add a legend to the right of the axes."""
    legend = axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9, labelcolor=INK)
    _show_as_written(legend)


def checked_destination(asker: str, path: str | Path | None) -> Path | None:
    """Return the path to save a figure to, if any; see `checked_path`."""
    return None if path is None else checked_path(asker, path, SUFFIXES)


def checked_path(asker: str, path: str | Path, suffixes: Sequence[str]) -> Path:
    """Return the path of a file to write. It is checked before anything is drawn.

    Raises:
        ValueError: the suffix is not one of `suffixes`.
        FileNotFoundError: the folder does not exist.
    """
    path = expanded(path, asker)
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"{asker}: cannot save as {str(path)!r}. Use one of {', '.join(suffixes)}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{asker}: there is no folder {str(path.parent)!r}. Make it first.")
    return path


def saved(picture: AnyFigure, path: Path | None) -> AnyFigure:
    """Save the figure to `path`, if there is one, and return it. The same figure produces the same bytes."""
    if path is not None:
        _write(picture, path, path.suffix.lower().lstrip("."))
    return picture


def png(picture: Figure, dots_per_inch: int = DOTS_PER_INCH) -> bytes:
    """Return the figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    _write(picture, buffer, "png", dots_per_inch)
    return buffer.getvalue()


def _show_as_written(legend: Legend) -> None:
    for text in legend.get_texts():
        text.set_parse_math(False)  # a name may contain dollar signs


def _write(picture: Figure, target: Path | IO[bytes], kind: str, dots_per_inch: int = DOTS_PER_INCH) -> None:
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with mpl.rc_context({"svg.hashsalt": "nn.plots"}), quiet_about_missing_glyphs():
        picture.savefig(target, format=kind, dpi=dots_per_inch, facecolor=picture.get_facecolor(), metadata=undated)
