"""The ways in: one folder per outside system, all of one shape, none knowing another.

``protocol`` says what a source is, ``registry`` which there are, ``collector`` runs one: rows into the
store, then the cursor into the state, so that a crash repeats work and never skips it.
"""
