"""Text data sets: found, verified, or refused with a message. No test downloads anything."""

import hashlib
import os
from pathlib import Path

import pytest

from nn import datasets
from nn.datasets.fetching import ENVIRONMENT_VARIABLE
from nn.datasets.text import NAMES, PublishedText, read

DATA = os.environ.get(ENVIRONMENT_VARIABLE)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    pooch = pytest.importorskip("pooch", reason="comes with the examples extra")
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")


def test_text_is_found_in_each_place(tmp_path, monkeypatch):
    content = b"ada\ngrace\n"
    published = PublishedText("small", "small.txt", (), hashlib.md5(content).hexdigest())
    folders = {name: tmp_path / name for name in ("directory", "environment", "cache")}
    for place in (folders["cache"] / "small", folders["environment"] / "small", folders["directory"]):
        place.mkdir(parents=True)
        (place / "small.txt").write_bytes(content)
        if place == folders["environment"] / "small":
            (folders["cache"] / "small" / "small.txt").write_bytes(b"not used")
            monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(folders["environment"]))
        assert read(published, folders["directory"], download=False) == "ada\ngrace\n"


def test_text_other_than_the_published_one_is_refused(tmp_path):
    (tmp_path / NAMES.file).write_text("ada\n")
    with pytest.raises(ValueError, match=r"names.txt: this is not names.txt of names: the MD5 of its 4 bytes"):
        datasets.names(tmp_path)


@pytest.mark.parametrize("load", [datasets.names, datasets.tiny_shakespeare])
def test_text_that_is_missing_is_named_with_its_checksum(load, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"download=False\nPut these files into .*\n  \w+\.txt  MD5 \w{32}"):
        load(tmp_path, download=False)


def test_names_and_tiny_shakespeare_are_as_documented():
    if not DATA or not Path(DATA, "names").is_dir() or not Path(DATA, "tiny_shakespeare").is_dir():
        pytest.skip(f"${ENVIRONMENT_VARIABLE} has no names and tiny_shakespeare")
    names, text = datasets.names(DATA), datasets.tiny_shakespeare(DATA)
    assert len(names) == 32_033
    assert names[:3] == ["emma", "olivia", "ava"]
    assert {len(name) for name in names} == set(range(2, 16))
    assert len(text) == 1_115_394
    assert len(set(text)) == 65
