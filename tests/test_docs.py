"""The documentation against the program: routes, messages, fields, close codes, links."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import msgspec
import pytest
from msgspec.inspect import StructType, multi_type_info

from server.app import create_app
from server.failures import TABLE
from server.live import protocol
from tests.fakes import FakeFitting
from tests.serving import settings_for_tests

ROOT = Path(__file__).parents[1]
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ENDPOINT = re.compile(r"`(?:(GET|POST|PATCH) )?(/[a-z][\w\-./{}]*)(?:\?[^`]*)?`")


@cache
def routes() -> frozenset[str]:
    """METHOD path of everything that the app serves."""
    app = create_app(settings_for_tests(), FakeFitting())
    described = {
        f"{method.upper()} {path}" for path, operations in app.openapi()["paths"].items() for method in operations
    }
    return frozenset(described | {"GET /kiosk", "GET /fabrics", "GET /docs", "GET /openapi.json"})


def documented(text: str) -> set[str]:
    """METHOD path of everything that a page says is served; a path's parameters are all called {id}."""
    return {f"{method} {_plain(path)}" for method, path in ENDPOINT.findall(text) if method}


def _plain(path: str) -> str:
    return re.sub(r"{\w+}", "{id}", path)


def test_the_protocol_page_lists_every_endpoint_and_no_other():
    assert documented(PROTOCOL) == {_plain(route) for route in routes()}


def test_no_page_names_an_endpoint_that_is_not_there():
    for page in PAGES:
        unknown = documented(page.read_text()) - {_plain(route) for route in routes()}
        assert not unknown, f"{page.name} names {unknown}"


def messages() -> list:
    kinds = [*protocol.ClientMessage.__subclasses__(), *protocol.ServerMessage.__subclasses__()]
    return [pytest.param(info, id=info.tag) for info in multi_type_info(kinds) if isinstance(info, StructType)]


@pytest.mark.parametrize("message", messages())
def test_every_message_is_described_with_its_fields(message):
    described = PROTOCOL[PROTOCOL.index(f"**`{message.tag}`**") :].split("\n\n**")[0]
    for field in message.fields:
        assert re.search(rf"\b{field.name}\b", described), f"{message.tag}.{field.name}"


def test_every_close_code_is_in_the_table():
    codes = {row.close_code for row in TABLE.values() if row.close_code}
    listed = {int(code) for code in re.findall(r"^\| (1\d\d\d) \|", PROTOCOL, re.M)}
    assert codes | {1000, 1009} == listed


def test_every_golden_message_is_valid_json_with_its_parts():
    for path in (ROOT / "docs" / "golden").glob("*.json"):
        golden = msgspec.json.decode(path.read_bytes())
        for entry in golden if isinstance(golden, list) else [golden]:
            assert {"what"} < set(entry), path.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
