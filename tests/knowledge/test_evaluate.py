"""The measures, by hand on a few questions, and the files they come from."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from knowledge.calibration import Thresholds, shipped_weights
from knowledge.errors import ImportRefused
from knowledge.evaluate import Asked, Query, evaluate, measure, read_kb, read_queries
from knowledge.search import Decision, Outcome, Reason
from tests.knowledge.conftest import office
from tests.knowledge.test_search import only


def asked(outcome: str, found: str, relevant: str, confidence: float, kind: str = "") -> Asked:
    decision = Decision(
        Outcome(outcome),
        Reason.SURE,
        None,
        (),
        confidence,
        confidence,
        Thresholds(0.8, 0.2),
        "",
        0,
        "",
        1.0,
    )
    return Asked(
        Query("?", tuple(relevant), kind or ("in" if relevant else "oos")), decision, tuple(found)
    )


def test_measures_by_hand() -> None:
    found = measure(
        [
            asked("answered", "abc", "a", 0.9),
            asked("answered", "bac", "a", 0.8),
            asked("offered", "cba", "a", 0.5),
            asked("handed_off", "abc", "a", 0.1),
            asked("answered", "abc", "", 0.85, "near_oos"),
            asked("offered", "abc", "", 0.3, "far_oos"),
        ]
    )
    assert found["n_in"] == 4
    assert found["n_oos"] == 2
    assert found["hit1"] == 0.5
    assert found["hit3"] == 1
    assert found["mrr10"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1) / 4, abs=1e-4)
    assert found["answered"] == 0.25
    assert found["answered_precision"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["resolved"] == 0.5
    assert found["oos_answered"] == 0.5
    assert found["oos_offered"] == 0.5
    assert found["auroc"] == pytest.approx(4 / 8)
    assert found["auroc_near"] == pytest.approx(1 / 4)
    assert found["auroc_far"] == pytest.approx(3 / 4)


def test_ndcg_counts_every_right_article() -> None:
    first = measure([asked("offered", "ab", "ab", 0.5)])["ndcg10"]
    second = measure([asked("offered", "axb", "ab", 0.5)])["ndcg10"]
    assert first == 1
    assert second == pytest.approx((1 + 1 / 2) / (1 + 0.63093), abs=1e-3)


def test_measures_of_nothing_are_none() -> None:
    found = measure([])
    assert found["n_in"] == 0
    assert found["hit1"] is None
    assert found["auroc"] is None


def test_evaluation_asks_every_question() -> None:
    known = only(*office())
    queries = [Query("借书证怎么办理", ("library-card",), "in"), Query("宇宙", (), "far_oos")]
    found = evaluate(known, queries, build_s=0.5)
    assert found["hit1"] == 1
    assert found["answered"] == 1
    assert found["build_s"] == 0.5
    assert {"p50_ms", "p95_ms", "qps", "rss_mb", "model"} <= set(found)


def test_files_are_read_and_bad_rows_listed(tmp_path: Path) -> None:
    kb, queries = tmp_path / "kb.jsonl", tmp_path / "q.jsonl"
    kb.write_text(json.dumps({"id": "a", "question": "Q?", "answer": "", "phrasings": ["x" * 900]}))
    queries.write_text('{"query": "hi", "relevant": []}\n{"query": 1}\n')
    assert len(read_kb(kb)[0].phrasings[0]) == 500
    with pytest.raises(ImportRefused) as refused:
        read_queries(queries)
    assert [b.line for b in refused.value.bad] == [2]


@pytest.mark.parametrize("kind", ["plain", "taught"])
def test_thresholds_follow_the_measured_table(kind: str) -> None:
    calibration = getattr(shipped_weights(), kind).calibration
    for accepted in (0.02, 0.05, 0.1, 0.3):
        answer = calibration.thresholds(accepted).answer
        below = [wrong for threshold, wrong in calibration.wrong_answers if threshold < answer]
        assert all(wrong > accepted for wrong in below)
    shares = [wrong for _, wrong in calibration.wrong_answers]
    assert shares == sorted(shares, reverse=True)
    never = replace(calibration, wrong_answers=((0.5, 0.2), (0.9, 0.1)))
    assert never.thresholds(0.05).answer > 1, "nothing is answered outright"
