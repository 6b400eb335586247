import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # stocking: what test Hubs are stocked with


@pytest.fixture
def server():
    from rlar.testing.hub import LocalHub

    with LocalHub() as hub:
        yield hub
