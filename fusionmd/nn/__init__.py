"""Building blocks of models: one equation a file."""
