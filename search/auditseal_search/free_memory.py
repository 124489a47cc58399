"""Gives memory that was freed back to the system: allocators keep several times what a build needs otherwise."""

import ctypes

import pyarrow as pa

_TRIM_THRESHOLD, _BYTES = -1, 128 * 1024
"""`M_TRIM_THRESHOLD` of glibc's mallopt(3), and its default."""


def release_free_memory() -> None:
    """Let Arrow's allocator and the C library's, which numpy and Python use, return what they don't need."""
    pa.default_memory_pool().release_unused()
    pa.system_memory_pool().release_unused()  # calls malloc_trim of the C library, if it has it


def return_large_blocks() -> None:
    """Let glibc return each large block of memory to the system once it is freed, for as long as this process runs.

    glibc raises its bounds with the first large blocks that are freed, and then keeps blocks below them (mallopt(3)).
    Setting a bound, even to its default, ends that. Other C libraries have no such bounds.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _BYTES)
