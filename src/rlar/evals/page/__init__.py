"""A run as one HTML page: no script, nothing fetched, plots as inline SVG."""

from __future__ import annotations

from rlar.evals.page.document import document

__all__ = ["document"]
