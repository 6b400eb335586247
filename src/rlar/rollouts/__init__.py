"""Files of queries and responses: read in every shape that people have, written so that a kill never tears a line.

>>> from rlar.rollouts import read_items
>>> for item in read_items(["rollouts.jsonl"]):  # doctest: +SKIP
...     item.query, item.responses, item.labels
"""

from __future__ import annotations

from rlar.rollouts.grouping import group_items
from rlar.rollouts.items import Item, Reject
from rlar.rollouts.reading import bytes_to_read, query_of_row, read_items
from rlar.rollouts.writing import Writer, json_line

__all__ = ["Item", "Reject", "Writer", "bytes_to_read", "group_items", "json_line", "query_of_row", "read_items"]
