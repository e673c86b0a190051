"""Methaniminium, CH2NH2+, for surface hopping: a level fitted to MR-CISD, and networks learnt from SA-CASSCF."""
