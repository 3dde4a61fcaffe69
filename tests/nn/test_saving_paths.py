"""Where files are saved and loaded: odd targets, long names, `~`, missing folders, and what killed saves leave."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn.saving import format as file_format

posix = pytest.mark.skipif(os.name == "nt", reason="needs pipes and links of POSIX")


@pytest.fixture
def model() -> nn.Model:
    return nn.Model(nn.Sequential(nn.Dense(2, 3, rng=0)), loss=nn.MeanSquaredError())


SAVERS: dict[str, Callable[[nn.Model, Any], None]] = {
    "save": lambda model, path: model.save(path),
    "save_parameters": lambda model, path: model.save_parameters(path),
    "save_pytorch": lambda model, path: nn.interop.save_pytorch(model.network, path),
}

LOADERS: dict[str, Callable[[nn.Model, Any], object]] = {
    "load": lambda model, path: nn.Model.load(path),
    "load_parameters": lambda model, path: model.load_parameters(path),
    "load_pytorch": lambda model, path: nn.interop.load_pytorch(model.network, path),
    "read_weights": lambda model, path: nn.interop.read_weights(path),
    "read_idx": lambda model, path: nn.datasets.read_idx(path),
}


def kind(path: Path) -> int:
    return stat.S_IFMT(os.lstat(path).st_mode)


@posix
@pytest.mark.parametrize("save", SAVERS.values(), ids=SAVERS)
@pytest.mark.parametrize("made", ["pipe", "socket", "folder", "link to a pipe", "device"])
def test_save_does_not_replace_special_files(save: Any, made: str, model: nn.Model, tmp_path: Path) -> None:
    path = tmp_path / "target"
    expected = {"socket": "a socket", "folder": "a folder", "device": "a device"}.get(made, "a pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        if made == "pipe":
            os.mkfifo(path)
        elif made == "socket":
            bound.bind(str(path))
        elif made == "folder":
            path.mkdir()
        elif made == "link to a pipe":
            os.mkfifo(tmp_path / "pipe")
            path.symlink_to("pipe")
        else:
            path.symlink_to("/dev/null")
        before = sorted((entry, kind(entry)) for entry in tmp_path.iterdir())
        with pytest.raises(OSError, match=rf"save: this is {expected}"):
            save(model, path)
    assert sorted((entry, kind(entry)) for entry in tmp_path.iterdir()) == before


@posix
def test_save_follows_links(model: nn.Model, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/file")
    for _ in range(2):  # it dangles at first
        model.save(tmp_path / "link")
        assert (tmp_path / "link").is_symlink()
        assert os.listdir(tmp_path / "folder") == ["file"]
    assert nn.Model.load(tmp_path / "link").predict(np.ones((1, 2))).shape == (1, 3)


@pytest.mark.parametrize("save", SAVERS.values(), ids=SAVERS)
@pytest.mark.parametrize("name", ["a" * 255, "é" * 127, "a" * 234])
def test_save_accepts_file_names_of_any_legal_length(save: Any, name: str, model: nn.Model, tmp_path: Path) -> None:
    for _ in range(2):
        save(model, tmp_path / name)
    assert os.listdir(tmp_path) == [name]


def test_checkpoint_accepts_long_file_names(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 240 + ".safetensors")
    network = nn.Sequential(nn.Dense(2, 3, rng=0))
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters(), 0.1))
    model.fit(np.ones((2, 2)), np.ones((2, 3)), callbacks=[nn.ModelCheckpoint(path)], verbose=0)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("save", SAVERS.values(), ids=SAVERS)
def test_save_names_a_missing_folder(save: Any, model: nn.Model, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no such folder.*" + re.escape(repr(str(tmp_path / "no")))):
        save(model, tmp_path / "no" / "file")


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_save_names_the_file_that_cannot_be_written(model: nn.Model, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError) as caught:
        model.save(tmp_path / "file")
    assert caught.value.filename == str(tmp_path / "file")


def test_save_and_load_expand_the_home_folder(model: nn.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    model.save("~/m")
    model.save_parameters("~/p")
    nn.interop.save_pytorch(model.network, "~/t")
    nn.Model.load("~/m")
    model.load_parameters(Path("~/p"))
    nn.interop.load_pytorch(model.network, "~/t")
    nn.interop.read_weights("~/t")
    (tmp_path / "idx").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 1, 7]))
    assert nn.datasets.read_idx("~/idx").tolist() == [7]
    checkpoint, log = nn.ModelCheckpoint("~/c/m.safetensors", monitor="loss"), nn.CSVLog("~/log.csv")
    model.optimizer = nn.SGD(model.network.parameters(), 0.1)
    model.fit(np.ones((2, 2)), np.ones((2, 3)), callbacks=[checkpoint, log], verbose=0).plot("~/h.png")
    tg.draw(tg.tensor(1.0, requires_grad=True, name="x") * 2).save("~/d.svg")
    tg.walkthrough(tg.tensor(1.0, requires_grad=True) * 2).save("~/w.html")
    written = {entry.name for entry in tmp_path.iterdir() if not entry.name.startswith(".")}  # matplotlib has a cache
    assert written == {"m", "p", "t", "idx", "c", "log.csv", "h.png", "d.svg", "w.html"}
    assert sorted(os.listdir(tmp_path / "c")) == ["m.best.safetensors", "m.safetensors"]


@pytest.mark.parametrize("call", [*SAVERS.values(), *LOADERS.values()], ids=[*SAVERS, *LOADERS])
@pytest.mark.parametrize("wrong", [True, 1, None, 2.5, b"bytes"])
def test_paths_reject_file_descriptors(
    call: Any, wrong: Any, model: nn.Model, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any) -> None:
        raise AssertionError("a descriptor was touched")

    monkeypatch.setattr(os, "stat", refuse)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(TypeError, match=r"expected a path|neither a path|expected a module|path"):
        call(model, wrong)
    monkeypatch.undo()
    os.fstat(1)  # open still


@posix
@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_readers_do_not_wait_on_pipes(load: Any, model: nn.Model, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="not a file"):
        load(model, tmp_path / "pipe")


@posix
def test_images_do_not_wait_on_pipes(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    (tmp_path / "class").mkdir()
    os.mkfifo(tmp_path / "class" / "pipe.png")
    with pytest.raises(ValueError, match="not a file"):
        nn.datasets.images(tmp_path)


# -- what killed saves leave ------------------------------------------------------------------------------

KILLED = """
import os, sys
from nn.saving.format import replace_file
replace_file(sys.argv[1], [b"half"], check=lambda written: os._exit(9))
"""


@posix
@pytest.mark.slow
@pytest.mark.parametrize("name", ["model", "m" * 250])
def test_save_removes_temporary_files_of_a_killed_save(name: str, tmp_path: Path) -> None:
    for target in (name, "other"):
        done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / target)], check=False)
        assert done.returncode == 9
    others = [".keep.tmp", f".{name[:100]}.notes.tmp", f".{name[:100]}.0123456789abcdef.tmp.old"]
    for other in others:
        (tmp_path / other).write_text("")
    assert len(os.listdir(tmp_path)) == 5
    file_format.replace_file(tmp_path / name, [b"whole"], check=lambda written: None)
    left = set(os.listdir(tmp_path)) - {name, *others}
    assert [each.split(".")[1] for each in left] == ["other"]  # it may be in use by its own saves


@posix
def test_save_keeps_the_temporary_file_of_a_running_save(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def save_again(written: Path) -> None:
        file_format.replace_file(path, [b"inner"], check=lambda written: None)
        assert path.read_bytes() == b"inner"

    file_format.replace_file(path, [b"outer"], check=save_again)
    assert path.read_bytes() == b"outer"
    assert os.listdir(tmp_path) == ["file"]


@posix
@pytest.mark.slow
def test_save_works_from_several_threads_at_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    failed: list[BaseException] = []

    def save(content: bytes) -> None:
        try:
            for _ in range(30):
                file_format.replace_file(path, [content * 1000], check=lambda written: None)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=save, args=(bytes([number]),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(set(path.read_bytes())) == 1
    assert os.listdir(tmp_path) == ["file"]


def test_save_with_dry_run_does_not_change_the_file(model: nn.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m", dry_run=True)
    assert os.listdir(tmp_path) == []
    (tmp_path / "m").write_bytes(b"old")
    model.save(tmp_path / "m", dry_run=True)
    assert (tmp_path / "m").read_bytes() == b"old"


@pytest.mark.parametrize("save", [nn.interop.save_keras, nn.interop.save_pytorch])
def test_exports_read_back_while_their_temporary_file_is_locked(save: Any, model: nn.Model, tmp_path: Path) -> None:
    if save is nn.interop.save_keras:
        pytest.importorskip("h5py")
    path = tmp_path / "w.weights.h5"
    for _ in range(2):
        save(model.network, path)
    assert len(nn.interop.read_weights(path)) == 2
    assert os.listdir(tmp_path) == [path.name]
