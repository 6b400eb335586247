"""A competent but fallible coder, scripted: forty families, good and bad programs for each, and its voice."""

from .coder import MALFORMED, Coder, Plan, plans
from .families import SPECS, Spec
from .programs import BAD, WHY, Program, bad, good

__all__ = ["BAD", "MALFORMED", "SPECS", "WHY", "Coder", "Plan", "Program", "Spec", "bad", "good", "plans"]
