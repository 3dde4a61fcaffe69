"""Initial content of a walkthrough's page as plain data: boxes, edges and frames."""

from __future__ import annotations

from typing import Any

from tensorgrad.viz.layout import Picture
from tensorgrad.viz.layout.cards import label_width
from tensorgrad.viz.lesson.diagram import check_words, contributions, edge_labels, with_symbols
from tensorgrad.viz.lesson.equations import Notation
from tensorgrad.viz.recording import Box, Detail, Reading, Recording, Summary, labels


def boxes(recording: Recording, placed: Picture) -> list[dict[str, Any]]:
    """Return the cards, and the text of the side panel for each."""
    named = with_symbols(recording)
    uses = contributions(recording)
    found = []
    for box, place in zip(recording.boxes, placed.boxes):
        title = labels.full_title(named.boxes[box.id])
        facts = [("shape", labels.shape(box))] if labels.has_shape(box) else []
        facts += [("returns", ", ".join(map(labels.printable, box.results)))] if box.results else []
        facts += [("name", labels.name(box))] if labels.name(box) not in ("", named.boxes[box.id].name) else []
        facts += [("options", labels.options(box))] if box.options else []
        found.append(
            {
                "id": box.id,
                "kind": "number" if labels.is_number(box) else box.kind,
                "style": place.card.style,
                "title": title,
                "tooltip": f"{title}\n{box.kind}{f', shape {labels.shape(box)}' if labels.has_shape(box) else ''}",
                "call": bool(box.results),
                "x": place.x,
                "y": place.y,
                "width": place.card.width,
                "height": place.card.height,
                "header": place.card.header,
                "labelRoom": max(map(label_width, place.card.operands), default=0.0),
                "texts": [(text.x, text.baseline, text.role, text.text) for text in place.card.texts],
                "operands": [operand.box for operand in box.operands],
                "group": box.group,
                "symbol": named.boxes[box.id].name or title,
                "shape": "" if box.shape is None else str(box.shape),
                "uses": uses[box.id],
                "wantsGradient": labels.requires_gradient(box),
                "facts": facts,
                "value": _summary(box.value),
                "gradient": _summary(recording.passes[0].gradients[box.id]),
                "check": None if box.check is None else {"sign": check_words(box.check), "reason": box.check.reason},
            }
        )
    return found


def routes(recording: Recording, placed: Picture) -> list[dict[str, Any]]:
    """Return the lines of the operands, with their local derivatives."""
    edges, symbols = edge_labels(recording), Notation(recording).symbols
    rules = {(event.box, given.operand): given for event in recording.passes[0].events for given in event.contributions}
    found = []
    for route in placed.routes:
        key = route.target, route.operand
        given = rules.get(key)
        name = recording.boxes[route.target].operands[route.operand].name
        facts = [("operand", name or str(route.operand + 1))]
        if given is not None:
            facts += [("rule", given.rule)] * bool(given.rule)
            facts += [("here", given.formula)] * bool(given.formula)
        if key in edges:
            facts.append(("slope", " ".join(edges[key])))
        found.append(
            {
                "source": route.source,
                "target": route.target,
                "operand": route.operand,
                "points": route.points,
                "tip": route.tip,
                "style": route.style,
                "label": list(edges.get(key, [route.label] if route.label else [])),
                "local": key in edges,
                "title": f"{symbols[route.source]} → {symbols[route.target]}",
                "facts": facts,
            }
        )
    return found


def frames(recording: Recording, placed: Picture) -> list[dict[str, Any]]:
    """Return the modules: positions of their frames, contents, and the shapes of inputs and outputs."""
    found = []
    for frame in placed.frames:
        inside = {box.id for box in recording.boxes if _is_inside(recording, box, frame.group)}
        operands = {operand.box for id in inside for operand in recording.boxes[id].operands}
        used = {operand.box for box in recording.boxes if box.id not in inside for operand in box.operands}
        entering = [id for id in sorted(operands - inside) if recording.boxes[id].op is not None]
        leaving = sorted(inside & used) or [max(inside)]
        shapes = [str(recording.boxes[id].shape) for id in (*entering[-1:], leaving[-1])]
        found.append(
            {
                "group": frame.group,
                "x": frame.x,
                "y": frame.y,
                "width": frame.width,
                "height": frame.height,
                "label": frame.label,
                "leaving": leaving[-1],
                "summary": f"{len(inside)} box{'es' if len(inside) > 1 else ''}",
                "passage": " → ".join(shapes) if entering else f"→ {shapes[0]}",
            }
        )
    return found


def _is_inside(recording: Recording, box: Box, group: int) -> bool:
    at = box.group
    while at is not None and at != group:
        at = recording.groups[at].parent
    return at is not None


def _summary(reading: Reading) -> dict[str, Any] | None:
    if not isinstance(reading, Summary):
        return None
    zeros = f"{labels.number(100 * reading.zeros)}%"
    many = [*map(labels.number, (reading.mean, reading.std, reading.min, reading.max)), zeros, str(reading.nans)]
    statistics = many if len(reading.numbers) != 1 else []
    return {"statistics": statistics, "detail": None if reading.detail is None else _detail(reading.detail)}


def _detail(detail: Detail) -> dict[str, Any]:
    return {
        "histogram": detail.histogram,
        "smallest": labels.number(detail.smallest),
        "largest": labels.number(detail.largest),
        "rows": detail.rows,
        "columns": detail.columns,
        "tile": detail.tile,
        "levels": detail.levels,
        "low": labels.number(detail.low),
        "high": labels.number(detail.high),
    }
