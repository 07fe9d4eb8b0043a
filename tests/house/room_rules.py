"""The rules between rooms, checked on the source alone: who may import whom, and that nothing happens on import."""

import ast
from collections.abc import Iterator
from pathlib import Path

# What an image runs once, at boot: a script, imported by nobody.
BOOT_SCRIPT = "_boot.py"
HARDWARE_MODULES = ("esp", "esp32", "machine", "mimxrt", "nrf", "pyb", "rp2", "samd", "stm", "zephyr")

# What may stand in a constant expression of a module or class body. Everything else is work done on import.
CONSTANT_NODES = (
    ast.Attribute,
    ast.BinOp,
    ast.BoolOp,
    ast.Compare,
    ast.Constant,
    ast.Dict,
    ast.DictComp,
    ast.GeneratorExp,
    ast.IfExp,
    ast.List,
    ast.ListComp,
    ast.Name,
    ast.Set,
    ast.SetComp,
    ast.Slice,
    ast.Starred,
    ast.Subscript,
    ast.Tuple,
    ast.UnaryOp,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
    ast.comprehension,
    ast.expr_context,
    ast.keyword,
)
CONSTANT_CALLS = (
    "bytearray",
    "bytes",
    "bytes.fromhex",
    "dict",
    "enumerate",
    "frozenset",
    "len",
    "max",
    "memoryview",
    "min",
    "range",
    "set",
    "sorted",
    "struct.calcsize",
    "sum",
    "tuple",
    "zip",
)


def imported_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of every import that a program runs; `from a import b` gives `a.b`."""
    erased = {
        inner for node in ast.walk(tree) if is_for_type_checkers(node) for one in node.body for inner in ast.walk(one)
    }
    for node in ast.walk(tree):
        if node in erased:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, "." * node.level + f"{node.module or ''}.{alias.name}".lstrip(".")


def is_within(name: str, packages: tuple[str, ...]) -> bool:
    """Whether the dotted name is one of the packages or lies inside one."""
    return any(name == package or name.startswith(package + ".") for package in packages)


def import_violation(path: str, name: str) -> str | None:
    """Why the file at `path` (from the repository's root) may not import `name`, or None."""
    if name.startswith("."):
        return "relative import: name the package"
    if not path.startswith("boards/") and is_within(name, HARDWARE_MODULES):
        return "only boards/ may import the hardware"
    if path.startswith("firmware/") and path != "firmware/main.py" and is_within(name, ("boards",)):
        return "only firmware/main.py may import a board"
    if path.startswith("firmware/wattpurse/core/") and not is_within(name, ("wattpurse.core", "struct", "binascii")):
        return "core imports only core, struct and binascii"
    if path.startswith(("firmware/wattpurse/cards/", "firmware/wattpurse/drivers/")) and is_within(
        name, ("wattpurse.services", "wattpurse.app")
    ):
        return "cards and drivers know neither services nor app"
    return None


def work_in_expression(expression: ast.expr | None) -> ast.AST | None:
    """The first part of the expression that is more than a constant being built, or None."""
    if expression is None:
        return None
    for node in ast.walk(expression):
        if isinstance(node, ast.Call):
            if ast.unparse(node.func) not in CONSTANT_CALLS:
                return node
        elif not isinstance(node, CONSTANT_NODES):
            return node
    return None


def work_in_definition(definition: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST | None:
    """What a `def` itself evaluates on import: its decorators and its default values."""
    defaults = [*definition.args.defaults, *definition.args.kw_defaults]
    return next(filter(None, map(work_in_expression, [*definition.decorator_list, *defaults])), None)


def is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'"


def is_for_type_checkers(statement: ast.AST) -> bool:
    """Return True for `if TYPE_CHECKING:`, which no Python runs."""
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING" and not statement.orelse


def is_import_choice(statement: ast.stmt) -> bool:
    """`try:` with imports and constants alone, answered by `except ImportError:` with the same."""
    return isinstance(statement, ast.Try) and all(
        handler.type is not None and ast.unparse(handler.type) == "ImportError" for handler in statement.handlers
    )


def work_on_import(statements: list[ast.stmt]) -> Iterator[ast.AST]:
    """The parts of a module or class body that do something when the file is imported."""
    for statement in statements:
        if (
            isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass)
            or is_main_guard(statement)
            or is_for_type_checkers(statement)
        ):
            continue
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            work = work_in_definition(statement)
            if work is not None:
                yield work
        elif isinstance(statement, ast.ClassDef):
            yield from filter(None, map(work_in_expression, [*statement.bases, *statement.decorator_list]))
            yield from work_on_import(statement.body)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            work = work_in_expression(statement.value)
            if work is not None:
                yield work
        elif is_import_choice(statement):
            yield from work_on_import(statement.body)
            for handler in statement.handlers:
                yield from work_on_import(handler.body)
            yield from work_on_import([*statement.orelse, *statement.finalbody])
        else:
            yield statement


def violations(root: Path, file: Path) -> list[str]:
    """Every breach of the rules in one file, as `path:line: reason`."""
    path = file.relative_to(root).as_posix()
    tree = ast.parse(file.read_text(), filename=path)
    found = []
    for line, name in imported_names(tree):
        reason = import_violation(path, name)
        if reason:
            found.append(f"{path}:{line}: imports {name}: {reason}")
    for node in [] if file.name == BOOT_SCRIPT else work_on_import(tree.body):
        found.append(f"{path}:{node.lineno}: `{ast.unparse(node).splitlines()[0]}` would run on import")
    return found
