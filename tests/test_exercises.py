"""The exercises: solutions pass, untouched files are to do, and each wrong answer is told what is wrong with it."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad.op import registry

EXERCISES = Path(tg.__file__).parent.parent / "examples" / "exercises"
SOLUTIONS = EXERCISES / "solutions"
NAMES = sorted(path.stem for path in SOLUTIONS.glob("*.py"))

WRONG = [
    # exercise, what the solution says, what the wrong answer says, the diagnosis
    ("01", "x @ weights", "x @ weights.T", "transposed"),
    ("01", " + biases", "", "missing biases"),
    ("01", " + biases", " - biases", "wrong sign"),
    ("01", "x @ weights + biases", "(x @ weights + biases).T", "transposed"),
    ("02", "x.mean(axis=0)", "x.mean(axis=1, keepdims=True)", "wrong axis"),
    ("02", "x.mean(axis=0)", "x.mean()", "the mean of everything"),
    ("02", "x.mean(axis=0)", "x.mean(axis=0, keepdims=True) * [[[1]]]", "not unbroadcast"),
    ("02", ", keepdims=True", "", "not lined up"),
    ("02", "x.sum(axis=1, keepdims=True)", "x.sum(axis=0)", "wrong axis"),
    ("02", "x.sum(axis=1, keepdims=True)", "x.sum()", "the sum of everything"),
    ("03", "np.maximum(0, x)", "abs(x)", "the absolute value"),
    ("03", "np.exp(-x)", "np.exp(x)", "wrong sign"),
    ("03", "scores - scores.max(axis=1, keepdims=True)", "scores", "not finite"),
    ("03", "powers.sum(axis=1, keepdims=True)", "powers.sum(axis=0)", "wrong axis"),
    ("03", "powers / powers.sum(axis=1, keepdims=True)", "powers / powers.sum()", "the whole batch"),
    ("04", "-np.log", "np.log", "wrong sign"),
    ("04", ".mean()", ".sum()", "missing mean"),
    ("04", "range(len(classes))", ":", "every sample with every class"),
    ("04", "clipped[range(len(classes)), classes]", "probabilities[range(len(classes)), 0]", "not finite"),
    ("05", "g @ weights.T", "g @ weights", "transposed"),
    ("05", "x.T @ g", "g.T @ x", "transposed"),
    ("05", "g.sum(axis=0)", "g", "not unbroadcast"),
    ("05", "g.sum(axis=0)", "g[0]", "not unbroadcast"),
    ("05", "g.sum(axis=0)", "g.mean(axis=0)", "extra mean"),
    ("05", "x.T @ g", "2 * x.T @ g", "counted twice"),
    ("05", "x.T @ g", "-x.T @ g", "wrong sign"),
    ("05", "x.T @ g", "0 * x.T @ g", "blocked"),
    ("05", ", g.sum(axis=0)", "", "wrong count"),
    ("06", "np.where(x > 0, g, 0.0)", "g", "gradient out of nowhere"),
    ("06", "np.where(x > 0, g, 0.0)", "np.where(x > 1, g, 0.0)", "blocked"),
    ("06", "np.where(x > 0, g, 0.0)", "np.where(x > 0, 1.0, 0.0)", "not the chain rule"),
    ("06", "np.where(x > 0, g, 0.0)", "np.where(x > 0, 0.0, g)", "blocked: x > 0 is"),
    ("06", "np.where(x > 0, g, 0.0)", "np.where(x > 0, x, 0.0)", "not the chain rule"),
    ("06", "g * s * (1 - s)", "g * s", "wrong formula"),
    ("06", "g * s * (1 - s)", "g * s * (s - 1)", "wrong sign"),
    ("07", " / len(classes)", "", "missing mean"),
    ("07", "return d_scores", "return -d_scores", "wrong sign"),
    ("07", "d_scores[range(len(classes)), classes] -= 1", "pass", "wrong formula"),
    ("07", "return d_scores", "return d_scores.T", "transposed"),
    ("08", "d - d.mean(axis=0)", "d", "blocked: the path through the mean"),
    ("08", " - h * (d * h).mean(axis=0)", "", "blocked: the path through the variance"),
    ("08", "(d - d.mean(axis=0) - h * (d * h).mean(axis=0))", "d", "blocked: the paths through the mean and"),
    ("08", "(g * h).sum(axis=0)", "g * h", "not unbroadcast"),
    ("08", ", g.sum(axis=0)", ", g.mean(axis=0)", "extra mean"),
    ("08", "d.mean(axis=0)", "d.sum(axis=0)", "wrong formula"),
    ("09", "return g.sum(axis=spread, keepdims=True)", "return g", "not unbroadcast"),
    ("09", "g = g.sum(axis=tuple(range(g.ndim - len(shape))))", "pass", "not unbroadcast"),
    ("09", "g = g.sum(", "g = g.mean(", "extra mean"),
    ("09", ", keepdims=True", "", "wrong shape"),
    ("10", "if name not in made:", "if True:", "blocked"),
    ("10", "if users[source] == 0:", "if True:", "counted twice"),
    ("10", "if users[source] == 0:", "if source not in order:", "too early"),
    ("10", "return order", "return order[::-1]", "too early"),
    ("10", "return order", "return order[:-1]", "blocked"),
    ("10", "return order", "return list(made_from)", "too many"),
    ("11", "weights - rate", "weights + rate", "wrong sign"),
    ("11", "mean / (1 - 0.9**t)", "mean", "wrong values"),
    ("11", "rate * m / (np.sqrt(s) + 1e-7)", "rate * mean / (np.sqrt(square) + 1e-7)", "no bias correction"),
    ("11", "(np.sqrt(s) + 1e-7)", "np.sqrt(s + 1e-7)", "ε inside of the root"),
    ("11", "mean = 0.9 * mean", "mean *= 0.9", "ValueError"),
    ("11", "rate * m", "m", "missing factor"),
    ("11", ", mean, square\n", ", m, square\n", "kept corrected"),
    ("12", "strength * np.sum(weights**2)", "strength * np.mean(weights**2)", "extra mean"),
    ("12", "strength * np.sum(weights**2)", "strength * np.sum(np.abs(weights))", "L1"),
    ("12", "return strength * np.sum(weights**2)", "return np.sum(weights**2)", "missing factor"),
    ("12", "2 * strength * weights", "strength * weights", "counted half"),
    ("12", "2 * strength * weights", "2 * weights", "missing factor: strength"),
    ("02", "x.mean(axis=0)", "x.sum(axis=0)", "missing mean"),
    ("02", "x.mean(axis=0)", "x.mean(axis=1)", "wrong axis, and not lined up"),
    ("12", "2 * strength * weights", "-2 * strength * weights", "wrong sign"),
    ("13", ">= rate", "< rate", "rate is the share that is dropped"),
    ("13", ") / (1 - rate)", ") * 1.0", "missing factor"),
    ("13", ") / (1 - rate)", ") / rate", "factor 1 / rate"),
    ("13", "return x * mask, mask", "return x, mask", "the mask is not used"),
    ("13", "g * mask", "g", "the mask is not used"),
    ("13", "g * mask", "g * (mask > 0)", "missing factor"),
    ("14", "(s + beta * x * s * (1 - s))", "s", "wrong formula"),
    ("14", "g * x**2 * s", "x**2 * s", "not the chain rule"),
    ("14", "g * x**2 * s", 'g * (x.data if hasattr(x, "node") else x) ** 2 * s', "wrong formula"),
    ("14", "g * x**2 * s", "-g * x**2 * s", "wrong sign"),
    ("14", "g * x**2 * s", "0 * g * x**2 * s", "blocked"),
    ("14", "x / (1", "2 * x / (1", "wrong values"),
]  # fmt: skip


@pytest.fixture(scope="module")
def check() -> Iterator[Any]:
    """The program; as if started in its folder, where the graders find `grading`."""
    sys.path.insert(0, str(EXERCISES))
    yield importlib.import_module("check")
    sys.path.remove(str(EXERCISES))
    for name in ("check", "grading", "grading_gradients"):
        del sys.modules[name]


@pytest.fixture(autouse=True)
def _clean_registry() -> Iterator[None]:
    """What is declared here, wrong on purpose, must not reach the tests that walk the registry."""
    before = dict(registry)
    yield
    registry.clear()
    registry.update(before)


def answer(folder: Path, number: str, *changes: tuple[str, str]) -> str:
    """Write the solution with some of its text changed, and give its name."""
    name = next(name for name in NAMES if name.startswith(number))
    text = (SOLUTIONS / f"{name}.py").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return name


def test_every_exercise_has_a_solution_and_a_grader() -> None:
    assert len(NAMES) >= 10
    for folder in (EXERCISES, EXERCISES / "graders"):
        assert sorted(path.stem for path in folder.glob("[0-9]*.py")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_exercise_and_its_solution_have_the_same_functions(name: str) -> None:
    def functions(path: Path) -> list[tuple[str, str, str | None]]:
        nodes = ast.parse(path.read_text(encoding="utf-8")).body
        return [(n.name, ast.dump(n.args), ast.get_docstring(n)) for n in nodes if isinstance(n, ast.FunctionDef)]

    assert functions(EXERCISES / f"{name}.py") == functions(SOLUTIONS / f"{name}.py")


@pytest.mark.parametrize("name", NAMES)
def test_solutions_are_done(name: str, check: Any) -> None:
    assert check.grade(name, SOLUTIONS) == check.Result("done")


@pytest.mark.parametrize("name", NAMES)
def test_untouched_files_are_to_do(name: str, check: Any) -> None:
    result = check.grade(name, EXERCISES)
    assert result.state == "to do"
    assert result.diagnosis.startswith(f"exercise {name[:2]}, ")


@pytest.mark.slow
@pytest.mark.parametrize(("number", "right", "wrong", "diagnosis"), WRONG)
def test_wrong_answers_are_told_why(
    number: str, right: str, wrong: str, diagnosis: str, check: Any, tmp_path: Path
) -> None:
    result = check.grade(answer(tmp_path, number, (right, wrong)), tmp_path)
    assert (result.state, result.diagnosis[: len(diagnosis)]) == ("wrong", diagnosis), result.explanation
    assert result.explanation


def test_several_faults_are_named_together(check: Any, tmp_path: Path) -> None:
    name = answer(tmp_path, "04", ("-np.log", "np.log"), (".mean()", ".sum()"))
    assert check.grade(name, tmp_path).diagnosis == "wrong sign, missing mean"


@pytest.mark.parametrize("returned", ["None", "'text'", "[[1.0], [2.0, 3.0]]", "0.5", "()"])
@pytest.mark.parametrize("name", NAMES)
def test_whatever_comes_back_is_judged(name: str, returned: str, check: Any, tmp_path: Path) -> None:
    source = (SOLUTIONS / f"{name}.py").read_text(encoding="utf-8")
    for number, _ in enumerate(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)):
        tree = ast.parse(source)
        function = [n for n in tree.body if isinstance(n, ast.FunctionDef)][number]
        function.body = ast.parse(f"return {returned}", mode="exec").body
        (tmp_path / f"{name}.py").write_text(ast.unparse(tree), encoding="utf-8")
        assert check.grade(name, tmp_path).state == "wrong", function.name


@pytest.mark.parametrize(
    ("wrong", "diagnosis", "explanation"),
    [
        ("return x @", "SyntaxError", "05_dense_backward.py, line 6"),
        ("raise NotImplementedError('later')", "NotImplementedError", "05_dense_backward.py, line 6"),
        ("return y", "NameError", "05_dense_backward.py, line 6, return y"),
        ("x[0] = 1", "ValueError", "read-only"),
        ("return x @ g", "ValueError", "05_dense_backward.py, line 6, return x @ g"),
    ],
)
def test_errors_are_told_with_their_line(
    wrong: str, diagnosis: str, explanation: str, check: Any, tmp_path: Path
) -> None:
    name = answer(tmp_path, "05", ("return g @ weights.T, x.T @ g, g.sum(axis=0)", wrong))
    result = check.grade(name, tmp_path)
    assert (result.state, result.diagnosis) == ("wrong", diagnosis)
    assert explanation in result.explanation


def test_a_missing_function_and_a_missing_file_are_told(check: Any, tmp_path: Path) -> None:
    assert "dense_backward" in check.grade(answer(tmp_path, "05", ("def dense_b", "def b")), tmp_path).explanation
    assert check.grade("06_activations_backward", tmp_path).diagnosis == "no file"


def test_wrong_gradients_get_pages_to_walk_through(
    check: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = answer(tmp_path, "05", ("g.sum(axis=0)", "g.mean(axis=0)"))
    out = tmp_path / "pages"
    assert check.main(["05", "--answers", str(tmp_path), "--out", str(out)]) == 1
    printed = capsys.readouterr().out
    assert "05_dense_backward                   wrong: extra mean\n" in printed
    assert "the derivative of output 0 (4, 3) with respect to input 2 'biases' (3,) is wrong" in printed
    right, by_hand = out / f"{name}.html", out / f"{name}_by_hand.html"
    assert all(f": {page}\n" in printed for page in (right, by_hand))
    assert '"sign":"✗' not in right.read_text(encoding="utf-8")
    assert "Usually this means: extra mean" in by_hand.read_text(encoding="utf-8")
    assert '"sign":"✗ should be' in by_hand.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("number", ["05", "06", "07", "08", "09", "10", "12", "13", "14"])
def test_the_exercises_with_gradients_offer_pages(number: str, check: Any, tmp_path: Path) -> None:
    for _, right, wrong, diagnosis in (each for each in WRONG if each[0] == number):
        pages = check.grade(answer(tmp_path, number, (right, wrong)), tmp_path).pages
        if diagnosis.startswith(("blocked", "counted", "too early")):
            assert pages
            assert "Finite differences" in pages[""]().html


@pytest.mark.slow
def test_it_runs_as_a_program(tmp_path: Path) -> None:
    program = [sys.executable, str(EXERCISES / "check.py"), "5"]
    done = subprocess.run([*program, "--answers", str(SOLUTIONS)], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1], done.stderr) == (0, "1 done", "")
    to_do = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True)
    assert (to_do.returncode, to_do.stdout.splitlines()[-1], to_do.stderr) == (1, "1 to do", "")


def test_the_command_line(check: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    solutions = ["--answers", str(SOLUTIONS), "--out", str(tmp_path)]
    assert check.main(["1", "dense_b", "04_loss_to_debug.py", *solutions]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[:-1]] == ["01_forward", "04_loss_to_debug", "05_dense_backward"]
    assert printed[-1] == "3 done"

    answer(tmp_path, "01")
    assert check.main(["01", "02", "--answers", str(tmp_path)]) == 1
    assert capsys.readouterr().out.endswith("1 done, 1 wrong\n")

    assert check.main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(NAMES)
    with pytest.raises(SystemExit) as stopped:
        check.main(["99"])
    assert stopped.value.code == 2
    assert "there is no exercise '99'" in capsys.readouterr().err
