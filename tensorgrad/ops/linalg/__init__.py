"""Products of vectors and matrices, norms, linear systems and decompositions."""
