"""Names from elsewhere: an error that says what they are called here."""

from __future__ import annotations

import pytest

import nn
from nn.spellings import HERE


@pytest.mark.parametrize("name", HERE)
def test_names_from_elsewhere_lead_here(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"module 'nn' has no attribute '{name}'\. Here it is nn\.{HERE[name]}$"):
        getattr(nn, name)
    assert HERE[name] in nn.__all__


def test_other_names_are_not_guessed() -> None:
    with pytest.raises(AttributeError, match=r"module 'nn' has no attribute 'Transformer'$"):
        nn.Transformer  # noqa: B018
