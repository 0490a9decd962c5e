"""Deployments: what was put where, which changes it contained, and which incidents it caused.

``told`` and ``uniting`` make one row of what several sources tell, ``history``, ``equivalents`` and ``contents`` find
the commits in it, ``linking`` weighs incidents against it; ``derive`` does all of it after a collection.
"""
