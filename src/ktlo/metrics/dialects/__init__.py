"""DORA-style numbers as other products define them, from the same rows, and why they differ from ktlo's."""
