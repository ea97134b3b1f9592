"""Faults to plant in the played Telegram."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.servers.http import Response


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next ``times`` calls whose method begins with ``method``.

    ``chat`` narrows it to one chat, ``skip`` lets so many matching calls pass first. ``status``
    refuses with that code; ``cut`` drops the connection "before" or "after" the server acted;
    ``delay_s`` waits before acting, ``stall_s`` after it. ``hits`` counts.
    """

    method: str = ""
    chat: int | None = None
    times: int = 1
    skip: int = 0
    status: int = 0
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    body: str = ""
    cut: str = ""
    delay_s: float = 0.0
    stall_s: float = 0.0
    hits: int = 0

    @property
    def acts(self) -> bool:
        """Whether the server does what it was asked."""
        return not self.status and self.cut != "before"

    def response(self) -> Response:
        """Return the refusal."""
        if self.body:
            return Response(self.status, self.body.encode(), "text/html")
        answer = {"ok": False, "error_code": self.status, "description": self.description}
        if self.parameters:
            answer["parameters"] = self.parameters
        return Response(self.status, json.dumps(answer).encode())


class FaultPlan:
    """The faults that wait for their call, in the order they were planted."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Plant one."""
        self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Take all of them away."""
        self._waiting.clear()

    def next(self, method: str, chat: str) -> Fault | None:
        """Return the fault that strikes this call, if any."""
        if not self._waiting:
            return None
        for fault in self._waiting:
            if method.startswith(fault.method.lower()) and _in(fault.chat, chat):
                return self._strike(fault)
        return None

    def _strike(self, fault: Fault) -> Fault | None:
        if fault.skip:
            fault.skip -= 1
            return None
        fault.hits += 1
        fault.times -= 1
        if fault.times == 0:
            self._waiting.remove(fault)
        return fault


def _in(wanted: int | None, chat: str) -> bool:
    return wanted is None or str(wanted) == chat
