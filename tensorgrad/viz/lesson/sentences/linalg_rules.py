"""Explanations of the gradients of operations of linear algebra."""

SENTENCES = {
    # products
    "matmul.x": "Each element of {x} is multiplied by a row of {y}, so {up} is multiplied by {y}ᵀ.",
    "matmul.y": "Each weight's gradient is its input times the gradient at its output, summed over the rows.",
    "dot.a": "Each element of {a} was multiplied by elements of {b}: {up} times these is summed.",
    "dot.b": "Each element of {b} was multiplied by elements of {a}: {up} times these is summed.",
    "inner.a": "Each row of {a} was multiplied by every row of {b}: its gradient is their sum, weighted by {up}.",
    "inner.b": "Each row of {b} was multiplied by every row of {a}: its gradient is their sum, weighted by {up}.",
    "vdot.a": "The scalar product is linear: {a} receives {up} times {b}.",
    "vdot.b": "The scalar product is linear: {b} receives {up} times {a}.",
    "outer.a": "Each element of {a} was multiplied by all of {b}: its row of {up} is multiplied by {b} and summed.",
    "outer.b": "Each element of {b} was multiplied by all of {a}: its column of {up} is multiplied by {a} and summed.",
    "kron.a": "Each element of {a} scaled a copy of {b}: its gradient is the sum of its block of {up} times {b}.",
    "kron.b": "Each element of {a} scaled a copy of {b}: {b} receives the sum of all blocks of {up}, scaled alike.",
    "cross.a": "The gradient of the first factor of a cross product is {b} × {up}.",
    "cross.b": "The gradient of the second factor of a cross product is {up} × {a}.",
    "tensordot.a": "{up} is multiplied by {b} and summed over the axes of {b} that the forward pass did not sum.",
    "tensordot.b": "{up} is multiplied by {a} and summed over the axes of {a} that the forward pass did not sum.",
    "einsum": "{up} is multiplied by the other operands and summed over the indices that {target} does not have.",
    # norms and determinants
    "vector_norm": "A norm rises fastest in the direction of {target}: the slope of the 2-norm is {target} / {result}.",
    "det": "The derivative of a determinant with respect to an element is its cofactor.",
    "slogdet": "The derivative of log|det({target})| is the inverse of {target}, transposed.",
    "cofactors": (
        "A cofactor is the determinant without one row and one column, so each element receives gradients from the "
        "cofactors outside its row and column."
    ),
    # inverses
    "inv": "A change d of {target} changes the inverse by −{result} @ d @ {result}: hence the two transposed inverses.",
    "pinv": (
        "A change d of {target} changes the pseudo-inverse by −{result} @ d @ {result}, plus two terms for the "
        "directions that have no inverse."
    ),
    "solve.a": "With d, the gradient of the right-hand side, the gradient of the matrix is −d @ {result}ᵀ.",
    "solve.b": "{result} is the inverse of {a} times {b}, so the gradient of {b} is the inverse of {a}ᵀ times {up}.",
    "solve_triangular.a": (
        "As for solve, it is minus the product of the right-hand side's gradient and the solution, within the triangle."
    ),
    "solve_triangular.b": "The inverse triangle was multiplied by {b}, so its transpose is multiplied by {up}.",
    # factors
    "cholesky": "The factor times its transpose is {target}: both sides are differentiated and solved with the factor.",
    "qr_factors": "Q @ R is {target} and Qᵀ @ Q is the identity: both are differentiated and solved with R.",
    "eigh": (
        "An eigenvalue with the eigenvector v changes by vᵀ @ d @ v for a change d of {target}; the closer the "
        "other eigenvalues are, the faster v turns."
    ),
    "eig": (
        "An eigenvalue with the left and right eigenvectors u and v changes by uᵀ @ d @ v / uᵀ @ v for a change d of "
        "{target}; the closer the other eigenvalues are, the faster v turns."
    ),
    "svd_factors": (
        "A singular value with the vectors u and v changes by uᵀ @ d @ v for a change d of {target}; the closer two "
        "singular values are, the faster the vectors turn."
    ),
    "divide_by_gaps.x": "{target} was divided by the gaps between eigenvalues, and so is its gradient.",
    "divide_by_gaps.gaps": "The slope of a quotient with respect to a gap is minus the quotient divided by the gap.",
    "expm": "The gradient is the directional derivative of the exponential at {target}ᵀ in the direction of {up}.",
}

LIKE: dict[str, str] = {}
