"""The office of the stories serves here too."""

from tests.scenarios.conftest import office, postgres_server

__all__ = ["office", "postgres_server"]
