"""Makes the fuzzed replies importable by name (tests are collected in importlib mode); benchmarks use them too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
