"""How the shipped weights were learned: `python -m knowledge.training.fit SETS_DIR`."""
