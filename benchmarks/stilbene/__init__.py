"""The level of theory of the stilbene data: parameters of AM1 fitted to landmarks, and how they were made."""
