"""Plays of Shakespeare as sequences of characters: loading, tables of frequencies, windows, and drawn text."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import nn
import tensorgrad as tg

Ids = NDArray[np.int64]

BUNDLED = """
Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date:
Sometime too hot the eye of heaven shines,
And often is his gold complexion dimm'd;
And every fair from fair sometime declines,
By chance, or nature's changing course, untrimm'd;
But thy eternal summer shall not fade
Nor lose possession of that fair thou ow'st;
Nor shall Death brag thou wander'st in his shade,
When in eternal lines to time thou grow'st:
So long as men can breathe or eyes can see,
So long lives this, and this gives life to thee.

When, in disgrace with fortune and men's eyes,
I all alone beweep my outcast state
And trouble deaf heaven with my bootless cries
And look upon myself and curse my fate,
Wishing me like to one more rich in hope,
Featured like him, like him with friends possess'd,
Desiring this man's art and that man's scope,
With what I most enjoy contented least;
Yet in these thoughts myself almost despising,
Haply I think on thee, and then my state,
Like to the lark at break of day arising
From sullen earth, sings hymns at heaven's gate;
For thy sweet love remember'd such wealth brings
That then I scorn to change my state with kings.

When to the sessions of sweet silent thought
I summon up remembrance of things past,
I sigh the lack of many a thing I sought,
And with old woes new wail my dear time's waste:
Then can I drown an eye, unused to flow,
For precious friends hid in death's dateless night,
And weep afresh love's long since cancell'd woe,
And moan the expense of many a vanish'd sight:
Then can I grieve at grievances foregone,
And heavily from woe to woe tell o'er
The sad account of fore-bemoaned moan,
Which I new pay as if not paid before.
But if the while I think on thee, dear friend,
All losses are restored and sorrows end.

That time of year thou mayst in me behold
When yellow leaves, or none, or few, do hang
Upon those boughs which shake against the cold,
Bare ruin'd choirs, where late the sweet birds sang.
In me thou see'st the twilight of such day
As after sunset fadeth in the west,
Which by and by black night doth take away,
Death's second self, that seals up all in rest.
In me thou see'st the glowing of such fire
That on the ashes of his youth doth lie,
As the death-bed whereon it must expire
Consumed with that which it was nourish'd by.
This thou perceivest, which makes thy love more strong,
To love that well which thou must leave ere long.

Let me not to the marriage of true minds
Admit impediments. Love is not love
Which alters when it alteration finds,
Or bends with the remover to remove:
O no! it is an ever-fixed mark
That looks on tempests and is never shaken;
It is the star to every wandering bark,
Whose worth's unknown, although his height be taken.
Love's not Time's fool, though rosy lips and cheeks
Within his bending sickle's compass come:
Love alters not with his brief hours and weeks,
But bears it out even to the edge of doom.
If this be error and upon me proved,
I never writ, nor no man ever loved.

My mistress' eyes are nothing like the sun;
Coral is far more red than her lips' red;
If snow be white, why then her breasts are dun;
If hairs be wires, black wires grow on her head.
I have seen roses damask'd, red and white,
But no such roses see I in her cheeks;
And in some perfumes is there more delight
Than in the breath that from my mistress reeks.
I love to hear her speak, yet well I know
That music hath a far more pleasing sound;
I grant I never saw a goddess go;
My mistress, when she walks, treads on the ground:
And yet, by heaven, I think my love as rare
As any she belied with false compare.
"""
"""Six of Shakespeare's sonnets (18, 29, 30, 73, 116, 130), for machines without the plays."""


class Text(NamedTuple):
    """Characters as numbers, for training and for validation."""

    source: str
    characters: str
    train: Ids
    validation: Ids

    def encode(self, text: str) -> Ids:
        """Return the numbers of a text's characters."""
        return np.array([self.characters.index(character) for character in text])

    def decode(self, ids: Ids) -> str:
        """Return the characters of the numbers."""
        return "".join(self.characters[number] for number in ids)


def load() -> Text:
    """Return Tiny Shakespeare if its file is on this machine, otherwise the sonnets bundled with this file.

    The last tenth is for validation.
    """
    try:
        text, source = nn.datasets.tiny_shakespeare(download=False), "Tiny Shakespeare"
    except FileNotFoundError:
        text, source = BUNDLED.lstrip(), "bundled sonnets"
        print("  The plays are not on this machine: six bundled sonnets replace them.")
        print("  To download them (1.1 MB): python -c 'import nn; nn.datasets.tiny_shakespeare()'")
    characters = "".join(sorted(set(text)))
    numbers = {character: number for number, character in enumerate(characters)}
    ids = np.array([numbers[character] for character in text])
    end = int(0.9 * len(ids))
    print(
        f"  {source}: {end:,} characters for training, {len(ids) - end:,} for validation, {len(characters)} different"
    )
    return Text(source, characters, ids[:end], ids[end:])


def table_loss(text: Text, before: int, added: float) -> float:
    """Return the validation loss of a table of how often each character follows each `before` characters.

    Args:
        text: the characters.
        before: the number of characters that the table knows, 0 to 2.
        added: a number that is added to all counts, so that none is 0.
    """
    kinds = len(text.characters)
    counts = np.full(kinds ** (before + 1), added, np.float64)

    def rows(ids: Ids) -> Ids:
        """Return the place of each character and those before it in the table."""
        parts = [ids[start : len(ids) - before + start] * kinds ** (before - start) for start in range(before + 1)]
        return np.sum(parts, axis=0)

    np.add.at(counts, rows(text.train), 1)
    table = counts.reshape(-1, kinds)
    probabilities = (table / table.sum(axis=1, keepdims=True)).reshape(-1)
    return float(-np.log(probabilities[rows(text.validation)]).mean())


def windows(ids: Ids, length: int) -> tuple[Ids, Ids]:
    """Return all consecutive windows as inputs and targets, `(windows, length)`; targets are one character later.

    >>> windows(np.arange(5), 2)
    (array([[0, 1],
           [2, 3]]), array([[1, 2],
           [3, 4]]))
    """
    count = (len(ids) - 1) // length
    return ids[: count * length].reshape(count, length), ids[1 : count * length + 1].reshape(count, length)


def losses(network: nn.Module, X: Ids, y: Ids) -> NDArray[np.float64]:
    """Return the negative log-likelihood of each target, `(windows, length)`."""
    found = []
    with tg.no_grad():
        for start in range(0, len(X), 64):
            log_probabilities = tg.log_softmax(network(X[start : start + 64]), axis=-1).data
            found.append(-np.take_along_axis(log_probabilities, y[start : start + 64, :, None], axis=2)[..., 0])
    return np.concatenate(found).astype(np.float64)


def drawn(
    network: nn.Module, ids: Ids, count: int, rng: np.random.Generator, *, length: int, temperature: float = 1.0
) -> Ids:
    """Return texts continued by `count` characters, each drawn from the probabilities that the network predicts.

    Args:
        network: maps numbers `(texts, time)` to logits `(texts, time, characters)`.
        ids: the beginnings, `(texts, time)`.
        count: the number of characters to draw.
        rng: draws the characters.
        length: the number of characters that the network can read; only the last ones are used.
        temperature: divides the logits; below 1, likely characters become more likely.
    """
    with tg.no_grad():
        for _ in range(count):
            logits = network(ids[:, -length:])[:, -1]
            probabilities = tg.softmax(logits / temperature, axis=-1).data.astype(np.float64)
            following = [rng.choice(len(row), p=row / row.sum()) for row in probabilities]
            ids = np.concatenate([ids, np.array(following)[:, None]], axis=1)
    return ids
