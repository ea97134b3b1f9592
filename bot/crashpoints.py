"""Named points at which a test may kill the process: the boundaries between two commits.

``HUIYING_CRASH_AT=after_intake_commit:3`` kills this process with SIGKILL the third time it gets
there. Without the variable a point costs one comparison.
"""

import itertools
import os
import signal

#: every boundary between receiving and sending, in the order a message passes them
POINTS = (
    "before_intake_commit",
    "after_intake_commit",
    "after_claim_commit",
    "before_decision_commit",
    "after_decision_commit",
    "after_sending_commit",
    "after_send",
    "after_record_commit",
)

_name, _, _count = os.environ.get("HUIYING_CRASH_AT", "").partition(":")
_passes = itertools.count(1)


def crash_point(name: str) -> None:
    """Die here if the environment asked for it."""
    if name == _name and next(_passes) == int(_count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
