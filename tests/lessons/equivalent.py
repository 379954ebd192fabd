"""Mutants that are right answers too: exercise -> what was changed -> why nothing changes."""

EQUIVALENT: dict[str, dict[str, str]] = {}
