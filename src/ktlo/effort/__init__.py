"""Effort: who spent what on what, and what each piece of work was for."""
