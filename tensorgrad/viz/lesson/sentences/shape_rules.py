"""Explanations of the gradients of operations that move, copy or pick elements."""

SENTENCES = {
    # shape
    "reshape": "Reshaping keeps every element, so the gradient is only reshaped to the shape of {target}.",
    "ravel": "Flattening keeps every element, so the gradient is only reshaped to the shape of {target}.",
    "expand_dims": "The new axis has length 1, so it is only removed from the gradient.",
    "squeeze": "The axes that were removed have length 1, so they are only inserted into the gradient.",
    "astype": "Only the dtype changes, so the gradient keeps its numbers and takes the dtype of {target}.",
    "copy": "The copy holds the same numbers, so {target} receives {up} itself.",
    # order of the elements
    "transpose": "Transposing moves the elements, so the gradient is transposed back.",
    "swapaxes": "Two axes were swapped, so the same two axes of the gradient are swapped back.",
    "moveaxis": "Axes were moved, so those of the gradient are moved back to where they came from.",
    "rollaxis": "One axis was moved, so that axis of the gradient is moved back.",
    "flip": "The order of the elements was reversed, so that of their gradients is reversed too.",
    "fliplr": "The columns were reversed, so the columns of the gradient are reversed too.",
    "flipud": "The rows were reversed, so the rows of the gradient are reversed too.",
    "rot90": "The array was rotated by right angles, so the gradient is rotated back.",
    "roll": "The elements were shifted, so their gradients are shifted back by as much.",
    "sort": "Sorting only moves the elements, so each gradient returns to the place its element came from.",
    "partition": "Partitioning only moves the elements: each gradient returns to where its element was before.",
    # copies
    "broadcast_to": "Each element was copied, and the gradients of its copies are added up.",
    "repeat": "Each element was repeated, and the gradients of its repetitions are added up.",
    "tile": "The whole array was repeated, and the gradients at the same place of each repetition are added up.",
    "pad.array": (
        "{target} receives the gradient at its place, plus that of the margins that were filled from its elements."
    ),
    "pad.constant_values": "Each constant fills a margin, so its gradient is the sum over that margin.",
    "pad.end_values": (
        "A margin is a ramp to its end value, which receives the margin's gradients, weighted by how close they are."
    ),
    # arrays that are joined
    "concatenate": "{target} receives the part of the gradient at its place.",
    "stack": "{target} receives the slice of the gradient at its place.",
    "append.arr": "{target} comes first in the result, so it receives the first part of the gradient.",
    "append.values": "{target} was appended, so it receives the last part of the gradient.",
    "hstack": "{target} was placed beside the other arrays and receives the columns that it filled.",
    "vstack": "{target} was placed above or below the other arrays and receives the rows that it filled.",
    "dstack": "{target} became layers along the third axis and receives their gradients.",
    "column_stack": "{target} became columns of the result and receives the gradients of these columns.",
    # elements that are picked
    "getitem": "Only the elements that were picked receive a gradient; the others receive 0.",
    "with_item.x": "The elements that were replaced receive 0; all others receive their gradient unchanged.",
    "with_item.value": "{target} was written at the index, so its gradient is read from there.",
    "scatter": "Each value was added at its index, so it receives the gradient from that place.",
    "take": "Each element receives the gradients of all places it was taken to, added up; the others receive 0.",
    "take_along_axis": "Each gradient returns to the index along the axis that its element was taken from.",
    "compress": "Elements where the condition is true were kept and receive their gradient; the others receive 0.",
    "extract": "Elements were extracted where the condition is true: only they receive a gradient.",
    "choose": "{target} receives the gradient wherever it was the chosen array, and 0 elsewhere.",
    "select.default": "The default receives the gradient where no condition is true, and 0 elsewhere.",
    "select.choicelist": "{target} receives the gradient where its condition is the first that is true.",
    "delete": "Elements that were kept receive their gradient; those that were deleted receive 0.",
    "insert.arr": "The elements only moved to make space, so each receives the gradient of its new place.",
    "insert.values": "Each value receives the gradient of the place where it was inserted.",
    "diag": "Only elements on the diagonal count: each receives the gradient of its place, and all others 0.",
    "diagflat": "Each element was placed on the diagonal, so its gradient is read from the diagonal.",
    "diagonal": "Only the diagonal was read, so it receives the gradient, and all other elements 0.",
    "tril": "The elements above the diagonal were set to 0, so their gradients are set to 0 too.",
    "triu": "The elements below the diagonal were set to 0, so their gradients are set to 0 too.",
    # windows
    "sliding_window_view": "Each element is in several windows, and its gradients in all of them are added up.",
    "overlap_add": "Each window was added at its place, so it receives the gradient of that place.",
    "convolve": (
        "At each shift, elements of {a} were multiplied by elements of {v}: {up} is multiplied by the other operand "
        "and summed over the shifts."
    ),
    "correlate.a": "Each element of {a} met {v} at several shifts: its gradient is the convolution of {up} with {v}.",
    "correlate.v": "Each element of {v} was multiplied by a slice of {a}: its gradient is the sum of {up} times it.",
    "ediff1d.ary": (
        "Each element is added in one difference and subtracted in the next: it receives {up} of the one minus {up} "
        "of the other."
    ),
    "ediff1d.to_begin": "{target} comes before the differences, so it receives the first elements of the gradient.",
    "ediff1d.to_end": "{target} comes after the differences, so it receives the last elements of the gradient.",
}

LIKE: dict[str, str] = {}
