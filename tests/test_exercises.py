"""The exercises: solutions pass, untouched files are to do, and wrong answers get the right diagnosis."""

from __future__ import annotations

import ast
import importlib
import signal
import subprocess
import sys
import threading
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
    ("02", ", keepdims=True", "", "not aligned"),
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
    ("06", "np.where(x > 0, g, 0.0)", "g", "unexpected gradient"),
    ("06", "np.where(x > 0, g, 0.0)", "np.where(x > 1, g, 0.0)", "blocked"),
    ("06", "np.where(x > 0, g, 0.0)", "np.where(x > 0, 1.0, 0.0)", "not the chain rule"),
    ("06", "np.where(x > 0, g, 0.0)", "np.where(x > 0, 0.0, g)", "blocked: x > 0 is"),
    ("06", "np.where(x > 0, g, 0.0)", "np.where(x > 0, x, 0.0)", "not the chain rule"),
    ("06", "g * s * (1 - s)", "g * s", "wrong formula"),
    ("06", "g * s * (1 - s)", "g * s * (s - 1)", "wrong sign"),
    ("07", " / len(classes)", "", "missing mean"),
    ("07", "return d_scores", "return -d_scores", "wrong sign"),
    ("07", "d_scores[range(len(classes)), classes] -= 1", "pass", "1 is not subtracted"),
    ("07", "d_scores[range(len(classes)), classes]", "d_scores[:, classes]", "every sample with every class"),
    ("07", "max(axis=1, keepdims=True))\n    d_scores = powers / powers.sum(axis=1, keepdims=True)",
     "max(axis=0))\n    d_scores = powers / powers.sum(axis=0)", "wrong axis"),
    ("07", "scores - scores.max(axis=1, keepdims=True)", "scores", "not finite"),
    ("07", "powers / powers.sum(axis=1, keepdims=True)", "scores.copy()", "softmax is missing"),
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
    ("11", "mean = 0.9 * mean", "mean *= 0.9", "changed in place"),
    ("11", "rate * m", "m", "missing factor"),
    ("11", ", mean, square\n", ", m, square\n", "kept corrected"),
    ("12", "strength * np.sum(weights**2)", "strength * np.mean(weights**2)", "extra mean"),
    ("12", "strength * np.sum(weights**2)", "strength * np.sum(np.abs(weights))", "L1"),
    ("12", "return strength * np.sum(weights**2)", "return np.sum(weights**2)", "missing factor"),
    ("12", "2 * strength * weights", "strength * weights", "missing factor 2"),
    ("12", "2 * strength * weights", "2 * weights", "missing factor: strength"),
    ("02", "x.mean(axis=0)", "x.sum(axis=0)", "missing mean"),
    ("02", "x.mean(axis=0)", "x.mean(axis=1)", "wrong axis, and not aligned"),
    ("12", "2 * strength * weights", "-2 * strength * weights", "wrong sign"),
    ("13", ">= rate", "< rate", "rate is the fraction that"),
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
    ("15", "mean = x.mean(axis=0)", "mean = x.mean(axis=1, keepdims=True)", "wrong values"),
    ("15", "x.var(axis=0) + epsilon", "x.var(axis=0, ddof=1) + epsilon", "the unbiased variance"),
    ("15", "x.var(axis=0) + epsilon", "x.var(axis=0)", "missing ε"),
    ("15", "np.sqrt(x.var(axis=0) + epsilon)", "(np.sqrt(x.var(axis=0)) + epsilon)", "ε outside of the root"),
    ("15", "np.sqrt(x.var(axis=0) + epsilon)", "(x.var(axis=0) + epsilon)", "missing root"),
    ("15", "scale * h + shift", "h", "missing scale and shift"),
    ("15", "momentum * running_mean + (1 - momentum)", "0.1 * running_mean + momentum", "the factors are swapped"),
    ("15", "momentum * running_mean + (1 - momentum) * mean", "mean", "not averaged"),
    ("15", ", ddof=1", "", "biased: divide by samples − 1"),
    ("15", "running_mean) / np.sqrt(running_variance", "x.mean(axis=0)) / np.sqrt(x.var(axis=0)", "the statistics of"),
    ("16", "window, kernels", "window, kernels[::-1, ::-1]", "reversed"),
    ("16", " + biases", "", "missing biases"),
    ("16", "- rows + 1, width - columns + 1", "- rows, width - columns", "too few windows"),
    ("16", "window, kernels", "window.swapaxes(1, 2), kernels", "transposed"),
    ("16", "window, kernels", "window[..., :1], kernels[:, :, :1]", "only the first channel"),
    ("16", "+ biases", "/ kernels[..., 0].size + biases", "extra mean"),
    ("17", "j : j + columns] += np", "j : j + columns] = np", "overwritten"),
    ("17", "g[:, i, j], kernels", "g[:, i, j], kernels[::-1, ::-1]", "reversed"),
    ("17", "axes=(1, 3)", "axes=(1, 2)", "transposed: channels and filters"),
    ("17", "g.sum(axis=(0, 1, 2))", "g.mean(axis=(0, 1, 2))", "extra mean"),
    ("17", "g.sum(axis=(0, 1, 2))", "g.sum(axis=0)", "not unbroadcast"),
    ("17", "d_kernels += np", "d_kernels = np", "overwritten: the kernels"),
    ("18", "np.where(images == enlarged(maxima), enlarged(g), 0.0)", "enlarged(g)", "unexpected gradient"),
    ("18", "np.where(images == enlarged(maxima), enlarged(g), 0.0)", "enlarged(g) / size**2", "divided among"),
    ("18", "enlarged(g), 0.0", "1.0, 0.0", "not the chain rule: g is not used"),
    ("18", "enlarged(g), 0.0", "images, 0.0", "not the chain rule: the maxima"),
    ("18", "images == enlarged(maxima)", "(images == enlarged(maxima)).any(axis=3, keepdims=True)", "the largest"),
    ("18", "return np.where(images == enlarged(maxima), enlarged(g), 0.0)", "return g", "wrong shape"),
    ("19", "np.maximum(0, width) * np.maximum(0, height)", "np.maximum(0, width * height)", "negative sides: two"),
    ("19", "np.maximum(0, width) * np.maximum(0, height)", "width * height", "negative sides: clip"),
    ("19", "(area + areas - shared)", "(area + areas)", "the intersection is counted twice"),
    ("19", "(area + areas - shared)", "area", "divided by the area of the box"),
    ("19", "shared / (area + areas - shared)", "shared", "the area of the intersection"),
    ("20", "waiting[overlaps[best, waiting] <= threshold]", "waiting", "nothing is removed"),
    ("20", "<= threshold", "< threshold", "a box at the threshold"),
    ("20", "<= threshold", "> threshold", "turned around"),
    ("20", "np.argsort(-scores)", "np.argsort(scores)", "worst first"),
    ("20", "return kept", "return sorted(kept)", "in the order of the boxes"),
    ("20", "return kept", "return [scores[i] for i in kept]", "the scores"),
    ("20", "return kept", "return np.isin(range(len(scores)), kept)", "a mask"),
    ("20", "return kept", "return kept[:1]", "only the best"),
    ("20", "return kept", "return [i for i in np.argsort(-scores) if all(scores[overlaps[i] > 0.5] <= scores[i])]",
     "removed boxes still remove"),
    ("20", "waiting = waiting[overlaps[best, waiting] <= threshold]", "waiting = np.argsort(-scores)", "endless loop"),
    ("21", "g * (1 - new_state**2)", "g", "missing factor: the slope of tanh"),
    ("21", "new_state**2", "new_state", "missing square"),
    ("21", "new_state**2", "state**2", "the old state"),
    ("21", "np.tanh(x @ weights + state @ recurrent + biases)", "x @ weights + state @ recurrent + biases", "the sl"),
    ("21", "d @ weights.T", "d @ weights", "transposed"),
    ("21", "d @ recurrent.T", "0 * state", "blocked"),
    ("21", "state.T @ d", "state.T @ g", "wrong formula"),
    ("21", "d.sum(axis=0)", "d", "not unbroadcast"),
    ("22", "first, second, third, fourth", "second, first, third, fourth", "i and f are swapped"),
    ("22", "first, second, third, fourth", "first, second, fourth, third", "n and o are swapped"),
    ("22", "np.tanh(third)", "third", "the third block itself"),
    ("22", "np.tanh(new_cell)", "new_cell", "missing tanh"),
    ("22", "np.tanh(new_cell)", "np.tanh(cell)", "the old cell"),
    ("22", "np.tanh(new_cell) / (1 + np.exp(-fourth))", "np.tanh(new_cell)", "missing factor: the gate o"),
    ("22", "fourth)), new_cell", "fourth)), new_cell[::-1]", "wrong values"),
    ("22", "np.split(scores, 4, axis=1)", "(scores[:, i::4] for i in range(4))", "not split into blocks"),
    ("22", "g * cell * f * (1 - f)", "g * cell", "missing factor: the slope"),
    ("22", "g * cell * f * (1 - f)", "g * f * (1 - f)", "missing factor: the cell"),
    ("22", "g * cell * f * (1 - f), g * f", "g * f, g * cell * f * (1 - f)", "swapped"),
    ("23", "np.sqrt(q.shape[1])", "q.shape[1]", "wrong formula"),
    ("23", "d_scores @ k / scale, d_scores.T @ q / scale", "d_scores @ k, d_scores.T @ q", "missing factor: 1 / √"),
    ("23", "(d - (d * weights).sum(axis=1, keepdims=True))", "d", "blocked: softmax without"),
    ("23", "(d * weights).sum(axis=1, keepdims=True)", "(d * weights).sum(axis=0)", "wrong axis"),
    ("23", "(d * weights).sum(axis=1, keepdims=True)", "(d * weights).sum(axis=1)", "not aligned"),
    ("23", "weights * (d - (d * weights).sum(axis=1, keepdims=True))", "d", "missing factor: the gradient of softmax"),
    ("23", "weights.T @ g", "weights @ g", "transposed"),
    ("23", "d_scores.T @ q", "d_scores @ q", "transposed"),
    ("24", "np.exp(log_variance / 2) * noise\n", "np.exp(log_variance) * noise\n", "the variance instead of the dev"),
    ("24", "np.exp(log_variance / 2) * noise\n", "log_variance * noise\n", "the logarithm itself"),
    ("24", "mean + np.exp(log_variance / 2) * noise", "mean + noise", "the noise is not scaled"),
    ("24", "np.exp(log_variance / 2) / 2", "np.exp(log_variance / 2)", "missing factor: the inner slope"),
    ("24", "g * noise * np.exp", "g * np.exp", "missing factor: the noise"),
    ("24", "g * noise * np.exp(log_variance / 2) / 2", "g * noise", "the gradient of the deviation"),
    ("24", ".sum(axis=1).mean() / 2", ".mean() / 2", "extra mean"),
    ("24", ".sum(axis=1).mean() / 2", ".sum() / 2", "missing mean"),
    ("24", ".sum(axis=1).mean() / 2", ".sum(axis=1).mean()", "missing factor ½"),
    ("24", " - 1)", ")", "missing 1"),
]  # fmt: skip


@pytest.fixture(scope="module")
def check() -> Iterator[Any]:
    """The program; as if started in its folder, where the graders find `grading`."""
    sys.path.insert(0, str(EXERCISES))
    yield importlib.import_module("check")
    sys.path.remove(str(EXERCISES))
    for name in ("check", "grading", "grading_gradients", "time_limit"):
        del sys.modules[name]


@pytest.fixture(autouse=True)
def _clean_registry() -> Iterator[None]:
    """What is declared here, wrong on purpose, must not reach the tests that walk the registry."""
    before = dict(registry)
    yield
    registry.clear()
    registry.update(before)


def answer(folder: Path, number: str, *changes: tuple[str, str]) -> str:
    """Write the solution with some of its text changed, and return its name."""
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
    assert check.grade(name, answers=SOLUTIONS) == check.Result("done")


@pytest.mark.parametrize("name", NAMES)
def test_untouched_files_are_to_do(name: str, check: Any) -> None:
    result = check.grade(name, answers=EXERCISES)
    assert result.state == "to do"
    assert result.diagnosis.startswith(f"exercise {name[:2]}, ")


@pytest.mark.slow
@pytest.mark.parametrize(("number", "right", "wrong", "diagnosis"), WRONG)
def test_wrong_answers_get_their_diagnosis(
    number: str, right: str, wrong: str, diagnosis: str, check: Any, tmp_path: Path
) -> None:
    seconds = 0.2 if diagnosis == "endless loop" else 60.0
    result = check.grade(answer(tmp_path, number, (right, wrong)), answers=tmp_path, seconds=seconds)
    assert (result.state, result.diagnosis[: len(diagnosis)]) == ("wrong", diagnosis), result.explanation
    assert result.explanation


def test_several_faults_are_named_together(check: Any, tmp_path: Path) -> None:
    name = answer(tmp_path, "04", ("-np.log", "np.log"), (".mean()", ".sum()"))
    assert check.grade(name, answers=tmp_path).diagnosis == "wrong sign, missing mean"


@pytest.mark.parametrize("returned", ["None", "'text'", "[[1.0], [2.0, 3.0]]", "0.5", "()"])
@pytest.mark.parametrize("name", NAMES)
def test_whatever_comes_back_is_judged(name: str, returned: str, check: Any, tmp_path: Path) -> None:
    source = (SOLUTIONS / f"{name}.py").read_text(encoding="utf-8")
    for number, _ in enumerate(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)):
        tree = ast.parse(source)
        function = [n for n in tree.body if isinstance(n, ast.FunctionDef)][number]
        function.body = ast.parse(f"return {returned}", mode="exec").body
        (tmp_path / f"{name}.py").write_text(ast.unparse(tree), encoding="utf-8")
        assert check.grade(name, answers=tmp_path).state == "wrong", function.name


@pytest.mark.parametrize(
    ("wrong", "diagnosis", "explanation"),
    [
        ("return x @", "SyntaxError", "05_dense_backward.py, line 6"),
        ("raise NotImplementedError('later')", "NotImplementedError", "05_dense_backward.py, line 6"),
        ("return y", "NameError", "05_dense_backward.py, line 6, return y"),
        ("x[0] = 1", "changed in place", "05_dense_backward.py, line 6, x[0] = 1: assignment destination is read-only"),
        ("g -= g.mean()", "changed in place", "x = x - 1"),
        ("return x @ g", "ValueError", "05_dense_backward.py, line 6, return x @ g"),
        ("exit()", "SystemExit", "05_dense_backward.py, line 6, exit()"),
    ],
)
def test_errors_are_reported_with_their_line(
    wrong: str, diagnosis: str, explanation: str, check: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = answer(tmp_path, "05", ("return g @ weights.T, x.T @ g, g.sum(axis=0)", wrong))
    monkeypatch.chdir(tmp_path)
    result = check.grade(name, answers=Path())
    assert (result.state, result.diagnosis) == ("wrong", diagnosis)
    assert explanation in result.explanation


def test_a_missing_function_and_a_missing_file_are_reported(check: Any, tmp_path: Path) -> None:
    result = check.grade(answer(tmp_path, "05", ("def dense_b", "def b")), answers=tmp_path)
    assert result.diagnosis == "no function"
    assert "05_dense_backward.py has no function dense_backward." in result.explanation
    assert check.grade("06_activations_backward", answers=tmp_path).diagnosis == "no file"


def test_wrong_gradients_get_pages_to_walk_through(
    check: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = answer(tmp_path, "05", ("g.sum(axis=0)", "g.mean(axis=0)"))
    out = tmp_path / "pages"
    assert check.main(["05", "--answers", str(tmp_path), "--out", str(out)]) == 1
    printed = capsys.readouterr().out
    assert "05_dense_backward                   wrong: extra mean\n" in printed
    assert "the gradient with respect to biases: expected (2,)" in printed
    right, by_hand = out / f"{name}.html", out / f"{name}_by_hand.html"
    assert all(f": {page}\n" in printed for page in (right, by_hand))
    assert '"sign":"✗' not in right.read_text(encoding="utf-8")
    assert "Usually this means: extra mean" in by_hand.read_text(encoding="utf-8")
    assert '"sign":"✗ should be' in by_hand.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("number", ["05", "06", "07", "08", "12", "13", "14", "17", "18", "21", "22", "23", "24"])
def test_pages_name_the_mistake_that_the_grader_names(number: str, check: Any, tmp_path: Path) -> None:
    for _, right, wrong, _ in [each for each in WRONG if each[0] == number][:3]:
        result = check.grade(answer(tmp_path, number, (right, wrong)), answers=tmp_path)
        if "_by_hand" in result.pages:
            page = result.pages["_by_hand"]().html
            _, *named = page.split("Usually this means: ")
            assert all(text.startswith(f"{result.diagnosis}.") for text in named)
            assert named or '"sign":"✗' not in page
            assert "Finite differences" in result.pages[""]().html


def test_an_exercise_on_the_order_offers_a_page(check: Any, tmp_path: Path) -> None:
    name = answer(tmp_path, "10", ("return order", "return order[::-1]"))
    assert "Finite differences" in check.grade(name, answers=tmp_path).pages[""]().html


@pytest.mark.parametrize("catching", ["Exception", "ValueError"])
def test_an_endless_loop_is_stopped_and_named(catching: str, check: Any, tmp_path: Path) -> None:
    loop = f"while True:\n        try:\n            x = x + 1\n        except {catching}:\n            pass"
    name = answer(tmp_path, "01", ("return x @ weights + biases", loop))
    before = signal.getsignal(signal.SIGINT)
    result = check.grade(name, answers=tmp_path, seconds=0.1)
    assert (result.state, result.diagnosis) == ("wrong", "endless loop")
    assert "01_forward.py, line " in result.explanation
    assert signal.getsignal(signal.SIGINT) is before
    assert check.grade(name.replace("01_forward", "02_shapes"), answers=SOLUTIONS).state == "done"


def test_grading_in_a_thread_has_no_time_limit(check: Any) -> None:
    results = []
    thread = threading.Thread(target=lambda: results.append(check.grade("01", answers=SOLUTIONS, seconds=0.0)))
    thread.start()
    thread.join()
    assert results == [check.Result("done")]


def test_results_are_shown_in_notebooks_with_a_walkthrough(check: Any) -> None:
    def dense_backward(g, x, weights, biases):
        return g @ weights.T, x.T @ g, g.mean(axis=0)

    shown = check.grade("05", dense_backward)._repr_html_()
    assert shown.startswith("<pre>wrong: extra mean\n")
    assert shown.count("<iframe srcdoc=") == 1
    assert check.Result("done")._repr_html_() == "<pre>done</pre>"


def test_functions_of_a_notebook_are_graded(check: Any) -> None:
    def dense(x, weights, biases):
        return x @ weights

    def relu_backward(g, x):
        return (x > 0) * g

    def another(g, x):
        return 1 / 0

    assert check.grade("01", dense).diagnosis == "missing biases"
    assert repr(check.grade("01_f", dense)).startswith("wrong: missing biases\n    dense(x, weights, biases): exp")
    assert check.grade("06", relu_backward).state == "to do"  # its other function is missing
    with pytest.raises(ValueError, match="06_activations_backward has no function 'another'"):
        check.grade("06", another)
    another.__name__ = "relu_backward"
    assert "your cell, line " in check.grade("06", another).explanation
    with pytest.raises(ValueError, match="there is no exercise '77'"):
        check.grade("77", dense)
    with pytest.raises(ValueError, match="'backward' matches 05"):
        check.grade("backward", dense)


@pytest.mark.parametrize("name", NAMES)
def test_every_exercise_has_three_hints(name: str, check: Any) -> None:
    hints = [check.hint(name, number) for number in (1, 2, 3)]
    assert len(set(hints)) == 3
    assert hints[0].startswith(f"{name}, hint 1 of 3: ")
    with pytest.raises(ValueError, match="has hints 1 to 3, got 4"):
        check.hint(name, 4)


def test_hints_and_progress_on_the_command_line(check: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["05", "--hint", "2"]) == 0
    assert capsys.readouterr().out.startswith("05_dense_backward, hint 2 of 3: ")
    for wrong, message in ((["--hint", "1"], "--hint expects one exercise"), (["05", "--hint", "0"], "hints 1 to 3")):
        with pytest.raises(SystemExit):
            check.main(wrong)
        assert message in capsys.readouterr().err

    answer(tmp_path, "01")
    answer(tmp_path, "02", (", keepdims=True", ""))
    (tmp_path / "03_activations.py").write_bytes((EXERCISES / "03_activations.py").read_bytes())
    assert check.main(["1", "2", "3", "--progress", "--answers", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line[:4] for line in lines[:3]] == ["✓ 01", "✗ 02", "· 03"]
    assert lines[-2:] == ["[########----------------] 1 of 3 done", "next: 02_shapes.py"]


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
