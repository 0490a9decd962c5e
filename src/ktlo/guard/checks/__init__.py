"""The checks of ``ktlo check``: each is one small class of one shape (:mod:`.protocol`), listed in :mod:`.registry`."""
