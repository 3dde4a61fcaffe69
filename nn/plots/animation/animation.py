"""The class `Animation`, and its files."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
from collections.abc import Collection, Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from nn._validation import finite_number
from nn.plots.style import checked_path, png

FILMS = (".gif", ".mp4", ".html")
DOTS_PER_INCH = 100
PAUSE = 5
"""How many times as long the last frame of a GIF stays."""


class Animation:
    """Figures that are shown one after the other. Notebooks display a player.

    Args:
        figures: matplotlib figures of the same size, in order. They are drawn at once, so a generator that changes one
            figure may be passed.
        captions: a text for each frame, for the slider and for screen readers; default: `frame 1`, `frame 2`, …
        seconds: the duration of a frame.
        title: the title of the page.

    Raises:
        TypeError: an item is not a figure.
        ValueError: there are no figures, the number of captions differs, or `seconds` is not positive.

    Attributes:
        frames: the frames as PNG images.

    >>> from matplotlib.figure import Figure
    >>> def growing():
    ...     figure = Figure(figsize=(2, 1))
    ...     axes = figure.subplots()
    ...     for height in range(3):
    ...         axes.bar([0], [height])
    ...         yield figure
    >>> animation = Animation(growing())
    >>> animation
    <Animation: 3 frames>
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     animation.save(pathlib.Path(folder) / "bars.gif")
    """

    def __init__(
        self,
        figures: Iterable[Figure | bytes],
        *,
        captions: Sequence[str] | None = None,
        seconds: float = 0.3,
        title: str = "Animation",
    ) -> None:
        seconds = finite_number("Animation: seconds", seconds)
        if not seconds > 0:
            raise ValueError(f"Animation: seconds must be positive, got {seconds!r}.")
        if isinstance(figures, (Figure, bytes)) or not isinstance(figures, Iterable):
            raise TypeError(f"Animation: expected figures, got {type(figures).__name__}.")
        if isinstance(captions, str) or not (captions is None or isinstance(captions, Sequence)):
            raise TypeError(f"Animation: captions must be a list of strings, got {captions!r}.")
        self.frames = [self._drawn(each) for each in figures]
        if not self.frames:
            raise ValueError("Animation: expected at least one figure.")
        if captions is not None and len(captions) != len(self.frames):
            raise ValueError(f"Animation: there are {len(self.frames)} figures, but {len(captions)} captions.")
        self.captions = [f"frame {n}" for n in range(1, len(self.frames) + 1)] if captions is None else list(captions)
        self.seconds = seconds
        self.title = title

    @staticmethod
    def _drawn(figure: Any) -> bytes:
        if isinstance(figure, bytes):
            return figure
        if not isinstance(figure, Figure):
            raise TypeError(f"Animation: expected matplotlib figures or PNG images, got {type(figure).__name__}.")
        return png(figure, DOTS_PER_INCH)

    def save(self, path: str | Path) -> None:
        """Write the animation to a file.

        Args:
            path: file name that ends in .gif, .mp4 (requires ffmpeg) or .html (a page with a slider that loads nothing
                else).

        Raises:
            ValueError: the suffix is unknown, or the figures differ in size.
            FileNotFoundError: the directory does not exist.
            RuntimeError: ffmpeg is not installed, or fails.
        """
        path = checked_film("Animation", path)
        if path.suffix.lower() == ".html":
            path.write_text(self.html, encoding="utf-8", newline="\n")
        elif path.suffix.lower() == ".gif":
            path.write_bytes(self._gif())
        else:
            self._write_mp4(path)

    @property
    def html(self) -> str:
        """Return a page with a player, as a single file that loads no other resources."""
        frames = [base64.b64encode(frame).decode() for frame in self.frames]
        data = json.dumps({"frames": frames, "captions": self.captions, "seconds": self.seconds})
        template = files("nn.plots.animation").joinpath("page.html").read_text(encoding="utf-8")
        before, *rest = template.split("{{")
        parts = {"title": escape(self.title), "data": data.replace("<", "\\u003c")}
        return before + "".join(parts[name] + after for name, after in (piece.split("}}", 1) for piece in rest))

    def _gif(self) -> bytes:
        from PIL import Image  # matplotlib requires Pillow

        images = [Image.open(io.BytesIO(frame)).convert("RGB") for frame in self.frames]
        self._check_sizes([image.size for image in images])
        colours = [image.quantize(255, dither=Image.Dither.NONE) for image in images]
        durations = [round(1000 * self.seconds)] * len(images)
        durations[-1] *= PAUSE
        buffer = io.BytesIO()
        colours[0].save(buffer, "GIF", save_all=True, append_images=colours[1:], duration=durations, loop=0)
        return buffer.getvalue()

    def _write_mp4(self, path: Path) -> None:
        program = shutil.which("ffmpeg")
        if program is None:
            raise RuntimeError(
                "Animation: .mp4 requires ffmpeg, which is not installed. Save as .gif or .html instead."
            )
        even = "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white"
        command = [program, "-loglevel", "error", "-y", "-f", "image2pipe", "-framerate", f"{1 / self.seconds:g}"]
        command += ["-c:v", "png", "-i", "-", "-vf", even, "-r", "30", "-pix_fmt", "yuv420p", str(path.absolute())]
        done = subprocess.run(command, input=b"".join(self.frames), capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"Animation: ffmpeg failed: {done.stderr.decode(errors='replace').strip()}")

    def _check_sizes(self, sizes: Sequence[tuple[int, int]]) -> None:
        if len(set(sizes)) > 1:
            raise ValueError(f"Animation: figures must have the same size, got {sizes[0]} and {max(set(sizes[1:]))}.")

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        frame = (
            f'<iframe srcdoc="{escape(self.html)}" title="{escape(self.title)}" '
            'style="width:100%;height:600px;border:0" loading="lazy"></iframe>'
        )
        return {"text/html": frame, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"<Animation: {len(self.frames)} frame{'s' if len(self.frames) > 1 else ''}>"


def checked_film(asker: str, path: str | Path) -> Path:
    """Return the path of an animation's file; see `checked_path`."""
    return checked_path(asker, path, FILMS)
