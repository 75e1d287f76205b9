"""The one table of errors: every code has its row, and every row makes sense on both channels."""

from __future__ import annotations

import ast
from http import HTTPStatus
from pathlib import Path

import pytest

from server.failures import TABLE, failure_of, internal_error, problem
from utils.errors import CapacityError, ConfigError, DeviceError, InputError, LucyError

ROOT = Path(__file__).parents[1]
ROOMS = ("utils", "fabric", "garment", "models", "server")
TOLD_TO_CLIENTS = {"InputError", "CapacityError", "DeviceError", "MessageError"}


def raised_codes() -> dict[str, str]:
    """Every code that is written down where an error for clients is made, and where."""
    found = {}
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", None) not in TOLD_TO_CLIENTS:
                continue
            if node.args and isinstance(node.args[0], ast.Constant):
                found[node.args[0].value] = f"{path.relative_to(ROOT)}:{node.lineno}"
    return found


def test_every_code_that_is_raised_has_a_row():
    missing = {code: place for code, place in raised_codes().items() if code not in TABLE}
    assert not missing


def test_statuses_are_errors_and_close_codes_are_legal():
    for code, row in TABLE.items():
        assert HTTPStatus(row.status) >= 400, code
        assert row.close_code is None or row.close_code in range(1000, 1016), code
        assert row.title[0].isupper(), code
        assert not row.title.endswith("."), code


@pytest.mark.parametrize(
    ("error", "status"),
    [(InputError, 422), (CapacityError, 503), (DeviceError, 503), (ConfigError, 503), (LucyError, 500)],
)
def test_a_code_without_a_row_gets_that_of_its_class(error, status):
    assert failure_of(error("never_heard_of", "x")).status == status


def test_a_problem_has_the_fields_of_the_rfc_and_ours():
    body = problem(InputError("bad_image", "it is broken", hint="send another"), request_id="r")
    assert body == {
        "type": "urn:lucy:problem:bad_image",
        "title": "The picture cannot be read",
        "status": 422,
        "detail": "it is broken",
        "code": "bad_image",
        "hint": "send another",
        "request_id": "r",
        "retryable": False,
    }


def test_a_bug_is_told_without_any_of_its_insides():
    assert (internal_error().code, internal_error().retryable) == ("internal", True)
