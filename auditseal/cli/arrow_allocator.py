"""Arrow takes memory from the C library, as all else does. It has to be said before Arrow is loaded.

Arrow's own allocator keeps memory of its own for each thread. A server that reads little at a time gains nothing by
that, and has 4 MiB more. To import this module before Arrow sets it, unless the environment says otherwise.
"""

import os

os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
