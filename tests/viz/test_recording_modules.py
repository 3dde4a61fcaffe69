"""The calls of modules become groups, and every box is in the right one."""

import threading

import numpy as np

import nn
import tensorgrad as tg
from tensorgrad.viz.recording.capture import capture


class Block(nn.Module):
    """Two layers in a list, one beside them, and a skip connection; returns two tensors."""

    def __init__(self):
        self.layers = [nn.Dense(2, 2, rng=0), nn.Tanh()]
        self.last = nn.Dense(2, 2, rng=1)

    def forward(self, x):
        h = x
        for layer in self.layers:
            h = layer(h)
        return x + self.last(h), h


class Network(nn.Module):
    """A block, and a head that is called twice."""

    def __init__(self):
        self.block = Block()
        self.head = nn.Dense(2, 1, rng=2)

    def forward(self, x):
        x, h = self.block(x)
        return self.head(x) + self.head(h)


def paths(recording):
    """For each group the names and classes of all around it."""
    found = []
    for group in recording.groups:
        assert group.id == len(found)
        around = "" if group.parent is None else found[group.parent] + " / "
        found.append(f"{around}{group.name}:{group.kind}")
    return found


def groups_of(recording):
    """By the title of a box, the path of its group."""
    known = paths(recording)
    return {box.name or box.op or box.kind: None if box.group is None else known[box.group] for box in recording.boxes}


def test_groups_are_nested_and_named_as_attributes():
    x = tg.tensor(np.ones((3, 2), np.float32), name="x")
    network = Network()
    recording = capture(tg.mean(network(x)))
    assert paths(recording) == [
        ":Network",
        ":Network / block:Block",
        ":Network / block:Block / layers.0:Dense",
        ":Network / block:Block / layers.1:Tanh",
        ":Network / block:Block / last:Dense",
        ":Network / head:Dense",
        ":Network / head:Dense",
    ]
    known = groups_of(recording)
    assert known["block.layers.0.weight"] == ":Network / block:Block / layers.0:Dense"
    assert known["tanh"] == ":Network / block:Block / layers.1:Tanh"
    assert known["head.weight"] == ":Network", "a weight of two calls is outside both"
    assert known["x"] is None, "the arguments of a network are outside"
    assert known["mean"] is None


def test_groups_without_an_owner_have_no_name():
    x = tg.tensor([[1.0, 2.0]], requires_grad=True)
    output = nn.Sequential(nn.Sequential(nn.Tanh()))(x)  # the modules are gone
    assert paths(capture(output)) == [":Sequential", ":Sequential / :Sequential", ":Sequential / :Sequential / :Tanh"]


def test_groups_omit_a_module_that_returns_its_input():
    x = tg.tensor([1.0], requires_grad=True)
    network = nn.Sequential(nn.Identity(), nn.Tanh())
    assert paths(capture(network(x * 2))) == [":Sequential", ":Sequential / 1:Tanh"]
    assert capture(nn.Identity()(x * 2)).groups == ()


def test_groups_contain_only_what_their_result_depends_on():
    x = tg.tensor([1.0], requires_grad=True, name="x")
    go_on, made = threading.Event(), threading.Event()
    meanwhile = []

    def elsewhere():
        go_on.wait(10)
        meanwhile.append(tg.sin(x))
        made.set()

    class Waiting(nn.Module):
        def forward(self, x):
            y = tg.cos(x)
            go_on.set()
            assert made.wait(10)
            return tg.exp(y)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    waiting = Waiting()
    result = waiting(x)
    thread.join()
    assert groups_of(capture(result + meanwhile[0])) == {
        "x": None, "cos": ":Waiting", "exp": ":Waiting", "sin": None, "add": None,
    }  # fmt: skip


def test_groups_of_checkpointed_modules_are_empty():
    x = tg.tensor(np.ones((1, 2), np.float32), requires_grad=True)
    network = nn.Sequential(nn.Dense(2, 2, rng=0), nn.Tanh())
    recording = capture(tg.sum(tg.checkpoint(network)(x)))
    assert recording.groups == ()
    assert [box.op for box in recording.boxes if box.kind == "operation"] == ["checkpoint", "sum"]


class Shifted(nn.Module):
    """Adds a constant that it makes itself, and scales by a tensor and an array that it is given."""

    def forward(self, x, factor, mask):
        self.kept = tg.tensor(np.full(2, 3.0), name="made inside")
        return (x + self.kept) * factor * mask


def test_groups_contain_created_leaves_and_not_arguments():
    x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    factor, mask, shifted = tg.tensor([4.0, 5.0], name="factor"), np.array([6.0, 7.0]), Shifted()
    recording = capture(nn.Sequential(nn.Tanh())(shifted(x, factor, mask)))
    outside = {box.value.numbers for box in recording.boxes if box.group is None}
    assert outside == {(1.0, 2.0), (4.0, 5.0), (6.0, 7.0)}
    assert groups_of(recording)["made inside"] == ":Shifted"


def test_groups_contain_arguments_created_for_inner_modules():
    class Outer(nn.Module):
        def __init__(self):
            self.inner = nn.Dense(2, 2, rng=0)

        def forward(self, x):
            self.made = tg.tensor(np.ones((1, 2), np.float32), name="made")
            return self.inner(self.made) + self.inner(x)

    x, outer = tg.tensor(np.ones((1, 2), np.float32), name="x"), Outer()
    known = groups_of(capture(outer(x)))
    assert (known["made"], known["x"]) == (":Outer", None)


def test_groups_of_a_deleted_module_keep_labels_and_values():
    def network(x):
        return nn.Sequential(nn.Dense(2, 2, rng=0), nn.Tanh(), nn.Dense(2, 1, rng=0))(x)

    x = np.ones((3, 2), np.float32)
    recording = capture(network(x))
    leaves = {box.name: box for box in recording.boxes if box.kind == "leaf"}
    assert list(leaves) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert leaves["0.weight"].value.numbers == tuple(nn.Dense(2, 2, rng=0).weight.data.ravel())
    assert all(box.value.numbers for box in recording.boxes)
