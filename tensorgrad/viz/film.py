"""The steps of a walkthrough as GIF or MP4: the drawing fills with numbers, and each step is explained below."""

from __future__ import annotations

import io
import shutil
import subprocess
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tensorgrad.viz.layout import Direction
from tensorgrad.viz.layout.cards import Text, cards
from tensorgrad.viz.layout.placement import Picture, Placed, picture
from tensorgrad.viz.layout.theme import THEMES
from tensorgrad.viz.lesson.backward_steps import backward_steps
from tensorgrad.viz.lesson.diagram import with_symbols
from tensorgrad.viz.lesson.forward_steps import forward_steps
from tensorgrad.viz.lesson.steps import Step
from tensorgrad.viz.outputs import raster
from tensorgrad.viz.recording import Reading, Recording, labels

MOST_STEPS = 200
SMALLEST, WIDEST = 720, 1600
"""Width of the images, in pixels. Small pictures have free space at the right, and large ones are scaled down."""

CAPTION = 96.0
"""Height of the explanation below the drawing, in pixels."""

LETTER = 7.3
"""Width of a letter of the explanation, in pixels."""

PAUSE = 4
"""How many times as long the last step of a GIF stays."""

Known = Mapping[tuple[int, str], Reading]
"""The value and the gradient of each box that have been computed so far, by box and "value" or "gradient"."""


def save(recording: Recording, direction: Direction, path: Path, seconds: float) -> None:
    """Write the steps to a `.gif` or `.mp4` file.

    Raises:
        ValueError: there are more than 200 steps, or `seconds` is not positive.
        RuntimeError: ffmpeg is not installed, or fails.
    """
    if not seconds > 0:
        raise ValueError(f"save: seconds must be positive, got {seconds!r}.")
    steps = [*forward_steps(recording), *backward_steps(recording, 0)]
    if len(steps) > MOST_STEPS:
        raise ValueError(f"save: an animation has at most {MOST_STEPS} steps, but this one {len(steps)}. Use .html.")
    if path.suffix.lower() == ".gif":
        path.write_bytes(_gif(list(_frames(recording, direction, steps)), seconds))
        return
    program = shutil.which("ffmpeg")
    if program is None:
        raise RuntimeError("save: .mp4 requires ffmpeg, which is not installed. Save as .gif or .html instead.")
    _write_mp4(program, list(_frames(recording, direction, steps)), seconds, path)


def states(steps: list[Step]) -> Iterator[tuple[Step, Known]]:
    """Yield each step, with everything that is known after it."""
    known: dict[tuple[int, str], Reading] = {}
    for step in steps:
        known |= {(change.box, change.what): change.reading for change in step.changes}
        yield step, dict(known)


def _frames(recording: Recording, direction: Direction, steps: list[Step]) -> Iterator[bytes]:
    """Yield a PNG image for each step."""
    named = with_symbols(recording)
    ends = recording.passes[0].gradients
    complete = replace(named, boxes=tuple(replace(box, gradient=ends[box.id], check=None) for box in named.boxes))
    whole = picture(complete, direction, cards(complete))
    taller = replace(whole, width=max(whole.width, SMALLEST), height=whole.height + CAPTION * _scale(whole.width))
    for number, (step, known) in enumerate(states(steps), start=1):
        placed = tuple(_as_known(recording, box, known) for box in whole.boxes)
        yield _frame(replace(taller, boxes=placed), step, f"{number}/{len(steps)}")


def _as_known(recording: Recording, placed: Placed, known: Known) -> Placed:
    """Return a card with the numbers that are known."""
    box = recording.boxes[placed.id]
    if labels.is_number(box):
        return placed
    lines = {
        what: labels.lines(known[placed.id, what], box) for what in ("value", "gradient") if (placed.id, what) in known
    }
    texts: list[Text] = []
    for text in placed.card.texts:
        if text.role not in ("value", "gradient"):
            texts.append(text)
            continue
        row = sum(other.role == text.role for other in texts)
        found = lines.get(text.role, [])
        texts.append(replace(text, text=found[row] if row < len(found) else ""))
    return replace(placed, card=replace(placed.card, texts=tuple(texts), heatmaps=()))


def _frame(shown: Picture, step: Step, place: str) -> bytes:
    """Draw one step: a thick outline around its box, a dashed one around the box that receives, and the explanation."""
    from matplotlib.patches import Rectangle

    theme = THEMES["light"]
    figure, axes = raster.drawn(shown, theme)
    marked = {step.box: (theme.outlines["output"].line, "-")}
    marked |= {change.box: (theme.gradient, "--") for change in step.changes if change.box != step.box}
    for box in shown.boxes:
        if box.id in marked:
            colour, style = marked[box.id]
            area = (box.x - 4, box.y - 4), box.card.width + 8, box.card.height + 8
            axes.add_patch(Rectangle(*area, fill=False, edgecolor=colour, linestyle=style, linewidth=2.5, zorder=5))
    scale = _scale(shown.width)
    top = shown.height - (CAPTION - 8) * scale
    most = int((shown.width / scale - 24) / LETTER)
    options: dict[str, Any] = {"va": "top", "parse_math": False, "fontsize": 9 * scale}
    line = textwrap.shorten(step.line, most, placeholder=" …") if step.line else ""
    axes.text(12, top, f"{place}   {line}", color=theme.title, fontweight="bold", **options)
    words = "\n".join(textwrap.wrap(step.words, most)[:3])
    axes.text(12, top + 22 * scale, words, color=theme.text, **options)
    buffer = io.BytesIO()
    raster.write(figure, buffer, "png", raster.PIXELS_PER_INCH / scale)
    return buffer.getvalue()


def _scale(width: float) -> float:
    """Return by how much a picture of this width is scaled down."""
    return max(1.0, width / WIDEST)


def _gif(frames: list[bytes], seconds: float) -> bytes:
    from PIL import Image  # matplotlib requires Pillow

    images = [Image.open(io.BytesIO(frame)).convert("RGB").quantize(255) for frame in frames]
    durations = [round(1000 * seconds)] * len(images)
    durations[-1] *= PAUSE
    buffer = io.BytesIO()
    images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0)
    return buffer.getvalue()


def _write_mp4(program: str, frames: list[bytes], seconds: float, path: Path) -> None:
    command = [program, "-loglevel", "error", "-y", "-f", "image2pipe", "-framerate", f"{1 / seconds:g}", "-c:v", "png"]
    command += ["-i", "-", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white", "-r", "30", "-pix_fmt", "yuv420p"]
    done = subprocess.run([*command, str(path.absolute())], input=b"".join(frames), capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"save: ffmpeg failed: {done.stderr.decode(errors='replace').strip()}")
