"""Write a recording as Graphviz source, for layout with the `dot` program."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tensorgrad.viz.layout import Direction
from tensorgrad.viz.layout.theme import FRAME_LINE, Outline, Theme
from tensorgrad.viz.recording import Box, Recording, labels


def dot(recording: Recording, direction: Direction, theme: Theme) -> str:
    """Return the source of a directed graph: box 3 is the node `3`, group 2 the cluster `cluster_2`."""
    return str(_Source(recording, direction, theme).whole().source)


class _Source:
    """Statements of a graph, group by group."""

    def __init__(self, recording: Recording, direction: Direction, theme: Theme) -> None:
        self.recording = recording
        self.direction = direction
        self.theme = theme
        self.boxes = defaultdict[int | None, list[Box]](list)
        for box in recording.boxes:
            self.boxes[box.group].append(box)
        self.inside = defaultdict[int | None, list[int]](list)
        for group in recording.groups:
            self.inside[group.parent].append(group.id)

    def whole(self) -> Any:
        import graphviz

        theme = self.theme
        graph = graphviz.Digraph(
            graph_attr={
                "rankdir": self.direction,
                "bgcolor": theme.background,
                "ordering": "in",
                "fontname": "Helvetica",
                "fontsize": "11",
            },
            node_attr={"shape": "box", "fontname": "Helvetica", "fontsize": "11", "fontcolor": theme.text},
            edge_attr={"color": theme.edge, "fontcolor": theme.muted, "fontname": "Helvetica", "fontsize": "10"},
        )
        self.fill(graph, None)
        names = labels.names(self.recording)
        for box in self.recording.boxes:
            for operand, label in zip(box.operands, labels.operand_labels(box, names)):
                attributes = {"headlabel": _escaped(label)} if label else {}
                if labels.style(self.recording, self.recording.boxes[operand.box]) == "constant":
                    attributes["style"] = "dashed"
                graph.edge(str(operand.box), str(box.id), **attributes)
        return graph

    def fill(self, graph: Any, group: int | None) -> None:
        """Write the contents of a group, or everything outside all groups, into its graph."""
        for box in self.boxes[group]:
            outline = self.theme.outlines[labels.style(self.recording, box)]
            tooltip = _escaped(labels.tooltip(box))
            graph.node(str(box.id), _label(box), tooltip=tooltip, **_drawn(outline))
        for id in self.inside[group]:
            label = _escaped(labels.group(self.recording.groups[id]))
            with graph.subgraph(name=f"cluster_{id}", graph_attr={"label": label, **_framed(self.theme)}) as cluster:
                self.fill(cluster, id)


def _escaped(text: str) -> Any:
    """Return text that Graphviz shows as it is: without escapes such as `\\l`, and without HTML entities."""
    import graphviz

    return graphviz.escape(text.replace("&", "&amp;"))


def _label(box: Box) -> str:
    lines = [labels.title(box)]
    if box.kind == "folded":
        lines.append(labels.many(box))
    if box.options:
        lines.append(labels.shortened(labels.options(box)))
    if labels.shows_shape(box):
        lines.append(f"shape {labels.shape(box)}")
    if not labels.is_number(box):
        for name, reading in (("value", box.value), ("grad", box.gradient)):
            if reading is not None:
                lines.append(f"{name} {labels.one_line(reading, box)}")
    if len(lines) == 1:
        return str(_escaped(lines[0]))
    return "".join(f"{_escaped(line)}\\l" for line in lines)


def _drawn(outline: Outline) -> dict[str, str]:
    style = ["filled"] + ["rounded"] * (outline.radius > 4) + ["dashed"] * outline.dashed
    style += ["diagonals"] * outline.striped
    return {
        "style": ",".join(style),
        "shape": "box3d" if outline.stacked else "box",
        "color": outline.line,
        "fillcolor": outline.header,
        "penwidth": str(outline.weight),
        "peripheries": "2" if outline.double else "1",
    }


def _framed(theme: Theme) -> dict[str, str]:
    return {
        "labeljust": "l",
        "fontcolor": theme.muted,
        "style": "rounded",
        "bgcolor": _opaque(theme.frame, theme.tint),
        "pencolor": _opaque(theme.frame, FRAME_LINE),
    }


def _opaque(colour: str, share: float) -> str:
    return f"{colour}{round(255 * share):02x}"
