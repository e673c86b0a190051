"""Potential files as OpenMM forces."""
