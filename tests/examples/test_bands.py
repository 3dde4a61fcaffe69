"""The table of full chapters: what is measured, what fails, and what is kept of earlier runs."""

from pathlib import Path

import pytest

from tests.examples import bands

CHAPTER = """# %% [markdown]
# # Chapter 23. A short one
import sys
seed = int(sys.argv[sys.argv.index("--seed") + 1])
print("Chapter 23. A short one")
print("  equal: two results")
print("  true: a statement")
print(f"  loss {0.5 + seed / 4} after 1,000 steps")
assert seed < 2, "the loss is too large"
"""


def test_bands_collect_measurements_claims_and_errors(tmp_path: Path) -> None:
    path = tmp_path / "23_short.py"
    path.write_text(CHAPTER, encoding="utf-8")
    runs = [bands.run(path, seed) for seed in bands.SEEDS]
    assert [each.claims for each in runs] == [2, 2, 2]
    text = bands.section(path, runs)
    assert "## Chapter 23. A short one" in text
    assert text.count("all claims hold") == 2
    assert "| 2 | failed: AssertionError: the loss is too large |" in text
    assert text.endswith("- loss 0.5 … 1.0 after 1,000 steps")


def test_bands_keep_the_sections_of_other_chapters(tmp_path: Path) -> None:
    sections = {23: "## Chapter 23. One\n\n- a", 24: "## Chapter 24. Two\n\n- b"}
    (tmp_path / "bands.md").write_text(bands.page(sections), encoding="utf-8")
    assert bands.read(tmp_path / "bands.md") == sections
    assert bands.read(tmp_path / "none.md") == {}


def test_bands_pair_lines_that_are_repeated() -> None:
    measured = [["a 1", "b 5", "a 2"], ["a 3", "a 2"], ["a 1", "a -1e-3"]]
    assert list(bands.ranges(measured)) == ["a 1 … 3", "a -1e-3 … 2"]


def test_bands_refuse_unknown_chapters(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bands.main(["7"])
    assert "there is no chapter 7" in capsys.readouterr().err
