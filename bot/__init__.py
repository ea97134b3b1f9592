"""The framework floor: messages, channels, the durable spine and its database.

``bot`` knows how a message arrives, is kept in order, is decided once and leaves again. It does
not know what is asked or answered: that is :mod:`handlers`, :mod:`admin` and :mod:`knowledge`.
"""
