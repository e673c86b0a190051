"""How much memory there is, and how many edges fit into it."""

from __future__ import annotations

import os
import time
from functools import lru_cache

import torch

BYTES_PER_GB = 1_000_000_000
FREE_FRACTION = 0.5
# Where the system does not tell what is free.
FALLBACK_BYTES = 4 * BYTES_PER_GB


def max_edges(bytes_per_edge: int, memory_GB: float | None, device: torch.device) -> int:
    """Edges that fit into `memory_GB`, or into half of what is free if None; at least one."""
    if memory_GB is None:
        limit = FREE_FRACTION * _free_bytes_at(device, int(time.monotonic()))
    else:
        limit = memory_GB * BYTES_PER_GB
    return max(1, int(limit / max(bytes_per_edge, 1)))


@lru_cache(maxsize=4)
def _free_bytes_at(device: torch.device, second: int) -> int:
    """Asking the system costs as much as a small part of a step of MD: once a second is enough."""
    return free_bytes(device)


def free_bytes(device: torch.device) -> int:
    """Free memory of a device, bytes."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return _available_on_linux() or os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return FALLBACK_BYTES


def _available_on_linux() -> int:
    """MemAvailable of /proc/meminfo (it counts caches that can be dropped), bytes; 0 if there is none."""
    try:
        with open("/proc/meminfo") as lines:
            return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)
    except OSError:
        return 0
