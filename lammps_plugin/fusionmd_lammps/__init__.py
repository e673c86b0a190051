"""Potential files as a LAMMPS pair style: build, locate, launch."""
