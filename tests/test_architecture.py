"""The rules of the house, held by the syntax tree: who may know whom, and that nothing happens at import."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("utils", "fabric", "garment", "models", "server")  # each may import from those before it
FILES = [path.relative_to(ROOT) for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
OURS = frozenset(ROOMS)

# Module: where it may be imported (a prefix of the file's path); everybody else does without it.
ONLY_IN = {
    **dict.fromkeys(("torch", "diffusers", "transformers"), ("models/engines/", "models/device.py")),
    "mediapipe": ("models/pose.py", "models/parsing.py", "models/tasks.py"),
    **dict.fromkeys(("sqlalchemy", "alembic", "psycopg"), ("server/catalog/",)),
    **dict.fromkeys(("fastapi", "starlette", "uvicorn", "pydantic", "asyncio", "msgspec"), ("server/",)),
}
MAY_READ_THE_ENVIRONMENT = {"server/settings.py"}
MAY_SET_THE_ENVIRONMENT = {"server/__main__.py"}  # for OpenCV and CUDA, which read one variable each
MAY_IMPORT_INSIDE_A_FUNCTION: set[str] = set()  # registries

# What may be called while a module is loaded: whatever makes a value and touches nothing.
PURE = frozenset(
    (
        *("dataclass", "field", "TypeVar", "MappingProxyType", "frozenset", "dict", "set", "tuple", "dict.fromkeys"),
        *("range", "len", "zip", "enumerate", "sum", "min", "max", "str", "int", "float", "round", "sorted"),
        *("re.compile", "logging.getLogger", "Path", "resolve", "astype", "itertools.cycle", "timedelta"),
        # A table's columns; a security scheme that is only described.
        *("mapped_column", "ForeignKey", "UniqueConstraint", "Index", "DateTime", "String", "JSON"),
        *("HTTPBearer", "Security", "SecretStr", "AfterValidator"),
        *("Field", "BeforeValidator", "WithJsonSchema", "ConfigDict", "SettingsConfigDict", "Meta", "Depends"),
        *("through", "both_sides", "trace"),  # the lines that a cut is drawn with
        "Kept",  # an empty cache, like functools.cache
    )
)
PROGRAMS = ("__main__.py", "env.py")  # run, by us or by Alembic, and imported by nobody
PURE_MODULES = ("np", "math")
IMPURE = ("np.random", "np.load", "np.save", "np.fromfile", "np.genfromtxt", "np.loadtxt", "np.memmap")


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse((ROOT / file).read_text())


def imported(node: ast.AST) -> list[str]:
    """Full names of the modules that an import statement loads."""
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        return [node.module]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def imports(file: Path) -> list[str]:
    return [name for node in ast.walk(tree(file)) for name in imported(node)]


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_room_knows_only_the_rooms_below_it(file):
    below = ROOMS[: ROOMS.index(file.parts[0]) + 1]
    assert {name.split(".")[0] for name in imports(file)} & OURS <= set(below)


def test_modules_do_not_import_in_circles():
    name_of = {file: ".".join(file.with_suffix("").parts) for file in FILES}
    graph = {name: {i for i in imports(file) if i in name_of.values()} for file, name in name_of.items()}
    left = dict(graph)
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    assert not left, f"a circle among {sorted(left)}"


@pytest.mark.parametrize("file", FILES, ids=str)
def test_heavy_and_foreign_packages_stay_in_their_rooms(file):
    for name in imports(file):
        allowed = ONLY_IN.get(name.split(".")[0])
        assert allowed is None or file.as_posix().startswith(allowed), f"{name} is imported in {file}"


@pytest.mark.parametrize("file", FILES, ids=str)
def test_nothing_of_ours_is_imported_inside_a_function(file):
    functions = [n for n in ast.walk(tree(file)) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    inside = [name for function in functions for node in ast.walk(function) for name in imported(node)]
    assert file.as_posix() in MAY_IMPORT_INSIDE_A_FUNCTION or not {n.split(".")[0] for n in inside} & OURS


@pytest.mark.parametrize("file", FILES, ids=str)
def test_only_the_settings_read_the_environment(file):
    touches = {n.attr for n in ast.walk(tree(file)) if isinstance(n, ast.Attribute)} & {"environ", "getenv", "putenv"}
    assert not touches or file.as_posix() in MAY_READ_THE_ENVIRONMENT | MAY_SET_THE_ENVIRONMENT


def statements_at_load(file: Path) -> list[ast.stmt]:
    """What runs when the module is imported, class bodies and decorators included, function bodies not."""
    found, todo = [], list(tree(file).body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.ClassDef):
            todo += node.body
        elif isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            continue
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.append(node)
    return found


def called(node: ast.AST) -> set[str]:
    """Everything that is called here, but not inside a lambda."""
    if isinstance(node, ast.Lambda):
        return set()
    mine = {ast.unparse(node.func)} if isinstance(node, ast.Call) else set()
    return mine.union(*(called(child) for child in ast.iter_child_nodes(node)))


def is_pure(name: str, *, values: frozenset[str]) -> bool:
    last = name.split(".")[-1]
    if name.split(".")[0] in PURE_MODULES:
        return not name.startswith(IMPURE)
    return name in PURE or last in PURE or last in values


@cache
def our_values() -> frozenset[str]:
    """Names of our dataclasses: to make one is to write a constant down."""
    classes = [node for file in FILES for node in tree(file).body if isinstance(node, ast.ClassDef)]
    return frozenset(c.name for c in classes if any("dataclass" in ast.unparse(d) for d in c.decorator_list))


@pytest.mark.parametrize("file", [f for f in FILES if f.name not in PROGRAMS], ids=str)
def test_nothing_happens_at_import(file):
    for statement in statements_at_load(file):
        assert not isinstance(statement, (ast.For, ast.While, ast.With, ast.Try)), ast.unparse(statement)[:80]
        made = {name for name in called(statement) if not is_pure(name, values=our_values())}
        assert not made, f"{file}:{statement.lineno} calls {made}"


def test_package_files_are_empty():
    assert [f for f in FILES if f.name == "__init__.py" and (ROOT / f).read_text().strip()] == []


@pytest.mark.parametrize("file", [f for f in FILES if f.name != "__init__.py"], ids=str)
def test_a_module_says_what_it_owns_and_keeps_its_size(file):
    assert ast.get_docstring(tree(file)), "a module says what it owns"
    assert len((ROOT / file).read_text().splitlines()) <= 400
    for node in ast.walk(tree(file)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < 60, f"{node.name} is too long"
        if isinstance(node, ast.ClassDef):
            assert not node.name.endswith(("Manager", "Helper", "Processor", "Util", "Utils"))
    assert file.stem not in ("misc", "common", "helpers", "core")
