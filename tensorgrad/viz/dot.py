"""A recording as Graphviz source, for those who have the `dot` program and want its layout."""

from __future__ import annotations

from tensorgrad.viz import labels
from tensorgrad.viz.layout import Direction
from tensorgrad.viz.recording import Box, Recording
from tensorgrad.viz.theme import Outline, Theme


def dot(recording: Recording, direction: Direction, theme: Theme) -> str:
    """The source of a directed graph; box number i is the node `i`."""
    import graphviz

    graph = graphviz.Digraph(
        graph_attr={"rankdir": direction, "bgcolor": theme.background, "ordering": "in"},
        node_attr={"shape": "box", "fontname": "Helvetica", "fontsize": "11", "fontcolor": theme.text},
        edge_attr={"color": theme.edge, "fontcolor": theme.muted, "fontname": "Helvetica", "fontsize": "10"},
    )
    for box in recording.boxes:
        outline = theme.outlines[labels.style(recording, box)]
        graph.node(str(box.id), _label(box), tooltip=graphviz.escape(labels.tooltip(box)), **_drawn(outline))
    for box in recording.boxes:
        for operand, label in zip(box.operands, labels.operand_labels(box)):
            attributes = {"headlabel": graphviz.escape(label)} if label else {}
            if recording.boxes[operand.box].kind == "constant":
                attributes["style"] = "dashed"
            graph.edge(str(operand.box), str(box.id), **attributes)
    return str(graph.source)


def _label(box: Box) -> str:
    import graphviz

    lines = [labels.title(box)]
    if box.options:
        lines.append(labels.shortened(labels.options(box)))
    if not labels.is_number(box):
        lines.append(f"shape {labels.shape(box)}")
        for name, reading in (("value", box.value), ("grad", box.gradient)):
            if reading is not None:
                lines.append(f"{name} {labels.one_line(reading, box)}")
    if len(lines) == 1:
        return str(graphviz.escape(lines[0]))
    return "".join(f"{graphviz.escape(line)}\\l" for line in lines)


def _drawn(outline: Outline) -> dict[str, str]:
    style = ["filled"] + ["rounded"] * (outline.radius > 4) + ["dashed"] * outline.dashed
    return {
        "style": ",".join(style),
        "color": outline.line,
        "fillcolor": outline.header,
        "penwidth": str(outline.weight),
        "peripheries": "2" if outline.double else "1",
    }
