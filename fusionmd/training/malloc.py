"""Keep large tensors on the heap: glibc otherwise maps and unmaps blocks above 32 MB at every allocation."""

from __future__ import annotations

import ctypes
import sys

# malloc.h: parameter numbers of mallopt(3).
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4
TWO_GB = 2_000_000_000


def keep_large_blocks() -> bool:
    """Tell glibc to neither map large blocks nor return freed memory soon; False where there is no glibc."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(M_MMAP_MAX, 0)) and bool(mallopt(M_TRIM_THRESHOLD, TWO_GB))
