"""What the partial templates take; the nouns live in :mod:`ktlo.report.pieces`, shared with documents."""

from ktlo.report.pieces import Answer, Card, Filter, Known, Nothing, Option, Progress, Trend

__all__ = ["Answer", "Card", "Filter", "Known", "Nothing", "Option", "Progress", "Trend"]
