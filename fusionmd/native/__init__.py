"""Operations in C++ for CPUs: built on the machine that uses them, known to TorchScript wherever the package is."""
