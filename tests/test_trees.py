"""Containers of arrays: what is a leaf, and containers rebuilt as they were."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import pytest

from tensorgrad.transforms.trees import leaves, mapped, rebuilt


class Pair(NamedTuple):
    weight: Any
    bias: Any


TREES = [
    1.0,
    (),
    [],
    {},
    (1.0,),
    [1.0, (2.0, [3.0])],
    {"b": 1.0, "a": [2.0, {"c": 3.0}]},
    Pair(1.0, [2.0, 3.0]),
    OrderedDict([("z", (1.0, 2.0)), ("a", Pair(3.0, ()))]),
]


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_trees_rebuild_containers(tree: Any) -> None:
    copy = rebuilt(tree, iter(leaves(tree)))
    assert copy == tree
    assert type(copy) is type(tree)
    assert leaves(tree) == [float(n) for n in range(1, len(leaves(tree)) + 1)]


def test_trees_keep_the_order_of_dicts() -> None:
    assert list(mapped(lambda leaf: -leaf, {"b": 1, "a": 2}).items()) == [("b", -1), ("a", -2)]


def test_trees_keep_named_tuples() -> None:
    doubled = mapped(lambda leaf: 2 * leaf, Pair(1, {"x": 2}))
    assert doubled == Pair(2, {"x": 4})
    assert isinstance(doubled, Pair)
