"""What happens to memory that is freed: by default glibc, the C library of most Linux systems, gives it back too soon.

A training step frees its arrays, and the next step asks for the same sizes again. glibc returns free memory at the end
of its heap to the system from 128 KiB on, and blocks larger than that always; the system then clears and maps every
page anew. Both limits are only where glibc starts: it raises them by itself, to 32 MiB for a block and 64 MiB for the
end of the heap, as soon as a program frees a block that large, because such programs tend to do it again.
"""

from __future__ import annotations

import contextlib

import numpy as np

LARGEST = 2**25 - 2**16
"""Bytes: nearly the 32 MiB from which glibc learns no more."""


def keep_freed_memory() -> None:
    """Let glibc raise its limits now, by freeing a large block that was never touched. `import tensorgrad` calls this.

    What it means for the process: the same as once freeing any array of 32 MB. Up to 64 MiB of free memory at the end
    of the heap stay with the process, in each thread that has a heap of its own; and arrays of up to 32 MiB lie in the
    heap, so that any amount of free memory below one that is in use stays as well. Limits that were set in the
    environment (`MALLOC_TRIM_THRESHOLD_`, `MALLOC_MMAP_THRESHOLD_`, `GLIBC_TUNABLES`) or with `mallopt` hold: glibc
    then no longer learns. Where there is another C library, or too little memory for the block, nothing changes.

    What it gave is in benchmarks/NOTES.md, "Freed memory". How glibc learns: mallopt(3), under M_MMAP_THRESHOLD.

    >>> keep_freed_memory()
    """
    with contextlib.suppress(MemoryError):
        np.empty(LARGEST, np.uint8)
