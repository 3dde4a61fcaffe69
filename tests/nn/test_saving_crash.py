"""Killed at any moment: the file is whole, and training that is resumed ends as if it had not been killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nn
from nn.saving import format as file_format
from nn.saving.format import replace_file

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL and fork")

KILLED_SAVES = '''
import os, signal, sys
from pathlib import Path
import numpy as np
import nn

path = Path(sys.argv[1], "model.safetensors")

def model_of(value):
    network = nn.Sequential(nn.Dense(64, 64, weight_init=nn.init.constant(value)), nn.Dropout(0.5, rng=1))
    return nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.Adam(network.parameters()), rng=0)

def save(model, killed_at=None):
    """Save, and be killed before the line of this number that runs; return how many lines ran."""
    lines = 0

    def trace(frame, event, argument):
        nonlocal lines
        lines += event == "line"
        if lines == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    try:
        model.save(path)
    finally:
        sys.settrace(None)
    return lines

models = [model_of(0.0), model_of(1.0)]
models[0].save(path)  # what is imported at the first save runs no lines at the next
lines = save(models[0])
value = 0
seen, broken_off = set(), 0
for kill in range(1, 101):
    child = os.fork()
    if child == 0:
        save(models[1 - value], killed_at=round(lines * kill / 100))
        os._exit(0)
    os.waitpid(child, 0)
    weights = nn.Model.load(path).network.state_dict()["0.weight"]
    assert np.all(weights == weights[0, 0]), "half old, half new"
    value = int(weights[0, 0])
    seen.add(value)
    for left in path.parent.glob(".*.tmp"):
        left.unlink()
        broken_off += 1
print(sorted(seen), broken_off)
'''


@pytest.mark.slow
def test_save_killed_a_hundred_times_leaves_a_valid_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_SAVES, str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    seen, broken_off = done.stdout.rsplit(" ", 1)
    assert seen == "[0, 1]"  # both the old and the new file were found,
    assert int(broken_off) > 0  # and saves were killed half-way


TRAINING = """
import sys
from pathlib import Path
import numpy as np
import nn

path, log, epochs, pause = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
X, y = nn.datasets.spiral(40, 3, rng=0)

def make_model():
    rng = np.random.default_rng(5)
    network = nn.Sequential(
        nn.Dense(2, 32, rng=0, weight_l2=1e-4), nn.ReLU(), nn.Dropout(0.1, rng=rng), nn.Dense(32, 3, rng=1)
    )
    schedule = nn.WarmUp(10, nn.CosineDecay(0.05, steps=120))
    optimizer = nn.Adam(network.parameters(), schedule, decay=1e-3)
    return nn.Model(
        network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, metrics=[nn.CategoricalAccuracy()], rng=rng
    )

class Slow(nn.Callback):
    def on_step_end(self, step, logs):
        import time
        print(self.model.optimizer.iterations, flush=True)
        time.sleep(pause)

model = nn.Model.load(path) if path.exists() else make_model()
callbacks = [nn.ClipGradients(norm=1.0), nn.CSVLog(log), nn.ModelCheckpoint(path, monitor="val_loss"), Slow()]
model.fit(
    X[::2], y[::2], epochs=epochs, batch_size=16, validation_data=(X[1::2], y[1::2]), resume=True,
    callbacks=callbacks, verbose=0,
)
"""


def train(path: Path, *, epochs: int, kill_after: int | None = None) -> None:
    """Train in a separate process, and kill it after this many steps."""
    pause = "0" if kill_after is None else "0.01"
    arguments = [str(path), str(path.with_suffix(".csv")), str(epochs), pause]
    process = subprocess.Popen([sys.executable, "-c", TRAINING, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout as lines:
        for line in lines:
            if kill_after is not None and int(line) >= kill_after:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == (0 if kill_after is None else -signal.SIGKILL)


@pytest.mark.slow
def test_checkpoint_resumes_a_killed_training_bit_for_bit(tmp_path: Path) -> None:
    """4 steps an epoch, 10 epochs; killed in the middle of epochs 4 and 7, so after 3 and 6 whole ones."""
    train(tmp_path / "whole", epochs=10)
    train(tmp_path / "killed", epochs=10, kill_after=14)
    assert 3 <= len(nn.Model.load(tmp_path / "killed").history.epochs) < 10
    train(tmp_path / "killed", epochs=10, kill_after=26)
    train(tmp_path / "killed", epochs=10)
    for suffix in ("", ".best"):
        whole, killed = (file_format.read(tmp_path / f"{name}{suffix}") for name in ("whole", "killed"))
        assert whole[1] == killed[1]  # settings, step count, generators, and the checksum of everything
        assert whole[0].keys() == killed[0].keys()
        for name in whole[0]:
            assert whole[0][name].tobytes() == killed[0][name].tobytes(), name
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "killed.csv").read_bytes()
    assert len((tmp_path / "whole.csv").read_text().splitlines()) == 11
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "killed").read_bytes()


def test_save_that_fails_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, [b"old"], check=lambda written: None)

    def refuse(written: Path) -> None:
        assert written.read_bytes() == b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_file(path, [b"new"], check=refuse)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_save_keeps_the_old_file_if_the_new_one_cannot_be_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that loses the last byte."""
    path = tmp_path / "file"
    file_format.write(path, {"a": np.ones(3)}, {"content": "old"})
    monkeypatch.setattr(os, "fsync", lambda number: os.truncate(number, max(os.fstat(number).st_size - 1, 0)))
    with pytest.raises(nn.SaveError, match=r"cannot be read back: .*damaged or incomplete"):
        file_format.write(path, {"a": np.ones(3)}, {"content": "new"})
    monkeypatch.undo()
    assert file_format.read(path)[1]["content"] == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_save_syncs_the_file_before_renaming_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    real = os.replace
    monkeypatch.setattr(os, "fsync", lambda number: events.append("folder" if is_folder(number) else "file"))
    monkeypatch.setattr(os, "replace", lambda old, new: (events.append("replace"), real(old, new)))
    replace_file(tmp_path / "file", [b"new"], check=lambda written: events.append("check"))
    assert events == ["file", "check", "replace", "folder"]


def is_folder(descriptor: int) -> bool:
    return os.path.isdir(f"/proc/self/fd/{descriptor}")
