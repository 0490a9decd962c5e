"""The gate: checks of a repository that pass only what is proven clean.

Each check gives findings and, just as important, says what it could not check; ``verdict`` turns both into
one exit code. Part of the light base install: nothing here imports an engine, Arrow or numerics.
"""
