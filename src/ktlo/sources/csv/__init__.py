"""Exports in files: CSV, JSON lines, JSON, Parquet. See docs/sources/csv.md."""

from ktlo.sources.csv.config import CsvConfig
from ktlo.sources.csv.proposal import Proposal, Question
from ktlo.sources.csv.propose import propose
from ktlo.sources.csv.source import CsvSource

__all__ = ["CsvConfig", "CsvSource", "Proposal", "Question", "propose"]
