"""Animations: every file has the frames, in order, and pages are safe."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import nn
from nn.plots import Animation, BoundaryStrip, LivePlot, Playground
from tests.nn.test_plots import fit_with

X, y = nn.datasets.spiral(30, 3, rng=0)
COLOURS = ["#ff0000", "#00ff00", "#0000ff"]


def figures() -> Iterator[Figure]:
    figure = Figure(figsize=(0.51, 0.33))  # an odd number of pixels
    for colour in COLOURS:
        figure.clear()
        figure.add_axes((0, 0, 1, 1)).set_facecolor(colour)
        yield figure


def middles(path: Path) -> list[list[int]]:
    """Return the colour in the middle of each frame."""
    with Image.open(path) as film:
        found = []
        for frame in range(film.n_frames):  # type: ignore[attr-defined]
            film.seek(frame)
            pixels = np.asarray(film.convert("RGB"))
            found.append(pixels[pixels.shape[0] // 2, pixels.shape[1] // 2].tolist())
        return found


def test_animation_gif_has_the_frames(tmp_path: Path) -> None:
    Animation(figures(), seconds=0.2).save(tmp_path / "film.gif")
    assert middles(tmp_path / "film.gif") == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    with Image.open(tmp_path / "film.gif") as film:
        assert (film.info["duration"], film.info["loop"]) == (200, 0)


@pytest.mark.slow
def test_animation_mp4_has_the_duration_of_its_frames(tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None:
        pytest.skip("ffmpeg is not installed")
    Animation(figures(), seconds=0.5).save(tmp_path / "film.mp4")
    asked = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=width,height,duration"]
    done = subprocess.run([*asked, "-of", "json", str(tmp_path / "film.mp4")], capture_output=True, check=True)
    (stream,) = json.loads(done.stdout)["streams"]
    assert (stream["width"], stream["height"]) == (52, 34)
    assert float(stream["duration"]) == pytest.approx(1.5, abs=0.1)


def test_animation_without_ffmpeg_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"ffmpeg, which is not installed. Save as \.gif"):
        Animation(figures()).save(tmp_path / "film.mp4")


def test_animation_page_has_the_frames_and_is_safe(tmp_path: Path) -> None:
    hostile = "</script><script>window.hacked = 1</script>"
    animation = Animation(figures(), captions=["a", "b", hostile], title=hostile)
    animation.save(tmp_path / "film.html")
    page = (tmp_path / "film.html").read_text(encoding="utf-8")
    assert "<script>window" not in page
    data = json.loads(re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)[0])
    assert [base64.b64decode(frame) for frame in data["frames"]] == animation.frames
    assert data["captions"] == ["a", "b", hostile]


def test_animation_says_what_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected at least one figure"):
        Animation([])
    with pytest.raises(ValueError, match="3 figures, but 1 captions"):
        Animation(figures(), captions=["a"])
    with pytest.raises(ValueError, match="seconds must be positive"):
        Animation(figures(), seconds=0)
    with pytest.raises(ValueError, match=r"Use one of \.gif, \.mp4, \.html"):
        Animation(figures()).save(tmp_path / "film.avi")
    sizes = [Figure(figsize=(1, 1)), Figure(figsize=(2, 1))]
    with pytest.raises(ValueError, match="must have the same size"):
        Animation(sizes).save(tmp_path / "film.gif")


@pytest.mark.slow
def test_callbacks_save_animations(tmp_path: Path) -> None:
    strip, recorder = BoundaryStrip(X, y, epochs=[0, 2, 4], resolution=20), Playground(X, y)
    live = LivePlot(path=tmp_path / "live.gif", every=2)
    with pytest.raises(ValueError, match="nothing was seen yet"):
        strip.save(tmp_path / "strip.gif")
    fit_with(strip, recorder, live, epochs=5)
    strip.save(tmp_path / "strip.gif")
    recorder.save(tmp_path / "playground.gif")
    assert [len(middles(tmp_path / f"{name}.gif")) for name in ("strip", "playground", "live")] == [3, 6, 3]
    strip.save(tmp_path / "strip.html")
    assert "epoch 4: " in (tmp_path / "strip.html").read_text(encoding="utf-8")
    live.save(tmp_path / "again.gif")
    assert (tmp_path / "again.gif").read_bytes() == (tmp_path / "live.gif").read_bytes()
    live.save(tmp_path / "live.html", seconds=0.1)
    assert '"captions": ["epoch 2", "epoch 4", "epoch 5"]' in (tmp_path / "live.html").read_text(encoding="utf-8")
