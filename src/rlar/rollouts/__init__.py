"""Files of queries and responses: read in every shape that people have, written so that a kill never tears a line.

>>> from rlar.rollouts import read_items
>>> for item in read_items(["rollouts.jsonl"]):  # doctest: +SKIP
...     item.query, item.responses, item.labels
"""

from __future__ import annotations

from rlar.rollouts.items import Item, Reject
from rlar.rollouts.reading import read_items

__all__ = ["Item", "Reject", "read_items"]
