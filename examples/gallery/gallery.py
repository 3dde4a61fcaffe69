"""A page of all pictures, each beside its code: `python examples/gallery/gallery.py` makes it in under a minute.

Graphs and walkthroughs come from `tensorgrad`, pictures of networks and trainings from `nn.plots`.
"""

from __future__ import annotations

import argparse
import inspect
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")  # scikit-learn's displays import pyplot, which would look for a screen

import graphs
import inside
import training
from showing import SHOWN, index

TITLE = "tensorgrad: gallery"
INTRODUCTION = (
    "Every picture that tensorgrad makes of graphs, networks and trainings, with the code that made it. "
    "Pages are separate files that load nothing else."
)
SECTIONS = (
    graphs.SECTION, training.SECTION, training.MODELS, training.METHODS, inside.SECTION, inside.SEQUENCES, inside.STEPS,
)  # fmt: skip
SETUPS = {
    graphs.SECTION: inspect.getsource(graphs.small_loss) + "\n\n" + inspect.getsource(graphs.Block),
    training.SECTION: inspect.getsource(training.spiral),
    inside.SECTION: inspect.getsource(inside.convolutional),
}


def main() -> None:
    """Make all pictures, and the page that shows them."""
    parser = argparse.ArgumentParser(description="A page of all pictures.")
    parser.add_argument("--out", type=Path, default=Path("gallery"), help="the folder for them (default: gallery)")
    parser.add_argument("--only", help="make only pictures whose name contains this")
    options = parser.parse_args()
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    if options.only:
        SHOWN[:] = [each for each in SHOWN if options.only in each.file]
    SHOWN.sort(key=lambda each: SECTIONS.index(each.section))
    for number, each in enumerate(SHOWN, start=1):
        each.save(out)
        print(f"{number} of {len(SHOWN)}: {each.file}")
    (out / "index.html").write_text(index(TITLE, INTRODUCTION, SETUPS, out), encoding="utf-8")
    print(f"Open {out / 'index.html'}")


if __name__ == "__main__":
    main()
