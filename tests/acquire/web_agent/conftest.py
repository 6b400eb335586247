import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # stocking: what test Hubs are stocked with
