"""The exceptions of the framework floor.

::

    HuiyingError
    ├── BadInput      the caller must change something; exit code 2
    └── Failure       the machine must change something; exit code 1
        ├── SchemaNewer
        ├── DatabaseUnavailable
        └── LeaseLost

The message of each is one plain sentence that says what to do; the command line prints it as it is.
"""


class HuiyingError(Exception):
    """Base of every error that is meant for a person's eyes."""

    exit_code = 1


class BadInput(HuiyingError):
    """What was given cannot be used; the message names it."""

    exit_code = 2


class Failure(HuiyingError):
    """Something outside the input is wrong; the message says how to mend it."""


class SchemaNewer(Failure):
    """The database was written by a newer Huiying."""


class DatabaseUnavailable(Failure):
    """The database cannot be reached or written."""


class LeaseLost(Failure):
    """Another worker has taken this work over; what was computed must not be written."""
