"""Decisions about keeping the lights on: what share, who, when, which debt first.

Reads metrics and records, gives frozen answers that ``report`` turns into pages. No arithmetic of a plan lives
anywhere else.
"""
