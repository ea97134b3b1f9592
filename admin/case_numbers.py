"""Public numbers and secret codes of cases: short, easy to read out, hard to guess.

A code is kept as a hash with its case, and its dispatch is journalled without it. Two places do
hold it in clear: the outbox keeps the message that told it, and when a citizen sends ``/status
NUMBER CODE`` the inbox and the journal keep what came. Who can read these tables can read the
case as well, and with its code could have it answered elsewhere.
"""

import hashlib
import hmac
import secrets

#: without 0, 1, I, L and O, which are mistaken for one another
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
NUMBER_LENGTH = 5
CODE_LENGTH = 8


def new_number() -> str:
    """Return a number for a case, such as ``K7Q2M``; it always holds a letter and a digit."""
    while True:
        number = _word(NUMBER_LENGTH)
        if any(c.isdigit() for c in number) and any(c.isalpha() for c in number):
            return number


def new_code() -> str:
    """Return a secret code for a citizen, about 40 random bits."""
    return _word(CODE_LENGTH)


def _word(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def normal(text: str) -> str:
    """Return what somebody typed as a number or code in the form we store."""
    return text.strip().lstrip("#~").upper()


def hashed(number: str, code: str) -> str:
    """Return what is stored of a code.

    A plain hash is enough: guesses go through us and are counted, and who can read the table can
    read the case as well.
    """
    return hashlib.sha256(f"{number}:{code}".encode("utf-8", "replace")).hexdigest()


def matches(number: str, code: str, stored: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(hashed(number, code), stored)
