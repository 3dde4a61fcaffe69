"""What is raised when a file cannot be read or written."""


class LoadError(ValueError):
    """A file that is not what it should be: damaged, cut short, of another kind, or of another network.

    The message names the file and, where there is one, the tensor. Nothing has been changed.
    """


class SaveError(ValueError):
    """Something that a file could not give back. The message names it. No file has been written."""
