"""Linters of other people: found, run, read by their machine output, and held to a ratchet.

``linters`` lists them, ``programs`` runs them, ``sarif_report`` reads what they say, ``ratchet`` keeps the counts.
"""
