"""AM1 with a few electrons in a few orbitals, written so that its surfaces are single-valued and smooth.

`elements` and `pairs` (with `multipoles` and `overlap`) make the integrals, `coulomb` fields of densities; `active`
takes orbitals at given atoms from a Fock matrix, without choosing; `field` makes it self-consistent; `singlets`
finds the states; `gradient` differentiates all of it.
"""
