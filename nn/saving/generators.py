"""The state of a random generator as numbers, and back."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

RandomSource: TypeAlias = np.random.Generator | np.random.RandomState

KINDS: dict[str, type[np.random.BitGenerator]] = {
    kind.__name__: kind
    for kind in (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64)
}

PLACES = {"MT19937": (("state", "pos"), 624), "Philox": (("buffer_pos",), 4)}
"""Where a state says at which of its buffered numbers it stands, and the largest that NumPy can bear: it does not look,
and would read beyond the buffer."""


def state_of(source: RandomSource) -> dict[str, Any]:
    """Numbers, text, lists and dicts that `set_state` takes.

    Raises:
        ValueError: its bits come from something that NumPy does not provide.

    >>> state_of(np.random.default_rng(0))["bit_generator"]
    'PCG64'
    """
    if isinstance(source, np.random.RandomState):
        state: Any = source.get_state(legacy=False)
    else:
        state = source.bit_generator.state
    if state.get("bit_generator") not in KINDS:
        raise ValueError(f"a random generator that is not one of NumPy's ({', '.join(KINDS)})")
    plain: dict[str, Any] = _without_arrays(state)
    return {"legacy": isinstance(source, np.random.RandomState), **plain}


def from_state(state: dict[str, Any]) -> RandomSource:
    """A new generator that will draw what the one of this state would have drawn.

    Raises:
        ValueError: this is no state.

    >>> first = np.random.default_rng(0)
    >>> second = from_state(state_of(first))
    >>> float(first.random()) == float(second.random())
    True
    """
    try:
        bits = KINDS[state["bit_generator"]](0)
        source = np.random.RandomState(bits) if state["legacy"] else np.random.Generator(bits)
        set_state(source, state)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(f"the state of a random generator is malformed ({type(error).__name__}: {error})") from error
    return source


def set_state(source: RandomSource, state: dict[str, Any]) -> None:
    """Bring a generator of the same kind into this state."""
    path, largest = PLACES.get(state["bit_generator"], ((), 0))
    place: Any = state
    for key in path:
        place = place[key]
    if path and not (isinstance(place, int) and 0 <= place <= largest):
        raise ValueError(f"the state of a random generator stands at {place!r}, not in 0…{largest}")
    plain = {key: value for key, value in state.items() if key != "legacy"}
    if isinstance(source, np.random.RandomState):
        source.set_state(plain)
    else:
        source.bit_generator.state = plain


def _without_arrays(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_arrays(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
