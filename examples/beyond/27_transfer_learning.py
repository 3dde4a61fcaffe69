# %% [markdown]
# # Chapter 27. Transfer learning
#
# What you will understand:
#
# - a network that was trained on many images computes features that are useful for other images, too, so with a new
#   last layer it can learn a task from a few examples;
# - the parameters of the other layers are frozen: they receive no gradient, and their features are computed only once;
# - fine-tuning changes all layers a little. The earlier a layer, the smaller its learning rate;
# - with ten images of each class, published weights are worth more than 20 points of accuracy.

# %%
import chapter
import numpy as np
import objects
import published
from matplotlib.figure import Figure
from published import squeezenet

import nn
import tensorgrad as tg

run = chapter.options("Chapter 27. Transfer learning")
TESTS = 100 if run.fast else 1_000
EPOCHS = 2 if run.fast else 20
SIZE = 64 if run.fast else 96

# %% [markdown]
# ## By hand: only the last layer learns
#
# Let f be the features of n images, computed by layers that do not change, and p = softmax(f·W + b). The gradient of
# the mean cross-entropy (chapter 9) reaches W and b, and nothing else is updated:
#
#     ∂W = fᵀ·(p − t)/n,   ∂b = Σ(p − t)/n,   with t = 1 for the true class and 0 for the others.
#
# The features are the same in every step. They are therefore computed once, and only one layer remains to be trained.

# %%
rng = np.random.default_rng(run.seed)
body = nn.Sequential(
    nn.Conv2D(3, 6, 3, bias=False, dtype=np.float64, rng=rng),
    nn.BatchNorm(6, dtype=np.float64),
    nn.ReLU(),
    nn.GlobalAveragePool(),
)
images, labels = rng.normal(size=(12, 8, 8, 3)), rng.integers(0, 3, 12)
W, b = rng.normal(size=(6, 3)), np.zeros(3)
head = nn.Dense(6, 3, dtype=np.float64)
head.weight.data, head.bias.data = W.copy(), b.copy()

features = body.eval()(images).data
for _ in range(20):
    scores = np.exp(features @ W + b)
    difference = (scores / scores.sum(axis=1, keepdims=True) - np.eye(3)[labels]) / len(images)
    W, b = W - 0.5 * features.T @ difference, b - 0.5 * difference.sum(axis=0)

# %% [markdown]
# ## On the engine: a frozen body
#
# A parameter that requires no gradient is left out of the graph and of `parameters()`, so the backward pass ends at the
# last layer. Normalisations have something else to freeze: in training, they would use the statistics of the batch and
# move their running statistics (chapter 23). `BatchNorm.freeze` keeps those of the images that the network was trained
# on.


# %%
def freeze(module):
    """Freeze all parameters of a module, and the statistics of its normalisations. Return the module."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm):
            part.freeze()
    for parameter in list(module.parameters()):
        parameter.requires_grad = False
    return module


before = body[0].weight.data.copy()
whole = nn.Sequential(freeze(body), head).train()
optimizer = nn.SGD(whole.parameters(), learning_rate=0.5)
for _ in range(20):
    optimizer.zero_grad()
    nn.SoftmaxCrossEntropy()(whole(images), labels).backward()
    optimizer.step()
chapter.same("the weights of the last layer after 20 steps", W, head.weight)
chapter.same("its biases", b, head.bias)
chapter.same("the frozen kernels", before, body[0].weight, tolerance=0.0)
chapter.claim("only the last layer has parameters to train", len(list(whole.parameters())) == 2)

# %% [markdown]
# ## Ten images of each class
#
# The published network is the ResNet-20 of chapter 26, trained by Yerlan Idelbayev on the 50,000 images of CIFAR-10 for
# 200 epochs. On the original test images, 91.7 % of its answers are right. Our copies were compressed as JPEG files,
# which costs ten points. `nn.interop.load_pytorch` reads its weights (see `examples/pretrained/resnet20.py`).
#
# We remove its last layer and pretend that we have ten images of each class and nothing else. ResNet-20 has seen these
# ten classes before, so this is the best case; below, SqueezeNet has not. There are four ways to learn:
#
# - from scratch: the same network with random weights;
# - features: a new last layer on the frozen body;
# - fine-tuning at one rate: all layers learn as fast as the new one, 0.01;
# - fine-tuning layer by layer: the new layer at 0.01, the part before it at 0.001, and each earlier part at a third of
#   the rate of the next.
#
# The new layer starts at random, so its first gradients carry little information. At a large rate, they destroy what
# the body has learned.

# %%
task = published.load(per_class=10, tests=TESTS)
classes = len(task.classes)


def model(network, optimizer):
    """Return a network for the classes with its loss, an optimizer and accuracy."""
    return nn.Model(
        network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, metrics=[nn.CategoricalAccuracy()], rng=run.seed
    )


def layer_wise(parts, rate, factor):
    """Return a group of parameters for each part with parameters, whose rates fall by the factor from last to first."""
    groups = []
    for part in reversed(parts):
        if parameters := list(part.parameters()):
            groups.append({"params": parameters, "learning_rate": rate})
            rate *= factor
    return groups


def tuned(body, rates):
    """Return the test accuracy of a body with a new last layer after training both on the few images.

    `rates` are the learning rate of the body's last part and the factor from each part to the one before.
    """
    head = nn.Dense(task.features, classes, rng=np.random.default_rng(run.seed))
    network = nn.Sequential(*body, head)
    groups = [{"params": list(head.parameters()), "learning_rate": 0.01}, *layer_wise(body, *rates)]
    each = model(network, nn.Adam(groups))
    each.fit(X, task.y, epochs=EPOCHS, batch_size=25, verbose=0)
    return each.evaluate(X_test, task.y_test)["accuracy"]


def computed(body, images):
    """Return the features of images, a hundred at a time."""
    body.eval()
    with tg.no_grad():
        return np.concatenate([body(images[i : i + 100]).data for i in range(0, len(images), 100)])


def last_layer_on(features, labels, test_features, test_labels):
    """Return a layer that classifies features, scaled to mean 0 and variance 1, and its test accuracy."""
    scale = nn.data.Standardizer(features)
    head = nn.Dense(features.shape[1], classes, rng=np.random.default_rng(run.seed))
    each = model(head, nn.Adam(head.parameters(), learning_rate=0.01))
    each.fit(scale(features), labels, epochs=200, verbose=0)
    return head, each.evaluate(scale(test_features), test_labels)["accuracy"]


X, X_test = task.prepare(task.images), task.prepare(task.test_images)
body = task.trained()
few, tests = computed(body, X), computed(body, X_test)
results = {
    "from scratch": tuned(task.untrained(run.seed), (0.01, 1.0)),
    "fine-tuning, one rate": tuned(task.trained(), (0.01, 1.0)),
    "fine-tuning, layer by layer": tuned(task.trained(), (0.001, 1 / 3)),
    f"features of {task.name}": last_layer_on(few, task.y, tests, task.y_test)[1],
}
for name, accuracy in results.items():
    print(f"  {name:28}: {accuracy:.3f}")

# %% [markdown]
# With the features of ResNet-20, at least 75 % of the test images are classified correctly; from scratch, less than
# 40 %. Fine-tuning is between the two: 270,000 weights can memorise a hundred images and forget what they had learned
# before. Rates that fall from layer to layer keep more of it, by at least ten points. With a hundred images, it is best
# to leave the body as it is; fine-tuning pays off with more.
#
# The digits that replace the images where they are missing are too simple for that: fifty of them are enough to learn
# from scratch, and a network that knows five digits has little to offer for the other five.

# %%
scratch, features = results["from scratch"], results[f"features of {task.name}"]
if run.fast:
    chapter.claim("features are better than random guessing by 20 points", features > 1 / classes + 0.2)
elif task.name == "ResNet-20":
    chapter.claim(
        "with its own last layer, ten points less than 91.7 %, to within two", abs(task.accuracy - 0.817) < 0.02
    )
    chapter.claim("the features are at least 20 points better than learning from scratch", features >= scratch + 0.20)
    chapter.claim("at least 0.75 with the features, less than 0.40 from scratch", features >= 0.75 and scratch < 0.40)
    careful, careless = results["fine-tuning, layer by layer"], results["fine-tuning, one rate"]
    chapter.claim("fine-tuning is between the two", scratch < careless and careful < features)
    chapter.claim("layer by layer is at least 10 points better than one rate", careful >= careless + 0.10)
else:
    chapter.claim("digits are learned from scratch, and with the features: at least 0.6", min(scratch, features) >= 0.6)

# %% [markdown]
# ## Other images, other classes
#
# SqueezeNet was trained on ImageNet, photos of a thousand classes. With 1.2 million weights, a fiftieth of those of
# AlexNet, it reaches 57.5 % on its own task. None of our ten classes is among the thousand: it knows tree frogs and
# fire engines, but no frog and no truck. To make images of 32×32 pixels resemble those that it has seen, we enlarge
# them to 96×96. The means of its last 512 maps over all positions are the features.

# %%
place = published.folder(squeezenet.FOLDER / "squeezenet1_0.safetensors", squeezenet.FOLDER / "reference.npz")
if place is None or task.name != "ResNet-20":
    print("  SqueezeNet's weights, or the images, are not on this machine: this part is left out.")
else:
    classifier = squeezenet.load(place)
    known = (place / squeezenet.FOLDER / "imagenet_names.txt").read_text().splitlines()
    chapter.claim("none of our ten classes is among the thousand", not set(task.classes) & set(known))
    chapter.claim("tree frogs and fire engines are", {"tree frog", "fire engine"} <= set(known))
    weights = sum(parameter.size for parameter in classifier.parameters())
    chapter.claim("SqueezeNet has 1.2 million weights", round(weights / 1e6, 1) == 1.2)
    layers = nn.Sequential(*classifier.features, nn.GlobalAveragePool())
    seen, unseen = (computed(layers, published.enlarged(images, SIZE)) for images in (task.images, task.test_images))
    _, results["features of SqueezeNet"] = last_layer_on(seen, task.y, unseen, task.y_test)
    print(f"  features of SqueezeNet: {results['features of SqueezeNet']:.3f}")
    if not run.fast:
        better = results["features of SqueezeNet"] - scratch
        chapter.claim("SqueezeNet's features are at least 20 points better than learning from scratch", better >= 0.20)

# %% [markdown]
# ## Two photos
#
# With its own last layer, SqueezeNet names what photos of 227×227 pixels show: a cat called Chelsea, and a cup of
# coffee. If its weights are missing, two digits replace the photos.

# %%
if place is None:
    photos = task.test_images[:2]
    head, _ = last_layer_on(few, task.y, tests, task.y_test)
    probabilities = tg.softmax(head(nn.data.Standardizer(few)(tests[:2]))).data
    names = task.classes
else:
    names = (place / squeezenet.FOLDER / "imagenet_names.txt").read_text().splitlines()
    with np.load(place / squeezenet.FOLDER / "reference.npz") as reference:
        photos = [reference["chelsea.image_rgb"], reference["coffee.image_rgb"]]
    network = squeezenet.load(place)
    with tg.no_grad():
        probabilities = [tg.softmax(network(squeezenet.prepared(photo))).data[0] for photo in photos]
answers = [[(names[i], float(each[i])) for i in np.argsort(-each)[:3]] for each in probabilities]
for answer in answers:
    print("  " + ", ".join(f"{name} {probability:.0%}" for name, probability in answer))
if place is not None:
    (cat, sure), (coffee, very_sure) = answers[0][0], answers[1][0]
    chapter.claim("an Egyptian cat, with at least 50 %", cat == "Egyptian cat" and sure >= 0.5)
    chapter.claim("an espresso, with at least 85 %", coffee == "espresso" and very_sure >= 0.85)

# %% [markdown]
# ## The picture: what published weights are worth
#
# Left: the accuracy on test images after learning from ten images of each class. The dotted line marks random guessing.
# Right: the two photos, and the three most probable classes of each.

# %%
figure = Figure(figsize=(11, 4.2), layout="constrained")
left, *panels = figure.subplots(1, 3, width_ratios=[1.7, 1, 1])
ordered = sorted(results, key=results.get)
colours = [chapter.RED if name == "from scratch" else chapter.BLUE for name in ordered]
bars = left.barh(ordered, [results[name] for name in ordered], color=colours, height=0.6)
left.bar_label(bars, [f"{100 * results[name]:.0f} %" for name in ordered], padding=3)
left.axvline(1 / classes, color=chapter.GREY, linestyle=":")
left.set_xlim(0, 1)
left.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
chapter.plain(left, "ten images of each class: test accuracy")
left.tick_params(axis="y", length=0)
for axes, photo, answer in zip(panels, photos, answers):
    axes.imshow(photo)
    axes.set_axis_off()
    text = "\n".join(f"{name}, {100 * probability:.0f} %" for name, probability in answer)
    axes.text(0, -0.03, text, transform=axes.transAxes, va="top", fontsize=10)
chapter.save(figure, run.out / "27_transfer_learning.png")

# %% [markdown]
# ## Three things to try
#
# 1. Train a new last layer on one image of each class. How does it compare with ten from scratch?
#
#    *Answer.* It is still better: more than half of the test images are classified correctly. The features of two birds
#    are more alike than their pixels.
# 2. Take the features one stage earlier, before the last three blocks. Are they better or worse?
#
#    *Answer.* Worse: the last stage is where the classes come apart. For a task that has less in common with the
#    original one, earlier features can be the better ones.
# 3. Leave the normalisations in training mode while features are computed. What happens to the features of an image?
#
#    *Answer.* They depend on the other images in the batch: the same image has different features in another batch.

# %%
single = objects.first_of_each(task.y, 1)
_, one_each = last_layer_on(few[single], task.y[single], tests, task.y_test)
earlier = nn.Sequential(*list(body)[: task.last_stage], nn.GlobalAveragePool())
_, before_the_last = last_layer_on(computed(earlier, X), task.y, computed(earlier, X_test), task.y_test)
print(f"  1: {one_each:.3f} with one image of each class;  2: {before_the_last:.3f} one stage earlier")
if not run.fast and task.name == "ResNet-20":
    chapter.claim("1: better than ten from scratch, more than half", one_each > max(scratch, 0.5))
    chapter.claim("2: worse", before_the_last < features)
body.train()
in_one_batch, in_another = body(X[:10]).data[0], body(X[[0, *range(20, 29)]]).data[0]
difference = np.linalg.norm(in_one_batch - in_another) / np.linalg.norm(in_one_batch)
chapter.claim("3: they differ by more than 1 %", difference > 0.01)
