"""What the lock files of the default branch held when, and which of it was vulnerable: time to fix from history.

``states`` lists the versions of lock files, ``reading`` parses them with a cache and within a time, ``stretches`` turns
them into intervals, ``exposures`` holds those against advisory databases on disk. Nothing of a repository is run.
"""
