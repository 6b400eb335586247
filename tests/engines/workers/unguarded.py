"""A script whose top level must not run in workers: it would judge there again, and so on for ever."""

import asyncio
import os
import sys

import rlar.tools.base as rlar_tools
from rlar.types import Query

TABLE = {}
TABLE["yes"] = 1.0
TABLE.update(no=0.0)


@rlar_tools.tool
def looked_up(response, query):
    return TABLE.get(response, 0.5)


class Doubled(rlar_tools.RuleTool):
    def __init__(self, factor=0.5):
        self.factor = factor
        self.describe(config={"factor": factor}, name="doubled", kind="verifier")

    def rate(self, response, query, prepared):
        return self.factor * TABLE.get(response, 0.5)


print(f"running in {os.getpid()}", flush=True)
for rule in (rlar_tools.as_tool(looked_up), Doubled(0.25)):
    print([v.value for v in asyncio.run(rule.judge(Query("q"), ["yes", "no", "?"]))], flush=True)
sys.exit(7)
