"""Index files: the index on disk, so that a crash leaves the old one or the new one.

Files are written under new names; the manifest, replaced last, makes them count and holds
the digest of each.  The large part of an index is written once, mapped into memory, and named
again by later manifests; processes that map the same file share its pages.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from knowledge.errors import IndexUnusable
from knowledge.index import KEY_BYTES, Exact, Index, Layered
from knowledge.large import Files, Large

_FORMAT = 2
_MANIFEST = "manifest.json"
#: Age in seconds at which a file no manifest names is removed.
_SWEEP_AFTER_S = 600.0
_SUFFIXES = frozenset({".faiss", ".keys", ".lists", ".npy", ".places"})
_DIGEST_BYTES = 16


def is_saved(folder: Path) -> bool:
    """Whether an index was ever saved under *folder*."""
    return (folder / _MANIFEST).exists()


def save(index: Index, folder: Path, kb_version: int) -> Index:
    """Write the index under *folder*; the same index, its large part mapped from there."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{kb_version}-{os.getpid()}-{os.urandom(4).hex()}"
    index, files = _write(index, folder / name)
    manifest = {
        "format": _FORMAT,
        "fingerprint": index.fingerprint,
        "kb_version": kb_version,
        "files": {suffix: [path.name, digest] for suffix, (path, digest) in files.items()},
    }
    draft = folder / f"{name}.json"
    draft.write_text(json.dumps(manifest), "utf-8")
    os.replace(draft, folder / _MANIFEST)
    _sweep(folder, keep={path.name for path, _ in files.values()})
    return index


def load(folder: Path, fingerprint: str) -> Index:
    """Read the saved index; raises IndexUnusable when absent, damaged or of another model."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text("utf-8"))
        if manifest["format"] != _FORMAT:
            raise IndexUnusable("The saved index has another format; it is built anew.")
        if manifest["fingerprint"] != fingerprint:
            raise IndexUnusable("The saved index belongs to another model; it is built anew.")
        files = {suffix: (folder / n, digest) for suffix, (n, digest) in manifest["files"].items()}
        if any(_digest(path) != digest for path, digest in files.values()):
            raise IndexUnusable("The saved index is damaged; it is built anew.")
        return _read(files, fingerprint)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise IndexUnusable("There is no readable saved index; it is built anew.") from error


def _write(index: Index, stem: Path) -> tuple[Index, Files]:
    """Write what is not yet written; the index, and all its files."""
    store = index.store
    tail = store.tail if isinstance(store, Layered) else store
    files = {
        **_put(stem.with_suffix(".keys"), index.keys.tofile),
        **_put(stem.with_suffix(".faiss"), lambda path: faiss.write_index(tail.faiss, path)),
    }
    if not isinstance(store, Layered):
        return index, files
    large = store.large if _lies_in(store.large, stem.parent) else _write_large(store.large, stem)
    files |= _put(stem.with_suffix(".places"), store.places.tofile)
    return replace(index, store=Layered(large, store.tail, store.places)), files | large.files


def _put(path: Path, write: Callable[[str], Any]) -> Files:
    write(str(path))
    return {path.suffix: (path, _digest(path))}


def _lies_in(large: Large, folder: Path) -> bool:
    paths = [path for path, _ in large.files.values()]
    return bool(paths) and all(path.parent == folder and path.exists() for path in paths)


def _write_large(large: Large, stem: Path) -> Large:
    return _map_large(
        _put(stem.with_suffix(".lists"), lambda path: faiss.write_index(large.lists, path))
        | _put(stem.with_suffix(".npy"), lambda path: np.save(path, large.rows))
    )


def _map_large(files: Files) -> Large:
    """The large part in its files, of which only what is looked at is read."""
    lists = faiss.read_index(str(files[".lists"][0]), faiss.IO_FLAG_MMAP)
    return Large(lists, np.load(files[".npy"][0], mmap_mode="r"), files)


def _read(files: Files, fingerprint: str) -> Index:
    keys = np.fromfile(files[".keys"][0], dtype=np.uint8).reshape(-1, KEY_BYTES)
    exact = Exact(faiss.read_index(str(files[".faiss"][0])))
    if ".lists" not in files:
        return Index(fingerprint, keys, exact)
    large = _map_large({suffix: files[suffix] for suffix in (".lists", ".npy")})
    places = np.fromfile(files[".places"][0], dtype=np.int64)
    return Index(fingerprint, keys, Layered(large, exact, places))


def _digest(path: Path) -> str:
    """Digest of a file's bytes; reads in pieces, for it may be large."""
    total = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            total.update(piece)
    return total.hexdigest()


def _sweep(folder: Path, keep: set[str]) -> None:
    """Remove what earlier saves left, except what another process may just be writing."""
    for path in folder.iterdir():
        ours = path.suffix in _SUFFIXES and path.name not in keep
        if ours and time.time() - path.stat().st_mtime > _SWEEP_AFTER_S:
            path.unlink(missing_ok=True)
