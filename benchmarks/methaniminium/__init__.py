"""Methaniminium, CH2NH2+: a second molecule for surface hopping, learnt from SA-CASSCF."""
