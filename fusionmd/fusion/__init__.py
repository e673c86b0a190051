"""Fusion: diagrams and their labellings (data), plans (data), their evaluation by an oracle and by torch modules."""
