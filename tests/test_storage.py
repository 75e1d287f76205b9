"""Storage: keys by content, atomic writes, a full disk, and paths that lead nowhere."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.storage import LocalStorage, is_key
from utils.errors import CapacityError, InputError

CLOTH = b"herringbone" * 1000


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "fabric")


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a full disk: a write goes well up to here and fails then, in the middle of the file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def everything_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_what_is_put_can_be_opened_listed_and_deleted(storage: LocalStorage) -> None:
    key = storage.put(CLOTH, kind="maps", suffix=".png")
    other = storage.put(b"another", kind="swatches", suffix=".jpg")
    with storage.open(key) as file:
        assert file.read() == CLOTH
    assert set(storage.list()) == {key, other}
    assert list(storage.list("maps/")) == [key]
    assert storage.url(key) == f"/api/objects/{key}"
    storage.delete(key)
    storage.delete(key)
    assert list(storage.list()) == [other]
    with pytest.raises(InputError) as gone:
        storage.open(key)
    assert gone.value.code == "unknown_object"


def test_a_key_is_made_of_the_content(storage: LocalStorage, tmp_path: Path) -> None:
    digest = hashlib.sha256(CLOTH).hexdigest()
    assert storage.put(CLOTH, kind="maps", suffix=".png") == f"maps/{digest[:2]}/{digest}.png"
    assert LocalStorage(tmp_path / "elsewhere").put(CLOTH, kind="maps", suffix=".png") in set(storage.list())


def test_the_same_content_is_kept_once_however_many_put_it(storage: LocalStorage, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: storage.put(CLOTH, kind="maps", suffix=".png"), range(32)))
    assert len(keys) == 1
    assert len(everything_in(tmp_path)) == 1


@pytest.mark.parametrize(
    "key",
    [
        "../secret.txt",
        "maps/../../secret.txt",
        "/etc/passwd",
        "maps/aa/../../../secret.txt",
        "maps/aa/" + "a" * 64,
        "maps/aa/" + "a" * 64 + ".png\n",
        "maps/aa/" + "a" * 64 + ".png/..",
        "maps\\aa\\" + "a" * 64 + ".png",
        "",
        "maps/aa/\0" + "a" * 63 + ".png",
    ],
)
def test_nothing_but_a_key_ever_becomes_a_path(storage: LocalStorage, tmp_path: Path, key: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    assert not is_key(key)
    with pytest.raises(InputError) as refused:
        storage.open(key)
    assert refused.value.code == "unknown_object"
    storage.delete(key)
    assert secret.read_text() == "secret"


@pytest.mark.parametrize(("kind", "suffix"), [("../maps", ".png"), ("maps", "png"), ("maps", ".p/g"), ("", ".png")])
def test_a_kind_and_a_suffix_cannot_lead_out(storage: LocalStorage, tmp_path: Path, kind: str, suffix: str) -> None:
    with pytest.raises(ValueError, match="kind"):
        storage.put(CLOTH, kind=kind, suffix=suffix)
    assert everything_in(tmp_path) == []


def test_a_disk_that_is_full_in_the_middle_leaves_nothing(storage: LocalStorage, tmp_path: Path) -> None:
    with files_of_at_most(4096), pytest.raises(CapacityError) as full:
        storage.put(CLOTH, kind="maps", suffix=".png")
    assert (full.value.code, full.value.retryable) == ("storage_full", True)
    assert "room" in str(full.value.hint)
    assert everything_in(tmp_path) == []
    with storage.open(storage.put(CLOTH, kind="maps", suffix=".png")) as file:
        assert file.read() == CLOTH


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_at_any_step_leaves_nothing(
    storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    with monkeypatch.context() as broken:
        broken.setattr(os, step, fail)
        with pytest.raises(OSError, match="broken"):
            storage.put(CLOTH, kind="maps", suffix=".png")
    assert everything_in(tmp_path) == []


def test_what_a_crash_left_is_never_listed_and_tidied_away_after_an_hour(storage: LocalStorage, tmp_path: Path) -> None:
    whole = storage.put(CLOTH, kind="maps", suffix=".png")
    torn = (tmp_path / "fabric" / whole).parent / ".0123456789abcdef.part"
    torn.write_bytes(CLOTH[:100])
    assert list(storage.list()) == [whole]
    assert storage.tidy(now_s=time.time()) == 0
    assert storage.tidy(now_s=time.time() + 3700) == 1
    assert everything_in(tmp_path) == [Path(whole).name]
