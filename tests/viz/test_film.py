"""Walkthroughs as animations: every step is a frame, and shows what is known by then."""

import io
from itertools import pairwise

import pytest
from PIL import Image

import tensorgrad as tg
from tensorgrad.viz import film
from tensorgrad.viz.lesson.backward_steps import backward_steps
from tensorgrad.viz.lesson.forward_steps import forward_steps
from tensorgrad.viz.walkthrough import walkthrough
from tests.viz import lessons


def test_film_fills_with_values_and_then_with_gradients():
    loss, keep = lessons.expression()
    recording = walkthrough(loss).recording
    steps = [*forward_steps(recording), *backward_steps(recording, 0)]
    states = list(film.states(steps))
    assert [what for _, known in states[: len(forward_steps(recording))] for _, what in known if what != "value"] == []
    assert all(len(now) >= len(before) for (_, before), (_, now) in pairwise(states))
    _, end = states[-1]
    for box in recording.boxes:
        if box.kind == "leaf":
            assert end[box.id, "gradient"] == recording.passes[0].gradients[box.id]
    del keep


@pytest.mark.slow
def test_film_gif_has_a_frame_for_each_step(tmp_path):
    a, b = (tg.tensor(number, requires_grad=True) for number in (2.0, 3.0))
    page = walkthrough(a * b)
    page.save(tmp_path / "steps.gif", seconds=0.5)
    count = len(forward_steps(page.recording)) + len(backward_steps(page.recording, 0))
    frames = set()
    with Image.open(tmp_path / "steps.gif") as images:
        assert (images.n_frames, images.info["duration"]) == (count, 500)
        for number in range(count):
            images.seek(number)
            buffer = io.BytesIO()
            images.convert("RGB").save(buffer, "PNG")
            frames.add(buffer.getvalue())
    assert len(frames) == count


def test_film_reports_what_does_not_fit(tmp_path, monkeypatch):
    loss, keep = lessons.expression()
    page = walkthrough(loss)
    with pytest.raises(ValueError, match=r"Save a walkthrough as \.html, \.gif, \.mp4"):
        page.save(tmp_path / "steps.avi")
    with pytest.raises(ValueError, match="seconds must be positive"):
        page.save(tmp_path / "steps.gif", seconds=0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"\.mp4 requires ffmpeg"):
        page.save(tmp_path / "steps.mp4")
    monkeypatch.setattr(film, "MOST_STEPS", 5)
    with pytest.raises(ValueError, match=r"at most 5 steps, but this one \d+"):
        page.save(tmp_path / "steps.gif")
    del keep
