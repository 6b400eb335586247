"""Metrics that compare a response with reference texts. All give values in [0, 1], higher is better."""

from rlar.tools.metrics.bleu import Bleu
from rlar.tools.metrics.chrf import Chrf
from rlar.tools.metrics.data_to_text import DataToText
from rlar.tools.metrics.rouge import Rouge
from rlar.tools.metrics.summary import Summary
from rlar.tools.metrics.ter import Ter
from rlar.tools.metrics.translation import Translation

__all__ = ["Bleu", "Chrf", "DataToText", "Rouge", "Summary", "Ter", "Translation"]
