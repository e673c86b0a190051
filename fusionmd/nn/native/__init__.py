"""The blocks of a layer in native operations: the same parameters under the same names, the same numbers."""
