"""The report of which tensors were loaded into a network."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class LoadReport:
    """Result of loading weights: what was loaded, and what was not.

    Attributes:
        loaded: names of the network's tensors that have new values.
        missing: names of the network's tensors that were not in the source. They keep their values.
        unused: names in the source that belong to no tensor of the network.
        wrong_shape: for each tensor of the network whose array had another shape, the expected shape and the actual
            shape. These tensors keep their values.

    >>> report = LoadReport(loaded=["0.weight", "0.bias"], wrong_shape={"2.weight": ((4, 5), (4, 2))})
    >>> print(report)
    2 loaded, 0 missing, 0 unused, 1 of another shape
    >>> report.complete
    False
    """

    loaded: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    wrong_shape: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every tensor of the network was loaded and every array of the source was used."""
        return not (self.missing or self.unused or self.wrong_shape)

    def __str__(self) -> str:
        text = f"{len(self.loaded)} loaded, {len(self.missing)} missing, {len(self.unused)} unused"
        return f"{text}, {len(self.wrong_shape)} of another shape" if self.wrong_shape else text
