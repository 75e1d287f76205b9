"""The catalog in a database: tables, seed, the live book, the ledger, books in and out. Over SQLite and PostgreSQL."""

from __future__ import annotations

import copy
import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event, func, select, text

import server.catalog.database as database_module
import server.catalog.exchange as exchange_module
from fabric.catalog import load_entries, read_entries, write_entries
from fabric.entries import ColourEntry, FamilyEntry, name_key, slug_of
from server.catalog.__main__ import main
from server.catalog.database import Database
from server.catalog.migrate import alembic_config, prepare
from server.catalog.shop import Shop, assemble, open_shop
from server.catalog.tables import ColourRow, FamilyRow, Table
from tests.databases import DRAFT, KINDS, empty_database, open_test_shop, small_book, small_seed
from tests.serving import settings_for_tests
from utils.errors import CapacityError, ConfigError, InputError

ROOT = Path(__file__).parents[1]
NIGHT = ColourEntry("", "Night", "N 1", "#101020", "Mill", draft={"yarns": {"a": "#101020"}}, measured="#101020")


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with empty_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def shop(url: str, tmp_path: Path) -> Iterator[Shop]:
    with open_test_shop(url, tmp_path) as shop:
        yield shop


def ids(shop: Shop) -> list[str]:
    shop.book.refresh()
    return [fabric.id for fabric in shop.book.fabrics()]


def version(shop: Shop, colour_id: str) -> int:
    shop.book.refresh()
    return shop.book.colour_note(colour_id).revision


def refusal(call, *args, **kwargs) -> str:
    """The code of what it raises; every refusal says what to do."""
    with pytest.raises((InputError, CapacityError, ConfigError)) as refused:
        call(*args, **kwargs)
    assert refused.value.hint
    return refused.value.code


# --- Tables and seed


def test_the_migrations_make_the_tables_that_the_code_expects(shop: Shop) -> None:
    with shop.database.alone() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []


def test_the_migrations_lead_back(shop: Shop, url: str) -> None:
    with shop.database.alone() as connection:
        command.downgrade(alembic_config(connection), "base")
    assert prepare(shop.database, small_seed())


def test_a_catalog_is_filled_once(shop: Shop) -> None:
    before = shop.book.revision
    shop.ledger.edit_colour("navy", {"name": "Deep navy"}, version=version(shop, "navy"))
    assert not prepare(shop.database, small_seed())
    assert shop.book.refresh()
    assert shop.book.revision == before + 1
    assert ids(shop) == ["navy", "charcoal", "sand", "poplin-white"]
    assert shop.book.get("navy").name == "Deep navy"


def test_two_servers_that_start_at_once_fill_it_once(url: str, tmp_path: Path) -> None:
    (tmp_path / "catalog.json").write_text(json.dumps(small_book()))
    # What the two of them must do one after the other is done in a process of its own each.
    start = [sys.executable, "-m", "server.catalog", "upgrade"]
    environment = {"DATABASE_URL": url, "CATALOG_DIR": str(tmp_path), "FABRIC_DIR": str(tmp_path), "PATH": "/usr/bin"}
    both = [
        subprocess.Popen(start, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in both:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "up to date: 2 families, 4 colours\n"), err
    database = Database(url)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(ColourRow)) == 4
    database.close()


def test_threads_that_prepare_at_once_fill_it_once(url: str) -> None:
    asked = threading.Barrier(4)

    def start(_: int) -> bool:
        database = Database(url)
        asked.wait(10)
        try:
            return prepare(database, small_seed())
        finally:
            database.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(start, range(4))) == [False, False, False, True]


def test_a_file_that_somebody_writes_to_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    done = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    done.start()
    database = Database(f"sqlite:///{path}")
    with database.alone() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    done.join()
    database.close()
    other.close()


def test_a_file_that_is_never_let_go_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_S", 0.2)
    path = tmp_path / "catalog.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database = Database(f"sqlite:///{path}")
    with pytest.raises(CapacityError, match="does not answer"), database.alone():
        pass
    database.close()
    other.close()


def test_a_crash_while_it_is_filled_leaves_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(url)
    whole = exchange_module.put_colour
    written: list[str] = []

    def crash(turn, row, entry, family) -> None:
        if len(written) == 2:
            raise RuntimeError("the power is gone")
        written.append(entry.id)
        whole(turn, row, entry, family)

    with monkeypatch.context() as broken:
        broken.setattr(exchange_module, "put_colour", crash)
        with pytest.raises(RuntimeError, match="power"):
            prepare(database, small_seed())
    with database.alone() as connection:
        assert MigrationContext.configure(connection).get_current_revision() is None
    assert prepare(database, small_seed())
    database.close()


def test_a_database_that_cannot_be_is_said(tmp_path: Path) -> None:
    for url in ("mysql://here/db", "no url at all", "", "sqlite://", "sqlite:///:memory:"):
        assert refusal(Database, url) == "bad_database_url"
    away = assemble("postgresql://postgres@127.0.0.1:1/nothing", tmp_path)
    assert refusal(away.book.refresh) == "catalog_away"
    away.close()
    (tmp_path / "catalog.json").write_text(json.dumps(small_book()))
    settings = settings_for_tests(database_url="postgresql://postgres@127.0.0.1:1/nothing", catalog_dir=tmp_path)
    with pytest.raises(ConfigError, match="catalog_away"):
        open_shop(settings)
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ConfigError, match="bad_database_url"):
        open_shop(settings_for_tests(database_url=f"sqlite:///{tmp_path}/file/catalog.db", catalog_dir=tmp_path))


# --- The book in memory


def test_the_book_in_the_database_is_the_book_of_the_file(shop: Shop) -> None:
    navy, charcoal = shop.book.get("navy"), shop.book.get("charcoal")
    assert (navy.composition, navy.weight_g_m2, charcoal.weight_g_m2) == ("100 % wool", 250, 280)
    assert (navy.mill, navy.code, navy.tags, navy.use) == ("Mill", "NAVY", ("blue", "business"), "suiting")
    assert navy.mean_hex == "#203050"
    with pytest.raises(InputError) as retired:
        shop.book.get("sand")
    assert retired.value.code == "fabric_retired"


def test_what_another_process_changes_is_seen_and_nothing_else_is_read(shop: Shop, url: str, tmp_path: Path) -> None:
    other = assemble(url, tmp_path / "fabric")
    other.book.refresh()
    before = {fabric.id: fabric for fabric in shop.book.fabrics()}
    night = other.ledger.create_colour("plain", NIGHT)
    other.ledger.edit_colour("navy", {"status": "retired"}, version=version(other, "navy"))
    other.close()
    read: list[str] = []
    event.listen(shop.database.engine, "before_cursor_execute", lambda *found: read.append(found[2]))
    assert shop.book.refresh()
    assert shop.book.get(night).name == "Night"
    assert shop.book.find("navy").status == "retired"
    assert all("revision > " in statement for statement in read if "FROM colours" in statement)
    assert shop.book.find("charcoal") is before["charcoal"]
    read.clear()
    assert not shop.book.refresh()
    assert len([statement for statement in read if "SELECT" in statement and "pg_catalog" not in statement]) == 1


def test_looking_up_goes_on_while_the_database_is_away(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = assemble("postgresql://postgres@127.0.0.1:1/nothing", tmp_path)
    monkeypatch.setattr(shop.book, "_database", away.database)
    assert refusal(shop.book.refresh) == "catalog_away"
    assert shop.book.get("navy").name == "Navy"
    assert len(shop.book.fabrics()) == 4
    away.close()


def test_a_restored_backup_is_read_anew(shop: Shop) -> None:
    shop.ledger.create_colour("plain", NIGHT)
    assert "night" in ids(shop)
    with shop.database.write() as session:  # as the backup had it
        session.execute(text("DELETE FROM colours WHERE id = 'night'"))
        session.execute(text("UPDATE catalog SET revision = 1"))
    assert ids(shop) == ["navy", "charcoal", "sand", "poplin-white"]


def test_the_fabrics_of_a_retired_family_are_retired_and_come_back_with_it(shop: Shop) -> None:
    shop.ledger.edit_family("plain", {"status": "retired"}, version=shop.book.family_note("plain").revision)
    shop.book.refresh()
    assert {fabric.id: fabric.status for fabric in shop.book.fabrics()}["navy"] == "retired"
    shop.ledger.edit_family("plain", {"status": "active"}, version=shop.book.family_note("plain").revision)
    shop.book.refresh()
    statuses = {fabric.id: fabric.status for fabric in shop.book.fabrics()}
    assert (statuses["navy"], statuses["sand"]) == ("active", "retired")


# --- Changes


def test_a_colour_is_created_edited_and_looks_different_then(shop: Shop) -> None:
    night = shop.ledger.create_colour("plain", replace(NIGHT, measured=None))
    shop.book.refresh()
    before = shop.book.get(night)
    assert before.mean_hex == "#101020"
    draft = {"yarns": {"a": "#701020"}}
    shop.ledger.edit_colour(night, {"draft": draft, "tags": ("red",)}, version=version(shop, night))
    shop.book.refresh()
    after = shop.book.get(night)
    assert (after.tags, after.mean_hex) == (("red",), "#701020")
    assert after.cloth.look != before.cloth.look
    with shop.database.read() as session:
        row = session.get(ColourRow, night)
        assert (row.width_mm, row.height_mm) == pytest.approx(after.cloth.size_mm)
        assert row.updated > row.created
        assert row.created.tzinfo is not None


def test_an_id_is_made_of_the_name_and_is_nobody_elses(shop: Shop) -> None:
    assert shop.ledger.create_colour("plain", replace(NIGHT, name="Zürich Grün")) == "zurich-grun"
    assert shop.ledger.create_colour("poplin", replace(NIGHT, name="Zürich: Grün")) == "zurich-grun-2"
    assert shop.ledger.create_colour("plain", replace(NIGHT, name="青")) == "cloth"
    assert refusal(shop.ledger.create_colour, "plain", replace(NIGHT, id="navy")) == "id_taken"
    assert slug_of("  ") == "cloth"


@pytest.mark.parametrize("name", ["Navy", "  NAVY ", "ｎａｖｙ", "sand"])
def test_two_of_one_name_in_a_family_are_refused(shop: Shop, name: str) -> None:
    assert refusal(shop.ledger.create_colour, "plain", replace(NIGHT, name=name)) == "name_taken"
    assert (
        refusal(shop.ledger.edit_colour, "charcoal", {"name": name}, version=version(shop, "charcoal")) == "name_taken"
    )
    assert shop.ledger.create_colour("poplin", replace(NIGHT, name=name))
    assert name_key("Maße") == name_key("MASSE")


def test_families_have_names_of_their_own(shop: Shop) -> None:
    flannel = FamilyEntry("", "Flannel", "suiting", "100 % wool", 340, draft=DRAFT)
    assert shop.ledger.create_family(flannel) == "flannel"
    assert refusal(shop.ledger.create_family, flannel) == "name_taken"
    assert refusal(shop.ledger.create_family, replace(flannel, name="plain WORSTED")) == "name_taken"
    assert refusal(shop.ledger.create_colour, "flannels", NIGHT) == "unknown_family"


def test_an_edit_of_what_somebody_else_has_changed_is_refused(shop: Shop) -> None:
    seen = version(shop, "navy")
    shop.ledger.edit_colour("navy", {"code": "N 2"}, version=seen)
    assert refusal(shop.ledger.edit_colour, "navy", {"code": "N 3"}, version=seen) == "edit_conflict"
    shop.book.refresh()
    assert shop.book.get("navy").code == "N 2"


def test_of_many_who_edit_at_once_one_wins(shop: Shop) -> None:
    seen, asked = version(shop, "navy"), threading.Barrier(6)

    def edit(number: int) -> str | None:
        asked.wait(10)
        try:
            shop.ledger.edit_colour("navy", {"code": str(number)}, version=seen)
        except InputError as error:
            return error.code
        return None

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(edit, range(6)))
    assert sorted(map(str, outcomes)) == ["None", *["edit_conflict"] * 5]
    shop.book.refresh()
    assert shop.book.get("navy").code == str(outcomes.index(None))


def test_of_many_who_take_a_name_at_once_one_has_it(shop: Shop) -> None:
    asked = threading.Barrier(6)

    def create(_: int) -> str:
        asked.wait(10)
        try:
            return shop.ledger.create_colour("plain", NIGHT)
        except InputError as error:
            return error.code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(create, range(6))) == ["name_taken"] * 5 + ["night"]


@pytest.mark.parametrize("side_mm", [0.0, -5.0, 0.99, 2001.0, 1e9, float("inf"), float("nan")])
def test_a_size_that_no_cloth_has_is_refused(shop: Shop, side_mm: float) -> None:
    scan = keep_scan(shop, size_mm=(40.0, 40.0))
    scanned = replace(NIGHT, draft=None)
    assert refusal(shop.keepsakes.save_scan, scan, "plain", scanned, size_mm=(40.0, side_mm)) == "bad_size"
    assert refusal(keep_scan, shop, size_mm=(side_mm, 40.0)) == "bad_size"
    assert "night" not in ids(shop)
    assert shop.keepsakes.scan(scan).id == scan, "what could not be saved can be tried again"


def test_what_is_wrong_is_refused_in_words(shop: Shop) -> None:
    wrong = [
        ("bad_name", {"name": "  "}),
        ("bad_name", {"name": "Night\0"}),
        ("bad_name", {"name": "\ufdfa" * 80}),  # 18 letters each, once they are written out
        ("bad_weight", {"weight_g_m2": 5}),
        ("bad_entry", {"tags": ("x",) * 30}),
        ("bad_entry", {"tags": ("a\0b",)}),
        ("bad_entry", {"code": "\0"}),
        ("bad_entry", {"mill": "\ud800"}),
        ("bad_entry", {"composition": "x" * 2001}),
        ("bad_entry", {"draft": {"yarns": {"a": "#101020"}, "warp": "a" * (64 << 10)}}),
        ("bad_colour", {"colour": "navy"}),
        ("bad_colour", {"measured": "#10102"}),
        ("bad_draft", {"draft": {"yarns": {"a": "#101020"}, "ends_per_cm": 0}}),
    ]
    for code, change in wrong:
        with pytest.raises((InputError, ConfigError)) as refused:
            shop.ledger.create_colour("plain", replace(NIGHT, **change))
        assert refused.value.code == code
    assert ids(shop) == ["navy", "charcoal", "sand", "poplin-white"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_database_without_room_changes_nothing(shop: Shop) -> None:
    with shop.database.read() as session:
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
    event.listen(shop.database.engine, "connect", lambda one, _: one.execute(f"PRAGMA max_page_count = {pages}"))
    shop.database.engine.dispose()
    long = [replace(NIGHT, name=f"Night {n}", code="x" * 2000) for n in range(40)]
    assert "storage_full" in [_code(shop, entry) for entry in long]
    kept = {fabric.name: fabric.code for fabric in shop.book.fabrics()} if shop.book.refresh() else {}
    assert all(code == "x" * 2000 for name, code in kept.items() if name.startswith("Night"))


def _code(shop: Shop, entry: ColourEntry) -> str:
    try:
        return shop.ledger.create_colour("plain", entry)
    except CapacityError as error:
        return error.code


# --- Keepsakes


def keep_scan(shop: Shop, *, size_mm: tuple[float, float] | None) -> str:
    """A scan of which the maps are no pictures: nobody looks at them here."""
    maps = {name: name.encode() * 100 for name in ("albedo", "height", "roughness")}
    return shop.keepsakes.keep_scan(
        maps, size_mm=size_mm, height_range_mm=(-0.3, 0.3), roughness=0.8, sheen=0.1, mean_hex="#445566"
    )


def test_a_scan_without_a_size_is_not_saved_before_somebody_says_it(shop: Shop) -> None:
    scan, entry = keep_scan(shop, size_mm=None), replace(NIGHT, draft=None)
    assert refusal(shop.keepsakes.save_scan, scan, "plain", entry) == "scale_unknown"
    night = shop.keepsakes.save_scan(scan, "plain", entry, size_mm=(30.0, 20.0))
    shop.book.refresh()
    assert shop.book.get(night).cloth.size_mm == (30.0, 20.0)
    assert shop.book.get(night).mean_hex == "#445566"
    assert refusal(shop.keepsakes.save_scan, scan, "plain", replace(entry, name="Again")) == "unknown_scan"


def test_a_sweep_takes_what_has_expired_and_nothing_else(url: str, tmp_path: Path) -> None:
    now = [datetime(2026, 1, 1, tzinfo=timezone.utc)]
    with open_test_shop(url, tmp_path, clock=lambda: now[0]) as shop:
        saved = keep_scan(shop, size_mm=(40.0, 40.0))
        night = shop.keepsakes.save_scan(saved, "plain", replace(NIGHT, draft=None))
        maps = {name: b"other " + name.encode() for name in ("albedo", "height", "roughness")}
        facts = {"height_range_mm": (-0.3, 0.3), "roughness": 0.8, "sheen": 0.1, "mean_hex": "#445566"}
        unsaved = shop.keepsakes.keep_scan(maps, size_mm=None, **facts)
        orphan = shop.storage.put(b"of a save that was broken off", kind="maps", suffix=".png")
        now[0] += timedelta(hours=23, minutes=59)
        swept = shop.sweep()
        assert (swept.uploads, swept.scans, swept.files) == (0, 0, 1)
        assert orphan not in set(shop.storage.list())
        assert shop.keepsakes.scan(unsaved).id == unsaved
        assert len(set(shop.storage.list())) == 6
        now[0] += timedelta(minutes=1)
        assert refusal(shop.keepsakes.scan, unsaved) == "unknown_scan"
        assert shop.keepsakes.scans() == []
        swept = shop.sweep()
        assert (swept.uploads, swept.scans, swept.files) == (0, 1, 3)
        shop.book.refresh()
        kept = {key for _, key in shop.book.get(night).cloth.maps}
        assert set(shop.storage.list()) == kept


# --- Books in and out


def test_the_seed_comes_out_as_it_went_in() -> None:
    entries = load_entries(ROOT / "data" / "catalog" / "catalog.json")
    assert read_entries(json.loads(json.dumps(write_entries(entries)))) == entries


def test_a_book_that_went_out_changes_nothing_when_it_comes_in(shop: Shop) -> None:
    shop.keepsakes.save_scan(keep_scan(shop, size_mm=(30.0, 20.0)), "plain", replace(NIGHT, draft=None))
    book = json.loads(json.dumps(shop.exchange.book_out()))
    shop.book.refresh()
    before = shop.book.revision
    assert shop.exchange.book_in(book, dry_run=False) == []
    shop.book.refresh()
    assert [shop.book.colour_note(id).revision <= before for id in ids(shop)] == [True] * 5


def test_a_book_is_taken_in_wholly_and_a_dry_run_takes_nothing(shop: Shop) -> None:
    book = small_book()
    plain = book["families"][0]
    plain["colours"][0]["name"], plain["colours"][1]["name"] = "Charcoal", "Navy"  # the two swap
    plain["colours"].append({**plain["colours"][0], "id": "ink", "name": "Ink"})
    del book["families"][1]
    changes = shop.exchange.book_in(copy.deepcopy(book), dry_run=True)
    told = [(change.kind, change.id, change.what, change.fields) for change in changes]
    assert told == [
        ("colour", "navy", "changed", ("name",)),
        ("colour", "charcoal", "changed", ("name",)),
        ("colour", "ink", "created", ()),
    ]
    assert not shop.book.refresh()
    assert shop.exchange.book_in(book, dry_run=False) == changes
    assert ids(shop) == ["navy", "charcoal", "sand", "ink", "poplin-white"]
    assert (shop.book.get("navy").name, shop.book.get("charcoal").name) == ("Charcoal", "Navy")


def test_a_book_with_one_wrong_entry_changes_nothing(shop: Shop) -> None:
    new = {"id": "ink", "name": "Ink", "code": "I", "colour": "#101020", "measured": "#101020"}
    woven = {"draft": {"yarns": {"a": "#101020"}}}
    scan = {"maps": dict.fromkeys(("albedo", "height", "roughness"), f"maps/aa/{'a' * 64}.png"), "size_mm": [9, 9]}
    torn = [
        {**new},
        {**new, "draft": {"knit": 1}},
        {**new, **woven, "weight_g_m2": 1},
        {**new, **woven, "id": "navy"},
        {**new, "scan": {**scan, "size_mm": [0, 9]}},
        {**new, "scan": {**scan, "size_mm": [1e9, 9]}},
    ]
    twin, lost = {**new, **woven, "name": "navy "}, {**new, "scan": scan}
    wrong = {"bad_catalog": torn, "name_taken": [twin], "unknown_object": [lost]}
    for code, colours in wrong.items():
        for colour in colours:
            book = small_book()
            book["families"][0]["colours"][1]["name"] = "Anthracite"
            book["families"][0]["colours"].append(colour)
            assert refusal(shop.exchange.book_in, book, dry_run=False) == code
    assert not shop.book.refresh()
    assert refusal(shop.exchange.book_in, [], dry_run=True) == "bad_catalog"


def test_the_colours_of_a_family_follow_its_draft(shop: Shop) -> None:
    before = {fabric.id: (fabric.cloth.look, version(shop, fabric.id)) for fabric in shop.book.fabrics()}
    book = small_book()
    book["families"] = book["families"][:1]
    book["families"][0]["draft"]["ends_per_cm"] = 24
    book["families"][0]["colours"] = book["families"][0]["colours"][:1]
    changes = shop.exchange.book_in(book, dry_run=False)
    assert [(change.id, change.fields) for change in changes] == [("plain", ("draft",))]
    shop.book.refresh()
    for fabric in shop.book.fabrics():
        look, revision = before[fabric.id]
        assert (fabric.cloth.look != look) == (fabric.family == "plain")
        assert (version(shop, fabric.id) > revision) == (fabric.family == "plain")
    with shop.database.read() as session:
        assert session.get(ColourRow, "charcoal").width_mm == pytest.approx(shop.book.get("charcoal").cloth.size_mm[0])
        assert session.scalar(select(func.count()).select_from(FamilyRow)) == 2


def test_an_operator_can_do_it_from_the_command_line(url: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "catalog.json").write_text(json.dumps(small_book()))
    settings = settings_for_tests(database_url=url, catalog_dir=tmp_path, fabric_dir=tmp_path / "fabric")

    def told(*arguments: str) -> tuple[int, str]:
        status = main(arguments, settings=settings)
        said = capsys.readouterr()
        return status, said.out + said.err

    assert told("upgrade") == (0, "up to date: 2 families, 4 colours\n")
    book = tmp_path / "book.json"
    assert told("export", str(book)) == (0, "")
    changed = json.loads(book.read_text())
    changed["families"][0]["colours"][0]["name"] = "Midnight"
    book.write_text(json.dumps(changed))
    assert told("import", str(book), "--dry-run") == (0, "changed colour navy name\n1 changes, none made\n")
    assert told("import", str(book)) == (0, "changed colour navy name\n1 changes\n")
    assert "Midnight" in told("export")[1]
    assert told("sweep") == (0, "swept 0 uploads, 0 scans, 0 files\n")
    book.write_text("{")
    status, said = told("import", str(book))
    assert (status, said.count("\n"), "not JSON" in said) == (2, 1, True)
    assert told("import", str(tmp_path / "nowhere.json"))[0] == 2
