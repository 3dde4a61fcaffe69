"""Describe a backward pass of a recording step by step."""

from __future__ import annotations

from collections import Counter

from tensorgrad.viz.lesson.board import Board, rule_board, sum_board, total_board
from tensorgrad.viz.lesson.equations import Equation, Notation, on_one_line
from tensorgrad.viz.lesson.guesses import rule_guesses, shape_guesses
from tensorgrad.viz.lesson.reasons import reason
from tensorgrad.viz.lesson.steps import Change, Question, Step, StepKind, same
from tensorgrad.viz.recording import Box, Contribution, Event, Pass, Reading, Recording, Summary, labels

MANY = 6
"""How many leaves the last step names."""


def backward_steps(recording: Recording, number: int = 0) -> tuple[Step, ...]:
    """Return the steps of one of the recording's passes, from the seed to the gradients of the leaves.

    Args:
        recording: a recording with passes.
        number: the index of the pass; 0 is the correct one.
    """
    return tuple(_Telling(recording, recording.passes[number]).steps())


class _Telling:
    """State of one pass.

    Attributes:
        totals: the gradient that each box has received so far.
        arrived: the number of contributions so far.
        awaited: the number of contributions in this pass.
        expected: the number of contributions in the correct pass.
    """

    def __init__(self, recording: Recording, told: Pass) -> None:
        self.boxes = recording.boxes
        self.output = recording.boxes[-1]
        self.told = told
        self.right = recording.passes[0]
        self.notation = Notation(recording)
        self.sign = "=" if told.kind == "overwritten" else "+="
        self.totals: dict[int, Reading] = {self.output.id: told.gradients[self.output.id]}
        self.arrived: Counter[int] = Counter()
        self.awaited = self.count(told)
        self.expected = self.count(self.right)

    def count(self, one: Pass) -> Counter[int]:
        return Counter(self.target(event, each) for event in one.events for each in event.contributions)

    def target(self, event: Event, given: Contribution) -> int:
        return self.boxes[event.box].operands[given.operand].box

    def steps(self) -> list[Step]:
        steps = [self.seed()]
        for event in self.told.events:
            steps += self.readiness(event)
            for given in event.contributions:
                steps += self.contribution(event, given)
        return [*steps, self.end()]

    def seed(self) -> Step:
        output = self.output.id
        reading = self.told.gradients[output]
        symbol, shown = self.notation.gradients[output], labels.one_line(reading, self.output)
        words = "Backward starts at the output: its derivative with respect to itself is 1."
        if shown != "1":
            words = "Backward starts at the output, with the gradient that backward() was called with."
        changes = [self.change(output, reading)]
        if self.told.kind == "not zeroed":
            words = f"zero_grad() was not called: the leaves still hold the gradients of the first pass. {words}"
            for leaf in self.leaves():
                self.totals[leaf] = self.right.gradients[leaf]
                changes.append(self.change(leaf, self.totals[leaf]))
        return Step("seed", output, None, f"{symbol} = {shown}", words, (((symbol, shown),),), tuple(changes))

    def leaves(self) -> list[int]:
        """Return the leaves that a gradient reaches."""
        reached = [box for box in self.boxes if self.expected[box.id] or box is self.output]
        return [box.id for box in reached if box.kind == "leaf"]

    def readiness(self, event: Event) -> list[Step]:
        """Describe, where paths meet, whether all contributions have arrived before the box passes its gradient on."""
        box, expected = event.box, self.expected[event.box]
        if self.boxes[box].results:
            return [self.meeting(self.boxes[box])]
        name, shown = self.notation.symbols[box], labels.one_line(event.upstream, self.boxes[box])
        equation = ((self.notation.gradients[box], shown),)
        line = f"{self.notation.gradients[box]} = {shown}"
        if box in self.told.early:
            right = labels.one_line(self.right.gradients[box], self.boxes[box])
            words = (
                f"Too early! Only {self.arrived[box]} of {expected} contributions to {name} have arrived, and it "
                f"already passes on {shown}. Right: {right}."
            )
            marked = Change(box, "gradient", event.upstream, final=False, right=self.right.gradients[box])
            return [Step("early", box, None, f"⚠ {line} (right: {right})", words, (equation,), (marked,))]
        if expected < 2:
            return []
        words = f"{_all(expected)} contributions to {name} have arrived: now it can pass its gradient on."
        if self.told.kind == "overwritten":
            words = f"{_all(expected)} contributions to {name} have arrived, but only the last of them is left."
        return [Step("ready", box, None, line, words, (equation,))]

    def meeting(self, call: Box) -> Step:
        """Return the step at a call with several results, whose rules receive all gradients at once."""
        results = self.notation.results(call)
        arrived = [(id, self.totals.get(id)) for id in results]
        terms = [
            (self.notation.gradients[id], "0" if reading is None else labels.one_line(reading, self.boxes[id]))
            for id, reading in arrived
        ]
        used = {self.boxes[id].operands[0].name for id in results}
        unused = [which for which in call.results if which not in used]
        words = f"The gradients of the results of {call.op} meet here, because its rules need all of them at once."
        if unused:
            words += f" For {', '.join(unused)}, which this graph does not use, the gradient is 0."
        kind: StepKind = "ready"
        if call.id in self.told.early:
            kind = "early"
            words = f"Too early! Not all gradients of the results of {call.op} have arrived; the others count as 0."
        line = "  ·  ".join(f"{name} = {shown}" for name, shown in terms)
        return Step(kind, call.id, None, "⚠ " * (kind == "early") + line, words, tuple((each,) for each in terms))

    def contribution(self, event: Event, given: Contribution) -> list[Step]:
        """Describe a call of a rule and the operand's new gradient, with unbroadcasting in between if needed."""
        target = self.target(event, given)
        before = self.totals.get(target)
        self.totals[target] = given.total
        self.arrived[target] += 1
        change = self.change(target, given.total)
        arrival = self.arrival(target, before, given)
        was = "–" if before is None else labels.one_line(before, self.boxes[target])
        ending = f";  {arrival[0][0]}: {was} → {arrival[0][1]}"
        words, name = self.arrival_words(target, before), self.notation.symbols[target]
        overwrites = self.told.kind == "overwritten"
        summed = total_board(self.notation, self.boxes[target], None if overwrites else before, given)

        def step(kind: StepKind, equation: Equation, words: str, asked: Question | None, board: Board = ()) -> Step:
            line, equations = on_one_line(equation) + ending, (equation, arrival)
            boards = tuple(filter(None, (board, summed if board else ())))
            return Step(
                kind,
                event.box,
                given.operand,
                line,
                words.strip(),
                equations,
                (change,),
                asked,
                given.value,
                boards=boards,
            )

        if given.slope is not None:
            asked = None
            if isinstance(given.total, Summary):
                partial, upstream = self.notation.partial(event, given), self.notation.gradients[event.box]
                added = "" if before is None or overwrites else ", and add what had arrived before"
                asked = Question(
                    f"{arrival[0][0]} = ",
                    float(given.total.numbers[0]),
                    f"Multiply {upstream} by {partial}{added}.",
                    rule_guesses(self.notation, event, given, before, overwritten=overwrites),
                )
            slope = self.notation.slope_words(event, given)
            if not given.local:  # a number alone does not explain the rule
                slope = f"{slope} {reason(self.notation, event, given)}"
            return [step("rule", self.notation.chain(event, given, self.sign), f"{slope} {words}", asked)]
        rule = self.notation.vjp(event, given, self.totals, self.sign)
        shape_of = self.boxes[target].shape
        hint = "" if given.given_shape == shape_of else "The rule returns one number for each element of the result."
        others = [(self.boxes[event.box].shape, self.notation.symbols[event.box]), (shape_of, name)]
        asked = Question(f"shape of {rule[0][0]}: ", given.given_shape, hint, shape_guesses(given.given_shape, others))
        if rule[1][1] == "=" and isinstance(given.value, Summary):
            asked = Question(f"{rule[0][0]} = ", float(given.value.numbers[0]))
        shape = self.boxes[target].shape
        why = reason(self.notation, event, given)
        board = () if rule[1][1] == "=" and self.is_scalar_rule(event) else self.board(event, given)
        if shape is None or given.given_shape == shape:
            return [step("rule", rule, f"{why} {words}", asked, board)]
        wide = self.notation.wide_words(target, given)
        narrow = self.notation.sum_down(target, given, self.sign)
        added = self.notation.sum_words(target, given)
        return [
            Step(
                "rule",
                event.box,
                given.operand,
                on_one_line(rule),
                f"{why} {wide}",
                (rule,),
                (),
                asked,
                boards=(board,),
            ),
            step(
                "sum down",
                narrow,
                f"{added} {words}",
                Question(
                    f"shape of {narrow[0][0]}: ",
                    shape,
                    "",
                    shape_guesses(shape, [(given.given_shape, "the rule's result, before the sum")]),
                ),
                sum_board(self.notation, event, given, self.sign, narrow[2][0]),
            ),
        ]

    def is_scalar_rule(self, event: Event) -> bool:
        """Return whether all that a rule computes with are scalars."""
        box = self.boxes[event.box]
        ids = [*(operand.box for operand in box.operands), *(self.notation.results(box) or [box.id])]
        return all(map(self.notation.is_scalar, ids))

    def board(self, event: Event, given: Contribution) -> Board:
        """Return the call of a rule with its arrays."""
        return rule_board(self.notation, event, given, self.totals, self.sign)

    def arrival(self, target: int, before: Reading, given: Contribution) -> Equation:
        """Return the current sum of gradients at a box."""
        box = self.boxes[target]
        total, value = (labels.one_line(each, box) for each in (given.total, given.value))
        result = (self.notation.held(target), total), ("=", "=")
        if before is None or self.told.kind == "overwritten":
            return (*result, ("arrives", value))
        return (*result, ("before", labels.one_line(before, box)), ("+", "+"), ("arrives", value))

    def arrival_words(self, target: int, before: Reading) -> str:
        """Describe, where paths meet, how many contributions have arrived, or the effect of the mistake."""
        name, arrived, expected = self.notation.symbols[target], self.arrived[target], self.expected[target]
        if self.told.kind == "overwritten" and before is not None:
            lost = labels.one_line(before, self.boxes[target])
            return f"Overwritten: the {lost} that had arrived at {name} is lost. It should have been added."
        if self.told.kind == "not zeroed" and self.boxes[target].kind == "leaf":
            return f"It is added to what was left in {name}."
        if target in self.told.early and arrived > 1:
            return f"Too late: {name} has already passed on what it had."
        if expected < 2:
            return ""
        rest = f"; {expected - arrived} to come." if arrived < expected else ". Contributions add up."
        return f"{name} is used {expected} times: this is contribution {arrived} of {expected}{rest}"

    def change(self, target: int, reading: Reading) -> Change:
        """Return the change of the gradient of `target`."""
        final = self.arrived[target] >= self.awaited[target]
        right = self.right.gradients[target]
        return Change(target, "gradient", reading, final, right if final and not same(reading, right) else None)

    def end(self) -> Step:
        leaves = self.leaves()
        named = [
            (self.notation.held(leaf), labels.one_line(self.told.gradients[leaf], self.boxes[leaf]))
            for leaf in leaves[:MANY]
        ]
        line = "  ·  ".join(f"{name} = {shown}" for name, shown in named)
        if len(leaves) > MANY:
            line += f"  ·  and {len(leaves) - MANY} more"
        return Step("end", self.output.id, None, line, self.verdict(leaves), tuple((term,) for term in named))

    def verdict(self, leaves: list[int]) -> str:
        names = self.notation.symbols
        if self.told.kind == "right":
            differing = [
                names[leaf] for leaf in leaves if (check := self.boxes[leaf].check) and check.verdict == "differs"
            ]
            if differing:
                return (
                    f"✗ Finite differences disagree at {', '.join(differing)}: a derivative rule on the way is wrong."
                )
            return "Done: the gradient has followed each path from the output to a leaf, and was added where they meet."
        wrong = [names[leaf] for leaf in leaves if not same(self.told.gradients[leaf], self.right.gradients[leaf])]
        if not wrong:
            return "The gradients of the leaves are right nevertheless: here the mistake affects none of them."
        if len(wrong) == 1:
            return f"The gradient of {wrong[0]} is wrong."
        more = f" and {len(wrong) - MANY} more" if len(wrong) > MANY else ""
        counted = f"{len(wrong)} of the {len(leaves)}" if len(wrong) < len(leaves) else _all(len(wrong))
        return f"{counted} gradients of leaves are wrong: {', '.join(wrong[:MANY])}{more}."


def _all(count: int) -> str:
    return "Both" if count == 2 else f"All {count}"
