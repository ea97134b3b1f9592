"""What was freed is given back."""

import subprocess
import sys

import pytest

PLAY = """
from pathlib import Path
from huiying.memory import give_back

def held():
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in x)
    return int(line.split()[1]) // 1024

pieces = [bytearray(b"x" * 60_000) for _ in range(3_000)]
kept = pieces[::50]  # they lie between the others, so that the heap cannot simply shrink
del pieces
before = held()
give_back()
print(before - held())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the C library elsewhere has no malloc_trim")
def test_freed_memory_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", PLAY], capture_output=True, check=True, text=True)
    assert int(done.stdout) > 100
