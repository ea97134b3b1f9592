"""A decision told to a reader: what came of it, by which thresholds, and what spoke for whom."""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from huiying.texts import say

#: how far a feature must stand off from the other candidates to speak for or against one
EDGE = 0.02
#: features named on each side
NAMED = 3
#: characters of a line that no terminal shows
WIDE = 120
#: made from the features, and no features themselves
_DERIVED = frozenset({"score", "share"})

Record = Mapping[str, Any]


def explained(record: Record) -> str:
    """The decision in *record* (``Decision.to_record``, or a journal row's) in its language."""
    lang = str(record["lang"])
    lines = [_reason(lang, record), _thresholds(lang, record["thresholds"])]
    if record["candidates"]:
        lines += ["", candidates_table(lang, record["candidates"])]
    spoken = lang or say(lang, "unknown_language")
    made_of = {"kb_version": record["kb_version"], "model": record["model"]}
    return "\n".join([*lines, say(lang, "made_of", lang=spoken, **made_of)])


def candidates_table(lang: str, candidates: Sequence[Record]) -> str:
    """The candidates, the best first, with the features that tell them apart."""
    rows = []
    for place, one in enumerate(candidates):
        others = [c["features"] for i, c in enumerate(candidates) if i != place]
        pro, con = _sides(lang, one["features"], others)
        rows.append((one["article"], f"{one['confidence']:.3f}", pro, con))
    return table(
        [say(lang, f"column.{c}") for c in ("article", "confidence", "for", "against")], rows
    )


def feature(lang: str, name: str) -> str:
    """What a feature is called; one without a sentence keeps its name."""
    key = f"feature.{name}"
    return say(lang, key) if key in say.sentences["en"] else name


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under their heads, as wide as the terminal, or as WIDE where there is none."""
    made = Table(box=None, pad_edge=False, header_style="")
    for title in head:
        made.add_column(title)
    for row in rows:
        made.add_row(*row)
    out, here = io.StringIO(), Console()
    width = here.width if here.is_terminal else WIDE
    Console(file=out, width=width, markup=False).print(made)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _reason(lang: str, record: Record) -> str:
    numbers = {name: f"{record[name]:.3f}" for name in ("confidence", "offer_confidence")}
    return say(lang, f"reason.{record['reason']}", **numbers)


def _thresholds(lang: str, values: Mapping[str, float]) -> str:
    return say(lang, "thresholds", **{name: f"{value:.3f}" for name, value in values.items()})


def _sides(
    lang: str, mine: Mapping[str, float], others: Sequence[Mapping[str, float]]
) -> tuple[str, str]:
    """What speaks for a candidate and what against it, the weightiest first."""
    best = {name: max((o[name] for o in others), default=0.0) for name in mine}
    gaps = {name: mine[name] - best[name] for name in mine if name not in _DERIVED}
    by_gap = sorted(gaps, key=lambda name: gaps[name])
    pro = [name for name in reversed(by_gap) if gaps[name] >= EDGE][:NAMED]
    con = [name for name in by_gap if gaps[name] <= -EDGE][:NAMED]
    told_pro = [f"{feature(lang, name)} {mine[name]:.2f}" for name in pro]
    told_con = [f"{feature(lang, name)} {_against(lang, mine[name], best[name])}" for name in con]
    nothing = say(lang, "none")
    return "\n".join(told_pro) or nothing, "\n".join(told_con) or nothing


def _against(lang: str, value: float, best: float) -> str:
    return say(lang, "best", value=f"{value:.2f}", best=f"{best:.2f}")
