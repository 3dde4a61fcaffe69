# %% [markdown]
# # Chapter 28. Object detection
#
# What you will understand:
#
# - a detector answers two questions at once: what is in the image, and where, as a box around each object;
# - intersection over union measures how well two boxes agree; non-maximum suppression keeps one box of several for the
#   same object; mean average precision rates a detector by one number;
# - a convolutional network detects all objects in one pass: each cell of a coarse grid predicts whether the centre of
#   an object lies in it, the box, and the class;
# - a small detector learns to find blood cells in microscope photos in about two minutes.

# %%
import time

import chapter
import numpy as np
import published
import scenes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from published import fastestdet

import nn
import tensorgrad as tg

run = chapter.options("Chapter 28. Object detection")
EPOCHS = 10 if run.fast else 25
SAMPLES = 32 if run.fast else None
SIZE = (96, 128) if run.fast else (192, 256)

# %% [markdown]
# ## By hand: intersection over union
#
# A box is given by its left, top, right and bottom edge. Two boxes share the rectangle between the larger of their left
# and top edges and the smaller of the right and bottom ones, unless a side of it is negative. The shared area, divided
# by the area that both cover together, is 1 for equal boxes and 0 for boxes that do not touch.


# %%
def area(boxes):
    """Return the area of each box."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def iou(box, others):
    """Return the intersection over union of a box with each of the others."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.prod(np.maximum(0, sides), axis=1)
    return shared / (area(box) + area(others) - shared)


def random_boxes(count):
    """Return boxes of random positions and sizes in an image of 100×100 pixels."""
    corner = rng.uniform(0, 70, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(15, 30, (count, 2))], axis=1)


rng = np.random.default_rng(run.seed)
boxes, others = random_boxes(40), random_boxes(30)
chapter.same("intersection over union", [iou(box, others) for box in boxes], nn.functional.box_iou(boxes, others))

# %% [markdown]
# ## By hand: non-maximum suppression
#
# A detector finds a cell several times, in boxes that hardly differ. Keep the box with the highest score, remove all
# that overlap it by more than a threshold, and repeat with what is left.


# %%
def suppressed(boxes, scores, threshold):
    """Return the indices of the boxes to keep, best first."""
    kept, left = [], list(np.argsort(-scores))
    while left:
        best, *left = left
        kept.append(best)
        left = [index for index in left if iou(boxes[best], boxes[[index]])[0] <= threshold]
    return kept


scores = rng.uniform(size=len(boxes))
kept = suppressed(boxes, scores, 0.3)
print(f"  {len(kept)} of {len(boxes)} boxes are kept")
chapter.same("suppression", kept, nn.functional.non_maximum_suppression(boxes, scores, threshold=0.3))

# %% [markdown]
# ## By hand: mean average precision
#
# Sort all detections of a class, in all images, by their scores. A detection is right if it overlaps a true box by at
# least one half, and no better detection has been matched with that box. Going down the list, *precision* is the
# fraction of detections that are right so far, and *recall* the fraction of true boxes that have been found. The area
# under precision as a function of recall is the average precision; where a later precision is higher, it counts for the
# earlier recalls, too. The mean over the classes is called mAP@.5.


# %%
def precision_and_recall(detections, truth, label):
    """Return precision and recall after each detection of a class, sorted by score."""
    listed = [
        (score, image, box)
        for image, found in enumerate(detections)
        for box, score, kind in zip(*found)
        if kind == label
    ]
    matched, right = set(), []
    for _, image, box in sorted(listed, key=lambda each: -each[0]):
        true_boxes = truth[image][0][truth[image][1] == label]
        overlaps = iou(box, true_boxes)
        best = int(overlaps.argmax()) if len(overlaps) else None
        right.append(best is not None and overlaps[best] >= 0.5 and (image, best) not in matched)
        if right[-1]:
            matched.add((image, best))
    found = np.cumsum(right)
    total = sum(np.count_nonzero(labels == label) for _, labels in truth)
    return found / np.arange(1, len(found) + 1), found / total


def average_precision(precision, recall):
    """Return the area under the curve, in which each precision is at least as high as all that follow."""
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    return np.sum(np.diff(recall, prepend=0) * highest)


def mean_average_precision(detections, truth):
    """Return the mean over the classes that occur."""
    labels = np.unique(np.concatenate([labels for _, labels in truth]))
    return np.mean([average_precision(*precision_and_recall(detections, truth, label)) for label in labels])


def measured(detections, truth):
    """Return the mean average precision as computed by `nn.metrics`."""
    metric = nn.metrics.MeanAveragePrecision("voc")
    metric.update(detections, truth)
    return metric.result()


truth = [(random_boxes(10), rng.integers(0, 3, 10)) for _ in range(5)]
shifted = [boxes + rng.normal(0, 3, boxes.shape) for boxes, _ in truth]
guesses = [(boxes, rng.uniform(size=10), labels) for boxes, (_, labels) in zip(shifted, truth)]
chapter.same("mean average precision", mean_average_precision(guesses, truth), measured(guesses, truth))

# %% [markdown]
# ## The photos
#
# The BCCD photos show blood under a microscope: many red cells, nearly always one white cell, dyed violet, and small
# platelets. Photos and boxes are reduced from 640×480 pixels to 256×192. Not every cell has a box: many red ones at the
# border or out of focus have none, so some right detections count as wrong.

# %%
data = scenes.load(SIZE, samples=SAMPLES)
STRIDE = 8
ROWS, COLUMNS = SIZE[0] // STRIDE, SIZE[1] // STRIDE
USUAL = np.median(np.concatenate([boxes[:, 2:] - boxes[:, :2] for boxes, _ in data.y]), axis=0).astype(np.float32)
mean, deviation = data.X.mean(axis=(0, 1, 2)), data.X.std(axis=(0, 1, 2))


def prepared(images):
    """Return images with mean 0 and variance 1 in each channel."""
    return ((images - mean) / deviation).astype(np.float32)


# %% [markdown]
# ## A detector in one pass
#
# Three convolutions with stride 2 reduce an image to a grid of cells of 8×8 pixels; from here on, the blood cells are
# called objects. Three more convolutions let each cell see 63×63 pixels. A last one, of 1×1, computes eight numbers for
# each cell, as YOLO does (Redmon and others, *You Only Look Once*, 2016):
#
# - one for the logit of the probability that the centre of an object lies in the cell;
# - four for its box: the centre relative to that of the cell, in cells, and the logarithms of width and height relative
#   to the median box of the training photos;
# - three for the scores of the classes.
#
# Most cells contain no centre. With a bias of −4, all cells begin with σ(−4) ≈ 2 %, and the many empty ones do not
# dominate the first steps.


# %%
def block(channels, filters, stride, draws):
    """Return the layers of a convolution with normalisation and ReLU."""
    convolution = nn.Conv2D(channels, filters, 3, stride=stride, padding=1, bias=False, rng=draws)
    return convolution, nn.BatchNorm(filters), nn.ReLU()


def detector():
    """Return a new detector."""
    draws = np.random.default_rng(run.seed)
    layers = [*block(3, 16, 2, draws), *block(16, 32, 2, draws), *block(32, 64, 2, draws)]
    for _ in range(3):
        layers += block(64, 64, 1, draws)
    last = nn.Conv2D(64, 8, 1, rng=draws)
    last.bias.data = np.array([-4, 0, 0, 0, 0, 0, 0, 0], np.float32)
    return nn.Sequential(*layers, last)


centres = STRIDE * (0.5 + np.stack(np.meshgrid(np.arange(COLUMNS), np.arange(ROWS)), axis=-1)).astype(np.float32)


def boxes_of(outputs):
    """Return the box that each cell predicts, `(…, rows, columns, 4)`."""
    centre = centres + STRIDE * outputs[..., 1:3]
    half = USUAL / 2 * tg.exp(outputs[..., 3:5])
    return tg.concatenate([centre - half, centre + half], axis=-1)


network = detector().eval()
pixels = tg.tensor(rng.normal(size=(1, *SIZE, 3)).astype(np.float32), requires_grad=True)
seen = np.abs(tg.gradient(network(pixels)[0, ROWS // 2, COLUMNS // 2].sum(), pixels)[0]).sum(axis=-1) > 0
seen = [np.count_nonzero(seen.any(axis=axis)) for axis in (0, 1)]
chapter.claim("each cell sees 63×63 pixels", seen == [63, 63])
chapter.claim("σ(−4) ≈ 2 %", round(1 / (1 + np.exp(4)), 2) == 0.02)

# %% [markdown]
# ## Targets and loss
#
# The targets are a grid, too: for each cell, whether a centre lies in it, the class, and the box. The loss has three
# parts: the cross-entropy of the first logit over all cells, and, over the cells with an object, the cross-entropy of
# the class (chapter 9) and 1 minus the overlap of the predicted box with the true one. The overlap is the *generalised*
# intersection over union, which falls below 0 as boxes move apart, so that boxes that do not touch have a gradient. All
# are divided by the number of objects.
#
# The probability p = σ(z) has the cross-entropy −log p = softplus(z) − z for an object, and −log(1 − p) = softplus(z)
# for none.


# %%
def as_grid(boxes, labels):
    """Return the targets of an image, `(rows, columns, 6)`: object or not, class, and box."""
    grid = np.zeros((ROWS, COLUMNS, 6), np.float32)
    column, row = ((boxes[:, :2] + boxes[:, 2:]) / 2 // STRIDE).astype(int).T
    grid[row, column] = np.column_stack([np.ones(len(boxes)), labels, boxes])
    return grid


def detection_loss(outputs, targets):
    """Return the sum of the three parts."""
    is_object = targets[..., 0]
    cells = np.nonzero(is_object)
    objects = tg.sum(tg.softplus(outputs[..., 0]) - is_object * outputs[..., 0]) / len(cells[0])
    boxes = nn.IoULoss(generalised=True)(boxes_of(outputs)[cells], targets[..., 2:][cells])
    kinds = nn.SoftmaxCrossEntropy()(outputs[..., 5:][cells], targets[..., 1][cells].astype(int))
    return objects + 2 * boxes + kinds


def mirrored(images, grids, rng):
    """Return images and targets, each mirrored at random in both directions: cells look the same from all sides."""
    images, grids = images.copy(), grids.copy()
    for axis, (first, last), length in ((1, (2, 4), SIZE[1]), (0, (3, 5), SIZE[0])):
        chosen = rng.random(len(images)) < 0.5
        images[chosen], flipped = np.flip(images[chosen], axis + 1), np.flip(grids[chosen], axis + 1).copy()
        flipped[..., [first, last]] = length - flipped[..., [last, first]]
        grids[chosen] = flipped
    return images, grids


# %% [markdown]
# ## Training

# %%
targets = np.stack([as_grid(*each) for each in data.y])
network = detector()
batches = nn.data.Batches(data.X, targets, batch_size=8, transform=prepared, mix=mirrored, rng=run.seed)
rate = nn.CosineDecay(0.005, steps=EPOCHS * len(batches))
model = nn.Model(network, loss=detection_loss, optimizer=nn.Adam(network.parameters(), learning_rate=rate))
began = time.perf_counter(), time.process_time()
history = model.fit(batches, epochs=EPOCHS, verbose=0)
seconds, processor = time.perf_counter() - began[0], time.process_time() - began[1]
losses = history["loss"]
print(f"  {sum(parameter.size for parameter in network.parameters()):,} parameters, {EPOCHS} epochs")
print(f"  {seconds:.0f} s, of which {processor:.0f} s on the processor; loss from {losses[0]:.2f} to {losses[-1]:.2f}")

# %% [markdown]
# ## From outputs to detections
#
# A box gets a score for each class: the probability of an object times that of the class. Boxes with a score above 0.05
# go through suppression, class by class.


# %%
def detected(outputs, threshold=0.45):
    """Return the detections of one image: boxes, scores and labels."""
    boxes = np.clip(boxes_of(outputs).data, 0, [SIZE[1], SIZE[0]] * 2)
    kinds = tg.softmax(outputs[..., 5:]).data
    scores = kinds / (1 + np.exp(-outputs[..., :1]))
    row, column, label = np.nonzero(scores > 0.05)
    boxes, scores = boxes[row, column], scores[row, column, label]
    kept = nn.functional.non_maximum_suppression(boxes, scores, threshold=threshold, labels=label)
    return boxes[kept], scores[kept], label[kept]


outputs = model.predict(prepared(data.X_validation))
detections = [detected(each) for each in outputs]
score = mean_average_precision(detections, data.y_validation)
chapter.same("mAP by hand and by the metric", score, measured(detections, data.y_validation))
curves = {name: precision_and_recall(detections, data.y_validation, label) for label, name in enumerate(data.classes)}
precisions = {name: average_precision(*curve) for name, curve in curves.items()}
print(f"  mAP@.5 on the validation photos: {score:.3f}")
for name, each in precisions.items():
    print(f"    {name}: {each:.3f}")

# %% [markdown]
# On the validation photos, mAP@.5 is at least 0.80. White cells, large and violet, are easy: at least 0.90. The missing
# boxes are those of red cells, and platelets are as small as specks of dirt. PyTorch, with the same network, initial
# weights, batches and number of steps, arrives within 0.03 of the same value (`benchmarks/detection.py`).

# %%
if run.fast:
    chapter.claim("a short run reaches an mAP@.5 of 0.2", score >= 0.2)
elif data.name == "blood cells":
    chapter.claim("mAP@.5 is at least 0.80", score >= 0.80)
    chapter.claim("at least 0.90 for white cells", precisions["white blood cell"] >= 0.90)
    chapter.claim("white cells are the easiest", max(precisions, key=precisions.get) == "white blood cell")
else:
    chapter.claim("mAP@.5 is at least 0.5", score >= 0.5)

# %% [markdown]
# ## A published detector
#
# FastestDet (xuehao.ma, 2022) finds 80 kinds of objects with 244,490 parameters in the same way: a grid of 22×22 cells,
# each of which predicts an object, a box and a class. It was trained on the photos of COCO, on which it reaches an
# mAP@.5 of 0.253. `examples/pretrained/fastestdet.py` builds it and loads its weights.

# %%
place = published.folder(fastestdet.FOLDER / "fastestdet.safetensors", fastestdet.FOLDER / "reference.npz")
if place is None:
    print("  FastestDet's weights are not on this machine: a third scene takes the place of its photo.")
else:
    names = (place / fastestdet.FOLDER / "coco_names.txt").read_text().splitlines()
    with np.load(place / fastestdet.FOLDER / "reference.npz") as reference:
        photo, expected = reference["astronaut.image_rgb"], reference["astronaut.boxes"]
    found = fastestdet.detect(fastestdet.load(place), photo)
    for label, probability in zip(found.classes, found.scores):
        print(f"  FastestDet: {names[label]} {probability:.0%}")
    chapter.claim("a person, with at least 80 %", names[found.classes[0]] == "person" and found.scores[0] >= 0.80)
    chapter.same("its boxes, computed by PyTorch", expected, found.boxes, tolerance=1e-4)

# %% [markdown]
# ## The picture: boxes
#
# The first two validation photos with cells of all three kinds. Boxes drawn by people are dotted and black; those of
# the detector are coloured, with their scores. Then the curves of precision and recall, whose areas are the average
# precisions, and a photo of the astronaut Eileen Collins with the boxes of FastestDet, which takes the model of the
# space shuttle for two bottles.

# %%
COLOURS = [chapter.BLUE, chapter.ORANGE, chapter.GREEN]


def draw(axes, image, found, true_boxes, names):
    """Draw an image with its detections of a score of at least 0.3, and the true boxes."""
    axes.imshow(image)
    axes.set_axis_off()
    for left, top, right, bottom in true_boxes:
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, color="black", linestyle=":"))
    for (left, top, right, bottom), score, label in zip(*found):
        if score >= 0.3:
            colour = COLOURS[label % 3]
            axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, color=colour, linewidth=2))
            text = f"{names[label]} {score:.0%}" if len(names) > 3 else f"{score:.0%}"
            back = {"facecolor": colour, "edgecolor": "none", "pad": 1}
            above = "bottom" if top > 0.05 * image.shape[0] else "top"
            axes.text(left, top, text, color="white", fontsize=7, va=above, bbox=back)


figure = Figure(figsize=(11, 7.4), layout="constrained")
panels = figure.subplots(2, 2)
shown = np.argsort([-len(np.unique(labels)) for _, labels in data.y_validation], kind="stable")
for index, axes in zip(shown, panels[0]):
    draw(axes, data.X_validation[index], detections[index], data.y_validation[index][0], data.classes)
for (name, (precision, recall)), colour in zip(curves.items(), COLOURS):
    panels[1, 0].step(recall, precision, color=colour, label=f"{name}: {precisions[name]:.2f}", where="post")
panels[1, 0].set(xlim=(0, 1.02), ylim=(0, 1.05))
panels[1, 0].legend(frameon=False, loc="lower left", title="average precision", alignment="left")
chapter.plain(panels[1, 0], "precision and recall on the validation photos", "recall", "precision")
if place is None:
    index = shown[2]
    draw(panels[1, 1], data.X_validation[index], detections[index], data.y_validation[index][0], data.classes)
else:
    height, width = photo.shape[:2]
    in_pixels = found.boxes * [width, height, width, height]
    draw(panels[1, 1], photo, (in_pixels, found.scores, found.classes), [], names)
chapter.save(figure, run.out / "28_object_detection.png")

# %% [markdown]
# ## Three things to try
#
# 1. Raise the threshold of suppression from 0.45 to 0.95. What happens to mAP?
#
#    *Answer.* It falls: objects are found several times, and every detection after the first counts as wrong.
# 2. Replace the generalised overlap in the loss by the plain one. What is its gradient for boxes that do not touch?
#
#    *Answer.* Zero: the plain overlap stays 0 however far the boxes are apart, so nothing pulls them together.
# 3. How many objects have no cell, because the centre of another lies in the same one? What would help?
#
#    *Answer.* Fewer than one in a hundred here. A finer grid would help, or several boxes in each cell, as in YOLO.

# %%
repeated = mean_average_precision([detected(each, 0.95) for each in outputs], data.y_validation)
print(f"  1: mAP@.5 {score:.3f} at a threshold of 0.45, {repeated:.3f} at 0.95")
if data.name == "blood cells" and not run.fast:
    chapter.claim("1: worse by at least 0.05", repeated < score - 0.05)
apart = tg.tensor([[0.0, 0.0, 2.0, 2.0]], requires_grad=True)
for generalised in (False, True):
    loss = nn.IoULoss(generalised=generalised)(apart, [[5.0, 5.0, 7.0, 7.0]])
    size = np.abs(tg.gradient(loss, apart)).max()
    chapter.claim(f"2: {'not ' * generalised}zero", (size > 0) == generalised)
lost = 1 - targets[..., 0].sum() / sum(len(boxes) for boxes, _ in data.y)
print(f"  3: {lost:.2%} of the objects have no cell")
if data.name == "blood cells" and not run.fast:
    chapter.claim("3: fewer than one in a hundred", lost < 0.01)
