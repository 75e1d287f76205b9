"""`python -m server.catalog`: what an operator does to the catalog without a running server.

    upgrade             make the tables and bring them up to date; fill them if they never were
    export [FILE]       write the whole book, to FILE or to the screen
    import FILE         take a book in, wholly or not at all; --dry-run only says what would change
    sweep               forget uploads and scans that have expired, and files that nothing refers to

Owns the command line; must not know how any of it is done. The same settings as the server's say which catalog it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server.catalog.shop import Shop, open_shop
from server.settings import Settings
from utils.errors import InputError, LucyError


def main(arguments: Sequence[str] | None = None, *, settings: Settings | None = None) -> int:
    """Do one thing. Returns the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        shop = open_shop(settings or Settings())
        try:
            _do(shop, asked)
        finally:
            shop.close()
    except (LucyError, OSError) as error:
        hint = getattr(error, "hint", None)
        print(f"lucy: {getattr(error, 'message', error)}{f'; {hint}' if hint else ''}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m server.catalog", description="The catalog, without a server.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("upgrade", help="make the tables and bring them up to date; fill them if they never were")
    commands.add_parser("export", help="write the whole book").add_argument("file", nargs="?", type=Path)
    taken_in = commands.add_parser("import", help="take a book in, wholly or not at all")
    taken_in.add_argument("file", type=Path)
    taken_in.add_argument("--dry-run", action="store_true", help="only say what would change")
    commands.add_parser("sweep", help="forget what has expired, and files that nothing refers to")
    return parser


def _do(shop: Shop, asked: argparse.Namespace) -> None:
    if asked.command == "upgrade":
        print(f"up to date: {len(shop.book.families())} families, {len(shop.book.fabrics())} colours")
    elif asked.command == "export":
        text = json.dumps(shop.exchange.book_out(), indent=1, ensure_ascii=False) + "\n"
        if asked.file is None:
            sys.stdout.write(text)
        else:
            asked.file.write_text(text, encoding="utf-8")
    elif asked.command == "import":
        changes = shop.exchange.book_in(_read(asked.file), dry_run=asked.dry_run)
        for change in changes:
            print(f"{change.what} {change.kind} {change.id} {' '.join(change.fields)}".rstrip())
        print(f"{len(changes)} changes{', none made' if asked.dry_run else ''}")
    else:
        swept = shop.sweep()
        print(f"swept {swept.uploads} uploads, {swept.scans} scans, {swept.files} files")


def _read(file: Path) -> Any:
    """Raises OSError, and InputError: bad_catalog."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            "bad_catalog", "the file is not JSON", hint="export a book to see what one looks like"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
