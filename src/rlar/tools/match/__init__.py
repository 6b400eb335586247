"""Answers that are texts, against gold texts.

Verifiers: ExactMatch, NormalizedMatch, FinalSpan, LabelMatch, ListMatch. Metrics: TokenF1, FuzzyMatch.
"""

from rlar.tools.match.label import LabelMatch
from rlar.tools.match.listing import ListMatch
from rlar.tools.match.overlap import FuzzyMatch, TokenF1
from rlar.tools.match.span import ExactMatch, FinalSpan, NormalizedMatch

__all__ = ["ExactMatch", "FinalSpan", "FuzzyMatch", "LabelMatch", "ListMatch", "NormalizedMatch", "TokenF1"]
