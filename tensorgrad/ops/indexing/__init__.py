"""Indexing, assignment, insertion, selection and sorting of elements."""
