"""Run by itself in a process of its own: `python -I -S mopac_child.py LIBRARY INPUT`. Imports nothing of ours."""

import ctypes
import sys

if __name__ == "__main__":
    run = ctypes.CDLL(sys.argv[1]).run_mopac_from_input
    run.argtypes, run.restype = [ctypes.c_char_p], ctypes.c_int
    sys.exit(run(sys.argv[2].encode()))
