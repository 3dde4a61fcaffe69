"""List the chapters, or copy some as notebooks.

python -m tensorgrad.examples                     list all chapters
python -m tensorgrad.examples 8 25                copy chapters 8 and 25 to the folder tensorgrad-examples
python -m tensorgrad.examples all --to notebooks  copy all of them, and the exercises, to the folder notebooks

Existing notebooks and exercises are kept, because they may contain your work. `--overwrite` replaces them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tensorgrad.examples.notebooks import chapters, copy, title


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tensorgrad.examples", description="Chapters as notebooks.")
    parser.add_argument("chapters", nargs="*", help="numbers of chapters, or 'all'; by default, list them")
    parser.add_argument("--to", type=Path, default=Path("tensorgrad-examples"), help="folder (default: %(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace existing notebooks and exercises")
    options = parser.parse_args(arguments)
    found = chapters()
    if not options.chapters:
        for number, path in found.items():
            print(f"{number:3}  {title(path)}")
        print("\nCopy chapters as notebooks: `python -m tensorgrad.examples 8 25`, or `all`, with the exercises.")
        return
    wanted = _numbers(options.chapters, found, parser)
    try:
        copied = list(copy(wanted, options.to, exercises="all" in options.chapters, overwrite=options.overwrite))
    except ModuleNotFoundError as error:
        parser.exit(1, f"{error}\n")
    for path in (path for path, written in copied if written):
        print(path)
    kept = [str(path) for path, written in copied if not written]
    if kept:
        print(f"Kept, because they exist (--overwrite replaces them): {', '.join(kept)}")


def _numbers(asked: list[str], found: dict[int, Path], parser: argparse.ArgumentParser) -> list[int]:
    if asked == ["all"]:
        return list(found)
    wrong = [each for each in asked if not each.isdecimal() or int(each) not in found]
    if wrong:
        parser.error(f"expected numbers of chapters from {min(found)} to {max(found)}, or 'all', got {wrong[0]!r}")
    return [int(each) for each in asked]


if __name__ == "__main__":
    main()
