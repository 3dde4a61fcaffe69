"""Names from elsewhere: an error that says what they are called here."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

import nn
import tensorgrad
from nn import functional
from nn._renamed import RENAMED


@pytest.mark.parametrize("name", RENAMED)
def test_renamed_names_lead_to_the_present_ones(name: str) -> None:
    hint = rf"module 'nn' has no attribute '{name}'\. Here it is nn\.{RENAMED[name]}$"
    with pytest.raises(AttributeError, match=hint):
        getattr(nn, name)
    package, _, own = RENAMED[name].partition(".")
    assert package in nn.__all__
    if own:  # without importing it: that is for the test below to see
        spec = importlib.util.find_spec(f"nn.{package}")
        assert spec is not None
        assert spec.origin is not None
        assert f'"{own}",' in Path(spec.origin).read_text(encoding="utf-8")


def test_renamed_module_pictures_names_plots_when_imported() -> None:
    for statement in ("import nn.pictures", "from nn import pictures", "from nn.pictures import LivePlot"):
        with pytest.raises(ImportError, match=r"nn\.pictures is now nn\.plots"):
            exec(statement)
    assert "nn.pictures" not in sys.modules


def test_other_names_are_not_guessed() -> None:
    with pytest.raises(AttributeError, match=r"module 'nn' has no attribute 'Transformer'$"):
        nn.Transformer  # noqa: B018


def test_renamed_functions_lead_to_the_present_ones() -> None:
    packages = {"nn": nn, "tensorgrad": tensorgrad}
    for name, ours in functional.RENAMED.items():
        with pytest.raises(AttributeError, match=f"'{name}'. Here it is {ours}"):
            getattr(functional, name)
        package, _, own = ours.partition(",")[0].rpartition(".")
        assert own in (packages[package].__all__ if package else functional.__all__)
