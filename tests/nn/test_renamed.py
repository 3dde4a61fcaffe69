"""Names from elsewhere: an error that says what they are called here."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

import nn
import tensorgrad as tg
from nn import functional
from nn._renamed import DATA, DATA_SETS, INITIALIZERS, RENAMED, WITHOUT_CLASS


@pytest.mark.parametrize("name", RENAMED)
def test_renamed_names_lead_to_the_present_ones(name: str) -> None:
    hint = rf"module 'nn' has no attribute '{name}'\. Use nn\.{RENAMED[name]}$"
    with pytest.raises(AttributeError, match=hint):
        getattr(nn, name)
    package, _, own = RENAMED[name].partition(".")
    assert package in nn.__all__
    if own:  # without importing it: that is for the test below to see
        spec = importlib.util.find_spec(f"nn.{package}")
        assert spec is not None
        assert spec.origin is not None
        assert f'"{own}",' in Path(spec.origin).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", WITHOUT_CLASS)
def test_names_without_counterpart_lead_to_what_exists(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"'{name}'\. Use {re.escape(WITHOUT_CLASS[name])}$"):
        getattr(nn, name)
    mentioned = re.findall(r"\b(nn|tg)\.(\w+)", WITHOUT_CLASS[name])
    assert all(hasattr({"nn": nn, "tg": tg}[package], each) for package, each in mentioned)
    assert mentioned or WITHOUT_CLASS[name].endswith("as an attribute of the module")


@pytest.mark.parametrize(("package", "hints"), [(nn.init, INITIALIZERS), (nn.data, DATA), (nn.datasets, DATA_SETS)])
def test_renamed_names_of_subpackages_lead_to_the_present_ones(package: ModuleType, hints: dict[str, str]) -> None:
    for name, hint in hints.items():
        with pytest.raises(AttributeError, match=rf"'{package.__name__}' .* '{name}'\. Use {re.escape(hint)}$"):
            getattr(package, name)
        assert all(hasattr(package, own) for own in re.findall(rf"{package.__name__}\.(\w+)\(", hint))
    with pytest.raises(AttributeError, match=r"has no attribute 'other'$"):
        package.other  # noqa: B018


def test_renamed_classes_without_counterpart_are_attributes_of_modules() -> None:
    class Several(nn.Module):
        def __init__(self) -> None:
            self.tensor = tg.tensor([1.0], requires_grad=True)
            self.tensors = [tg.tensor([2.0], requires_grad=True)]
            self.layers = [nn.Dense(1, 1)]
            self.named = {"a": nn.Dense(1, 1)}

    names = [name for name, _ in Several().named_parameters()]
    assert names == [
        "tensor", "tensors.0", "layers.0.weight", "layers.0.bias", "named.a.weight", "named.a.bias",
    ]  # fmt: skip


def test_renamed_module_pictures_names_plots_when_imported() -> None:
    for statement in ("import nn.pictures", "from nn import pictures", "from nn.pictures import LivePlot"):
        with pytest.raises(ImportError, match=r"nn\.pictures is now nn\.plots"):
            exec(statement)
    assert "nn.pictures" not in sys.modules


def test_other_names_are_not_guessed() -> None:
    with pytest.raises(AttributeError, match=r"module 'nn' has no attribute 'Hardswish'$"):
        nn.Hardswish  # noqa: B018


def test_renamed_functions_lead_to_the_present_ones() -> None:
    packages = {"nn": nn, "tensorgrad": tg, "tensorgrad.linalg": tg.linalg}
    for name, ours in functional.RENAMED.items():
        with pytest.raises(AttributeError, match=re.escape(f"'{name}'. Use {ours}")):
            getattr(functional, name)
        package, _, own = ours.partition(",")[0].rpartition(".")
        assert own in (packages[package].__all__ if package else functional.__all__)
