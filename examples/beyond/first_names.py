"""First names as sequences of letters: loading, encoding, the loss of a network, and names it makes up."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import nn
import tensorgrad as tg

LETTERS = ".abcdefghijklmnopqrstuvwxyz"
"""The symbols; number 0, the dot, begins and ends a name."""
IGNORED = -1
"""The target of the padding after a name."""
BUNDLED = """
    ada adam adele agnes albert alex alice alma amelia amy andrew anna anne anthony arthur audrey ava barbara beatrice
    ben benjamin bernard betty bruno carl carla caroline cecilia charles charlotte chloe chris clara claire cora daisy
    daniel daphne david diana dora dorothy edgar edith edward eleanor elena eli elisa elizabeth ella ellen elsa emil
    emily emma eric erica esther eva evelyn felix fiona flora florence frances frank fred gabriel george gloria grace
    greta hannah harold harriet harry hazel heidi helen helena henry hugo ida ingrid irene iris isaac isabel isabella
    ivy jack jacob james jane jean jenny jessica joan joel johanna john jonas joseph josephine judith julia julian june
    karen karl kate katherine kevin lara laura lauren lea leah lena leo leon leonard lewis lily linda lisa louis louisa
    lucas lucy luke lydia mabel marcus margaret maria marie marion mark martha martin mary matilda max maya mia michael
    mila miriam molly monica nathan nell nicholas nina noah nora olga oliver olivia oscar otto patricia paul paula peter
    philip phoebe rachel ralph rebecca richard rita robert robin roger rosa rose ruby ruth sam samuel sara sarah
    sebastian simon sofia sophie stella stephen susan sylvia theo theresa thomas tim tina toby ursula valerie vera
    victor victoria vincent viola violet walter wendy william winston xavier yvonne zoe
"""
"""Common first names, for machines without the data set."""


class Names(NamedTuple):
    """Names for training, for validation and for testing."""

    source: str
    train: list[str]
    validation: list[str]
    test: list[str]


def load(*, samples: int | None = None) -> Names:
    """Return 32,033 names if their file is on this machine, otherwise the list bundled with this file.

    They are shuffled and split into 80, 10 and 10 % as in Andrej Karpathy's lectures, so that losses can be compared.

    Args:
        samples: the number of training names to use. Default: all.
    """
    try:
        words, source = nn.datasets.names(download=False), "names"
    except FileNotFoundError:
        words, source = BUNDLED.split(), "bundled names"
        print(f"  The names are not on this machine: {len(words)} bundled names replace them.")
        print("  To download them (0.2 MB): python -c 'import nn; nn.datasets.names()'")
    random.Random(42).shuffle(words)
    first, second = int(0.8 * len(words)), int(0.9 * len(words))
    found = Names(source, words[:first][:samples], words[first:second], words[second:])
    print(f"  {source}: {len(found.train):,} for training, {len(found.test):,} for testing")
    return found


def encoded(words: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return names as inputs and targets of the shape `(names, longest + 1)`.

    The inputs are a dot and the letters, the targets the letters and a dot. After the end of a name, the inputs are
    dots and the targets `IGNORED`.

    >>> encoded(["ab", "c"])
    (array([[0, 1, 2],
           [0, 3, 0]]), array([[ 1,  2,  0],
           [ 3,  0, -1]]))
    """
    longest = max(map(len, words)) + 1
    inputs = np.zeros((len(words), longest), np.int64)
    targets = np.full((len(words), longest), IGNORED, np.int64)
    for row, word in enumerate(words):
        numbers = [LETTERS.index(letter) for letter in word]
        inputs[row, 1 : len(word) + 1] = numbers
        targets[row, : len(word) + 1] = [*numbers, 0]
    return inputs, targets


def pair_loss(train: Sequence[str], test: Sequence[str]) -> float:
    """Return the loss of a table of how often each symbol follows each, to which 1 is added."""
    counts = np.ones((27, 27), np.float64)
    X, y = encoded(train)
    np.add.at(counts, (X[y != IGNORED], y[y != IGNORED]), 1)
    X, y = encoded(test)
    return float(-np.log(counts / counts.sum(axis=1, keepdims=True))[X[y != IGNORED], y[y != IGNORED]].mean())


def loss(network: nn.Module, words: Sequence[str]) -> float:
    """Return the mean negative log-likelihood of a symbol."""
    X, y = encoded(words)
    with tg.no_grad():
        return nn.SoftmaxCrossEntropy(ignored_label=IGNORED)(network.eval()(X), y).item()


def model(network: nn.Module, *, learning_rate: Any, seed: int) -> nn.Model:
    """Return the network with its loss and Adam."""
    optimizer = nn.Adam(network.parameters(), learning_rate=learning_rate)
    return nn.Model(network, loss=nn.SoftmaxCrossEntropy(ignored_label=IGNORED), optimizer=optimizer, rng=seed)


def made_up(network: nn.Sequential, count: int, rng: np.random.Generator, *, temperature: float = 1.0) -> list[str]:
    """Return names drawn from a network of an embedding, a recurrent layer and a dense layer, letter by letter.

    Args:
        network: the network, trained on encoded names.
        count: the number of names.
        rng: draws the letters.
        temperature: divides the logits; below 1, likely letters become more likely.
    """
    embedding, recurrent, dense = network.eval()
    symbols, state, words = np.zeros(count, np.int64), None, [""] * count
    with tg.no_grad():
        for _ in range(20):
            hidden, state = recurrent.step(embedding(symbols), state)
            probabilities = tg.softmax(dense(hidden) / temperature, axis=-1).data.astype(np.float64)
            symbols = np.array([rng.choice(27, p=row / row.sum()) for row in probabilities])
            words = [word + LETTERS[symbol] for word, symbol in zip(words, symbols)]
    return [word.partition(".")[0] for word in words]
