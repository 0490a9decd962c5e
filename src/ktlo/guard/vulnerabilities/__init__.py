"""Known vulnerabilities: which advisories of the configured databases apply to which dependency.

``check`` joins inventories (``guard/lockfiles``) with ``databases``; ``match`` decides, by OSV's rules, and
says "undecided" rather than "clean" where it cannot. Source of the format: the OSV schema 1.6.
"""
