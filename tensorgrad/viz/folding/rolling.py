"""Roll up repetitions: replace identical consecutive layers, or the rounds of a loop, by the first one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from tensorgrad.viz.folding.contract import rebuilt
from tensorgrad.viz.folding.repeats import NEW, Operations, Repeat, repeats
from tensorgrad.viz.recording import Group, Recording


def rolled(recording: Recording, *, of_modules: bool) -> Recording:
    """Return `recording` with only the first round of each repetition, in a group that shows the number of rounds.

    Users of a later round's result are connected to the first round's result instead, so that a chain remains a chain.
    If the output is in a later round, the first round's result is shown with the output's name, value and gradient.

    Args:
        recording: an arranged recording, in which the operations of every group are contiguous.
        of_modules: only roll up rounds in which a module is called.
    """
    while recording.groups or not of_modules:
        operations = Operations(recording)
        found = repeats(operations, of_modules=of_modules)
        if not found:
            break
        recording = _Rolling(operations, found).recording()
    return recording


class _Rolling:
    """Replacement of each box, and its group."""

    def __init__(self, operations: Operations, found: Iterable[Repeat]) -> None:
        self.operations = operations
        self.whole = operations.recording
        self.home = list(range(len(self.whole.boxes)))
        self.groups = {group.id: group for group in self.whole.groups}
        self.group_of = {box.id: box.group for box in self.whole.boxes}
        self.said: list[str] = []
        self.users: dict[int, list[int]] = {}
        for box in self.whole.boxes:
            for operand in box.operands:
                self.users.setdefault(operand.box, []).append(box.id)
        for repeat in found:
            self.roll(repeat)

    def recording(self) -> Recording:
        stands_for = Counter[int]()
        for box in self.whole.boxes:
            stands_for[self.home[box.id]] += box.stands_for
        kept = {
            id: replace(self.whole.boxes[id], group=self.group_of[id], stands_for=count)
            for id, count in stands_for.items()
        }
        output = self.whole.boxes[-1]
        result = self.home[output.id]
        kept[result] = replace(kept[result], name=output.name, value=output.value, gradient=output.gradient)
        rolled = rebuilt(self.whole, [kept[id] for id in sorted(kept)], self.home, self.groups)
        return replace(rolled, folded=(*self.whole.folded, *self.said))

    def roll(self, repeat: Repeat) -> None:
        first, boxes = repeat.items[0].first, self.operations.boxes
        own: set[int] = set()
        for position in range(first + repeat.length, repeat.last[-1].end):
            box, alike = boxes[position], boxes[first + (position - first) % repeat.length]
            self.home[box.id] = alike.id
            for slot in self.new_operands(position):
                self.home[box.operands[slot].box] = alike.operands[slot].box
                own.add(alike.operands[slot].box)
        for position in range(first, first + repeat.length):
            for slot in self.new_operands(position):
                source = boxes[position].operands[slot].box
                if source not in own:
                    self.group_of[source] = repeat.parent
        self.frame(repeat, {boxes[first + offset].id for offset in range(repeat.length)}, own)
        self.said.append(self.sentence(repeat))

    def new_operands(self, position: int) -> list[int]:
        """Return the operands of an operation that are leaves or constants and are used here first."""
        return [slot for slot, (where, _) in enumerate(self.operations.references[position]) if where == NEW]

    def frame(self, repeat: Repeat, round: set[int], own: set[int]) -> None:
        """Record the number of rounds on the module's group, or put a group around the round.

        Leaves and constants that are specific to each round belong to the round if nothing else uses them. Those that
        only the first round has, such as the input of the whole chain, stay outside.
        """
        only = repeat.items[0].group if len(repeat.items) == 1 else None
        if only is not None and self.groups[only].times == 1:
            self.groups[only] = replace(self.groups[only], name=self.span(repeat), times=repeat.times)
            return
        around = len(self.groups)
        self.groups[around] = Group(around, repeat.parent, self.span(repeat), "", repeat.times)
        for item in repeat.items:
            if item.group is not None:
                self.groups[item.group] = replace(self.groups[item.group], parent=around)
        inside = {source for source in own if all(self.home[user] in round for user in self.users[source])}
        for id in round | inside:
            if self.group_of[id] == repeat.parent:
                self.group_of[id] = around

    def span(self, repeat: Repeat) -> str:
        """Return the range from the first module's name to the last one's, such as `blocks.0–11`."""
        first, last = (
            "" if item.group is None else self.groups[item.group].name for item in (repeat.items[0], repeat.last[-1])
        )
        if first == last or not first or not last:
            return first if first == last else ""
        folder, _, place = last.rpartition(".")
        return f"{first}–{place if first.rpartition('.')[0] == folder else last}"

    def sentence(self, repeat: Repeat) -> str:
        """Return a description of what was folded."""
        titles = [
            self.operations.boxes[item.first].op or "" if item.group is None else self.groups[item.group].kind
            for item in repeat.items
        ]
        name = ", ".join(titles[:4]) + (", …" if len(titles) > 4 else "")
        return f"{name}: {repeat.times:,} alike in a row, the first is drawn"
