"""Replay: a decision in the journal is made again, on the knowledge as it was served then."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from bot import journal
from bot.errors import BadInput
from huiying.explaining import explained, feature, table
from huiying.texts import say
from knowledge import versions
from knowledge.calibration import OFFERED
from knowledge.decisions import Decision, Reason
from knowledge.search import Knowledge

#: numbers nearer than this are the same: machines differ in the last digits of a sum
ALIKE = 0.0006


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was; *feature* of *article* where both are named."""

    article: str
    feature: str
    then: object
    now: object

    @property
    def what(self) -> str:
        """The name of it."""
        return " ".join(filter(None, (self.article, self.feature)))


@dataclass(frozen=True, slots=True)
class Replay:
    """A decision as it was journalled, and made again."""

    seq: int
    at: dt.datetime
    #: The reasons in the journal.
    then: Mapping[str, Any]
    now: Decision
    differences: tuple[Difference, ...]

    @property
    def is_same(self) -> bool:
        """Whether the ground and the articles that the citizen gets are the same."""
        return self.then["reason"] == self.now.reason and _shown(self.then) == _shown(self._now)

    @property
    def model_changed(self) -> bool:
        """Whether another embedder or other weights decided then."""
        return bool(self.then["model"] != self.now.model)

    @property
    def _now(self) -> Mapping[str, Any]:
        return self.now.to_record()

    def says(self) -> str:
        """The verdict in a sentence or two, in the language of the question."""
        lang, count = self.now.lang, len(self.differences)
        if not self.is_same:
            said = say(lang, "replay.other")
        else:
            said = say(lang, "replay.numbers", count=count) if count else say(lang, "replay.same")
        if self.model_changed:
            models = {"then": self.then["model"], "now": self.now.model}
            said = f"{said} {say(lang, 'replay.model', **models)}"
        return said

    def to_json(self) -> dict[str, Any]:
        """The replay as JSON values."""
        return {
            "journal": self.seq,
            "at": self.at.isoformat(),
            "question": self.then["question"],
            "same": self.is_same,
            "model_changed": self.model_changed,
            "says": self.says(),
            "differences": [
                {"what": d.what, "then": d.then, "now": d.now} for d in self.differences
            ],
            "then": dict(self.then),
            "now": dict(self._now),
        }

    def told(self) -> str:
        """The replay for a reader."""
        lang = self.now.lang
        head = say(
            lang,
            "replay.of",
            seq=self.seq,
            at=f"{self.at:%Y-%m-%d %H:%M} UTC",
            question=self.then["question"],
        )
        lines = [head, self.says(), "", explained(self.then)]
        if self.differences:
            names = [say(lang, f"column.{c}") for c in ("what", "then", "now")]
            rows = [(_called(lang, d), str(d.then), str(d.now)) for d in self.differences]
            lines += ["", table(names, rows)]
        return "\n".join(lines)


def replay(session: Session, known: Knowledge, seq: int) -> Replay:
    """Make the decision of a journal row again; raises BadInput when the row holds none.

    *known* says with which model; its own articles do not matter.
    """
    row = journal.find(session.connection(), seq)
    why = json.loads(row["body"]).get("why", {}) if row is not None else {}
    if row is None or not {"question", "day", "kb_version", "reason"} <= why.keys():
        raise BadInput(
            f"Row {seq} of the journal is no decision of the knowledge; `huiying journal export` "
            'shows which rows of the kind "decided" hold a question.'
        )
    version, day = int(why["kb_version"]), dt.date.fromisoformat(str(why["day"]))
    then = known.over(versions.served_at(session, version), version, day)
    now = then.ask(str(why["question"]), str(why["lang"]) or None)
    return Replay(seq, row["at"], why, now, tuple(_differences(why, now.to_record())))


def _ids(record: Mapping[str, Any]) -> list[str]:
    return [c["article"] for c in record["candidates"]]


def _shown(record: Mapping[str, Any]) -> set[str]:
    """The article sent, or those offered."""
    most = {Reason.EXACT: 1, Reason.SURE: 1, Reason.UNSURE: OFFERED}.get(record["reason"], 0)
    return set(_ids(record)[:most])


def _called(lang: str, difference: Difference) -> str:
    return " ".join(filter(None, (difference.article, feature(lang, difference.feature))))


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    for name in ("reason", "confidence", "offer_confidence"):
        yield from _one("", name, then[name], now[name])
    for name in ("answer", "offer"):
        yield from _one("", name, then["thresholds"][name], now["thresholds"][name])
    yield from _one("", "candidates", _ids(then), _ids(now))
    again = {c["article"]: c for c in now["candidates"]}
    for candidate in then["candidates"]:
        article = candidate["article"]
        if other := again.get(article):
            yield from _one(article, "confidence", candidate["confidence"], other["confidence"])
            mine, its = candidate["features"], other["features"]
            for name in dict.fromkeys([*mine, *its]):
                yield from _one(article, name, mine.get(name), its.get(name))


def _one(article: str, name: str, then: object, now: object) -> Iterator[Difference]:
    if isinstance(then, float | int) and isinstance(now, float | int):
        same = abs(then - now) < ALIKE
    else:
        same = then == now
    if not same:
        yield Difference(article, name, then, now)
