"""Data preparation: batches, sequences, splitting, scaling and augmentation.

>>> import nn
>>> X, y = nn.datasets.spiral(100, 3, rng=0)
>>> X_train, y_train, X_test, y_test = nn.data.split(X, y, share=0.2, rng=0)
>>> standardize = nn.data.Standardizer(X_train)
>>> batches = nn.data.Batches(X_train, y_train, batch_size=32, transform=standardize, rng=0)
>>> len(batches), standardize(X_test).shape
(8, (60, 2))
"""

from typing import Any

from nn._renamed import DATA, missing
from nn.data.augmentation import add_noise, flip, rotate, shift
from nn.data.batches import Batches
from nn.data.mixing import mixup
from nn.data.scaling import Standardizer, rescale
from nn.data.sequences import SequenceBatches, pad
from nn.data.splitting import k_fold, split

__all__ = [
    "Batches",
    "SequenceBatches",
    "Standardizer",
    "add_noise",
    "flip",
    "k_fold",
    "mixup",
    "pad",
    "rescale",
    "rotate",
    "shift",
    "split",
]


def __getattr__(name: str) -> Any:
    raise missing("nn.data", name, DATA)
