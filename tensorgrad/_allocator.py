"""Keep freed memory in the process, which glibc, the C library of most Linux systems, returns to the system too soon.

A training step frees its arrays, and the next step allocates the same sizes again. glibc returns free memory at the end
of its heap to the system from 128 KiB on, and blocks larger than that always; the system then clears and maps every
page anew. Both limits are only where glibc starts: it raises them by itself, to 32 MiB for a block and 64 MiB for the
end of the heap, as soon as a program frees a block that large, because such programs tend to do it again.
"""

from __future__ import annotations

import contextlib

import numpy as np

LARGEST = 2**25 - 2**16
"""Bytes: just below 32 MiB, above which glibc does not raise its limits."""


def keep_freed_memory() -> None:
    """Raise glibc's limits by freeing a large block that was never touched. `import tensorgrad` calls this.

    The effect is the same as freeing any array of 32 MB once. Up to 64 MiB of free memory at the end of the heap stay
    with the process, in each thread that has a separate heap. Arrays of up to 32 MiB are allocated in the heap, so any
    amount of free memory below one that is in use stays as well. Limits that were set in the environment
    (`MALLOC_TRIM_THRESHOLD_`, `MALLOC_MMAP_THRESHOLD_`, `GLIBC_TUNABLES`) or with `mallopt` remain in effect: glibc
    then no longer adapts them. With another C library, or too little memory for the block, nothing changes.

    See benchmarks/NOTES.md, "Freed memory", for measurements, and mallopt(3), M_MMAP_THRESHOLD, for how glibc adapts.

    >>> keep_freed_memory()
    """
    with contextlib.suppress(MemoryError):
        np.empty(LARGEST, np.uint8)
