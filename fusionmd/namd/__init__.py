"""Non-adiabatic dynamics: ensembles of hopping trajectories on surfaces of any origin. Hartree atomic units inside."""
