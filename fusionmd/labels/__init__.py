"""Reference electronic structure: energies and forces of several states for given geometries."""
