"""Gives memory that was freed back to the system: allocators keep several times what a build needs otherwise."""

import pyarrow as pa


def release_free_memory() -> None:
    """Let Arrow's allocator and the C library's, which numpy and Python use, return what they don't need."""
    pa.default_memory_pool().release_unused()
    pa.system_memory_pool().release_unused()  # calls malloc_trim of the C library, if it has it
