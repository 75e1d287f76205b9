"""test_backend.py itself: it passes a server that works, and tells one that does not."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.fakes import FakeFitting
from tests.serving import run_server

SCRIPT = Path(__file__).parents[1] / "test_backend.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("test_backend_script_under_test", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("dist")
    (folder / "index.html").write_text("<!doctype html><html></html>")
    return folder


def test_a_server_that_works_passes(script, pages, capsys):
    with run_server(FakeFitting(), pages=pages) as server:
        assert script.main(["--url", server.url(""), "--frames", "3"]) == 0
    out = capsys.readouterr().out
    assert "✗" not in out
    assert out.count("✓") == 18
    assert "everything works" in out


def test_a_server_whose_heart_is_broken_fails(script, pages, capsys):
    fitting = FakeFitting()
    fitting.broken = RuntimeError("broken")
    with run_server(fitting, pages=pages) as server:
        failed = script.main(["--url", server.url(""), "--frames", "3"])
    out = capsys.readouterr().out
    assert failed == out.count("✗") > 3
    assert "✓ GET /health" in out


def test_no_server_is_one_failure_and_a_hint(script, capsys):
    assert script.main(["--url", "http://127.0.0.1:9"]) == 1
    assert "make serve" in capsys.readouterr().err


def test_the_figure_has_its_joints_in_the_picture(script):
    assert len(script.LANDMARKS) == 33
    height, width = script.HW
    figure, wall = script.draw_figure(), script.draw_figure()[5, 5]
    for joint in (11, 12, 13, 14, 23, 24):
        x, y = script.JOINTS[joint]
        assert abs(figure[round(y * height), round(x * width)].astype(int) - wall).max() > 20
