"""The HTML report of a run: one self-contained file, in which no response can be anything but text.

gallery: chooses, while the run goes on, which items are worth a page. oddities: what is unusual about a response.
page: the document. charts: its plots. app.js, style.css: its behaviour and its look.
"""

from __future__ import annotations

from rlar.cli.report.gallery import Gallery

__all__ = ["Gallery"]
