"""Why an official's act is not done: one plain sentence from ``texts/``."""

from admin.texts import say


class ActRefused(Exception):
    """The act is not allowed or not possible now; ``key`` names the sentence that says why."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values

    def sentence(self, language: str) -> str:
        """Return the sentence."""
        return say(language, f"refused.{self.key}", **self.values)
