"""Training on several devices and in several processes: the numbers of one process, and lost processes are named."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import nn
from nn import distributed

pytest.importorskip("jax")
pytestmark = pytest.mark.slow

ROOT = Path(nn.__file__).parent.parent
SCRIPT = """
import os, signal, sys
from pathlib import Path
import numpy as np
import nn

path, epochs, devices, killed_after = Path(sys.argv[1]), *map(int, sys.argv[2:])
if not devices:
    nn.distributed.initialize()
rng = np.random.default_rng(0)
X, y = rng.normal(size=(42, 4)), rng.integers(0, 3, 42)


def make(**options):
    network = nn.Sequential(
        nn.Dense(4, 8, bias=False, dtype=np.float64, rng=0), nn.BatchNorm(8, dtype=np.float64), nn.Tanh(),
        nn.Dropout(0.2, rng=7), nn.Dense(8, 3, dtype=np.float64, rng=1),
    )
    return nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters(), 0.05, momentum=0.9),
                    metrics=[nn.CategoricalAccuracy(), nn.F1()], rng=3, **options)


class Kill(nn.Callback):
    def on_step_end(self, step, logs):
        if not nn._processes.is_writer() and len(model.history.epochs) == killed_after and step == 1:
            os.kill(os.getpid(), signal.SIGKILL)


options = {"compile": True, "devices": devices or None}
model = nn.Model.load(path, **options) if path.exists() else make(**options)
saving = nn.ModelCheckpoint(path)
model.fit(X, y, batch_size=16, epochs=epochs, validation_data=(X[:10], y[:10]), resume=True,
          callbacks=[saving, *([Kill()] if killed_after else [])])
outputs = model.predict(X)
if nn._processes.is_writer():
    np.savez(path.with_suffix(".npz"), outputs=outputs, **model.history)
"""
"""Script that trains until there are `epochs` epochs: 17 epochs are 51 steps. Batches have 16, 16 and 10 samples.

Process 1 is killed in the second step after `killed_after` epochs, if that is not 0.
"""


def started(
    folder: Path, name: str, epochs: int, *, processes: int = 1, devices: int = 1, killed_after: int = 0
) -> subprocess.CompletedProcess[str]:
    script, path = folder / "train.py", folder / f"{name}.safetensors"
    script.write_text(SCRIPT)
    launcher = ["-m", "nn.distributed", "--processes", str(processes)] if processes > 1 else []
    number = 0 if processes > 1 else devices
    return subprocess.run(
        [sys.executable, *launcher, str(script), str(path), str(epochs), str(number), str(killed_after)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def run(folder: Path, name: str, epochs: int, **options: int) -> dict[str, np.ndarray]:
    done = started(folder, name, epochs, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(f"epoch {epochs}/{epochs}") == 1, done.stdout  # one process writes output
    with np.load(folder / f"{name}.npz") as archive:
        return dict(archive)


def test_training_on_several_devices_and_in_several_processes_is_that_of_one(tmp_path: Path) -> None:
    expected = run(tmp_path, "one", 17)
    killed = started(tmp_path, "processes", 17, processes=2, killed_after=9)
    assert killed.returncode == 1
    assert "nn.distributed: process 1 was ended by SIGKILL. The job is ended." in killed.stderr
    assert not (tmp_path / "processes.npz").exists()
    found = {
        "4 devices": run(tmp_path, "devices", 17, devices=4),
        "2 processes, killed, resumed with 4": run(tmp_path, "processes", 17, processes=4),
    }
    for name, values in found.items():
        assert len(values["loss"]) == 17
        for key, numbers in expected.items():
            np.testing.assert_allclose(values[key], numbers, rtol=1e-12, atol=1e-12, err_msg=f"{name}: {key}")


AN_ERROR = """
    from nn.distributed import _end_process
    atexit.register(time.sleep, 60)  # as JAX waits for the other processes
    sys.excepthook = functools.partial(_end_process, sys.excepthook)
    raise OSError("lost")
"""


@pytest.mark.parametrize(
    ("last_words", "expected"),
    [
        (AN_ERROR, "process 1 failed with exit status 1"),
        ("sys.exit(3)", "process 1 failed with exit status 3"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "process 1 was ended by SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGSTOP)", "process 1 has been stopped for 0.5 seconds"),
    ],
)
def test_distributed_launcher_names_the_lost_process_and_ends_the_others(
    last_words: str, expected: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if "SIGSTOP" in last_words and not Path("/proc/self/stat").exists():
        pytest.skip("the states of processes are read from /proc")
    script = tmp_path / "lost.py"
    script.write_text(
        "import atexit, functools, os, signal, sys, time\n"
        f"if os.environ['{distributed.PROCESS}'] == '1': {last_words}\ntime.sleep(60)\n"
    )
    start = time.monotonic()
    assert distributed.main(["--processes", "3", "--timeout", "0.5", str(script)]) == 1
    assert time.monotonic() - start < 50  # the others were ended
    assert f"nn.distributed: {expected}. The job is ended." in capfd.readouterr().err


def test_process_ends_if_its_error_cannot_be_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    statuses: list[int] = []
    monkeypatch.setattr(os, "_exit", statuses.append)
    with pytest.raises(TypeError):
        distributed._end_process(len, 1, 2)
    assert statuses == [1]


@pytest.mark.slow
def test_interactive_session_continues_after_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    statuses: list[int] = []
    monkeypatch.setattr(os, "_exit", statuses.append)
    monkeypatch.setattr(sys, "ps1", "In : ", raising=False)  # as in IPython
    distributed._end_process(lambda *error: None, OSError, OSError("lost"), None)
    assert statuses == []
    script = tmp_path / "lost.py"
    script.write_text(
        "import functools, sys\n"
        "from nn.distributed import _end_process\n"
        "sys.excepthook = functools.partial(_end_process, sys.excepthook)\n"
        "raise OSError('lost')\n"
    )
    done = subprocess.run(
        [sys.executable, "-i", str(script)], input="1 / 0\nprint('still', 'here')\n", capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "still here")
    assert "OSError: lost" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_distributed_initialize_alone_does_nothing_and_checks_its_arguments() -> None:
    distributed.initialize()
    with pytest.raises(TypeError, match="pass coordinator, processes and process together"):
        distributed.initialize("127.0.0.1:1", 2)
    with pytest.raises(ValueError, match="process must be at most 1, got 2"):
        distributed.initialize("127.0.0.1:1", 2, 2)
    assert nn.distributed is distributed
