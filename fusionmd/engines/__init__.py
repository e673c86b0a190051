"""Engines: programs that move atoms with a potential."""
