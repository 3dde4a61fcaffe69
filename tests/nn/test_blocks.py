"""Operations that work block by block give the same in blocks of any size as in recorded functions of whole arrays."""

from __future__ import annotations

import pytest

from nn.functional import _attention_tiles, _blocks, _channels, _rows, normalisation
from tests.ops import checks
from tests.ops.samples import BUILT_IN, samples_of

IN_BLOCKS = [
    name
    for name, operation in BUILT_IN.items()
    if operation.composed is not None
    and name.startswith(("nn.functional.convolution", "nn.functional.pooling", "nn.functional.normalisation"))
]


@pytest.mark.parametrize("block_bytes", [1, 300])
@pytest.mark.parametrize("name", IN_BLOCKS, ids=lambda name: name.rsplit(".", 1)[-1])
def test_operations_are_the_same_in_blocks(name: str, block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (_blocks, _channels, _rows):
        monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(_channels, "ROW_LENGTH", 4)
    monkeypatch.setattr(normalisation, "ROW_BLOCK_BYTES", block_bytes)
    for sample in samples_of(BUILT_IN[name]):
        checks.composed_form_agrees(sample)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("numbers", [1, 4])
@pytest.mark.parametrize("largest", [-1.0, 30.0])
def test_attention_is_the_same_in_tiles(
    rows: int, numbers: int, largest: float, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """In tiles of any size, with and without a shift of the scores."""
    for name, value in (("LONG", 1), ("ROWS", rows), ("NUMBERS", numbers), ("LARGEST", largest)):
        monkeypatch.setattr(_attention_tiles, name, value)
    for sample in samples_of(BUILT_IN["nn.functional.attention.attention"]):
        checks.composed_form_agrees(sample)
