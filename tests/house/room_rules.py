"""The rules between rooms, checked on the source alone: which room imports which, and that nothing runs on import."""

import ast
from collections.abc import Iterator
from pathlib import Path

# An image runs this script once, at boot. No module imports it.
BOOT_SCRIPT = "_boot.py"
HARDWARE_MODULES = ("esp", "esp32", "machine", "mimxrt", "nrf", "pyb", "rp2", "samd", "stm", "zephyr")

# Modules that hold only types may be imported for type checkers in every room.
MODULES_OF_TYPES = ("typing", "collections.abc", "wattpurse.hal")


class RoomOrder:
    """The order of the rooms of one package: a room imports the rooms on the floors below its own.

    `floors` are the rooms from the lowest floor to the highest. `beside` are modules that every room may import; they
    import each other and the rooms of `below_beside`. A room is a folder or a single file.
    """

    def __init__(
        self,
        package: str,
        folder: str,
        floors: tuple[tuple[str, ...], ...],
        beside: tuple[str, ...],
        below_beside: tuple[str, ...] = (),
    ) -> None:
        self.package = package
        self.folder = folder
        self.beside = beside
        self.below_beside = below_beside
        self._floors = {room: floor for floor, rooms in enumerate(floors) for room in rooms}

    def room_of_path(self, path: str) -> str | None:
        """Return the room of the file at `path`, or None if the file is in no room of this package."""
        if not path.startswith(self.folder + "/"):
            return None
        room = path.removeprefix(self.folder + "/").partition("/")[0].removesuffix(".py")
        return None if room == "__init__" else room

    def room_of_name(self, name: str) -> str | None:
        """Return the room that the dotted name lies in, or None if it is outside this package."""
        if not name.startswith(self.package + ".") or name.startswith(self.package + ".__"):
            return None
        return name.removeprefix(self.package + ".").partition(".")[0]

    def floor_of(self, room: str) -> int | None:
        """Return the floor of the room, counted from 0, or None if the order does not know the room."""
        return 0 if room in self.beside else self._floors.get(room)


ORDERS = (
    RoomOrder(
        package="wattpurse.core",
        folder="firmware/wattpurse/core",
        floors=(("tariffs", "seals", "journal"), ("money",), ("guards",), ("messages",), ("records",)),
        beside=("carrier", "constant", "currency", "leg_energy", "outcome", "text"),
        below_beside=("tariffs", "seals", "journal"),
    ),
    RoomOrder(
        package="wattpurse_tools",
        folder="tools/wattpurse_tools",
        floors=(
            ("tariffs", "meter_link", "emulation", "fleet", "deploy", "picture", "hardware", "readers"),
            ("vault", "ledger"),
            ("record",),
            ("station", "loads", "bills", "acceptance", "fob"),
            ("office",),
            ("headend",),
            ("desk",),
            ("pages",),
            ("rehearsal",),
            ("bench",),
            ("commands",),
            ("completion",),
            ("cli",),
        ),
        beside=(
            "blocking",
            "boards",
            "compiled_queries",
            "output_files",
            "places",
            "private_files",
            "refusals",
            "serial_port",
            "utc_texts",
        ),
    ),
)

# The syntax of a constant expression in a module or class body. Everything else is work done on import.
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
    "const",
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


def import_statements(tree: ast.AST, for_types: bool) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of every import that only type checkers see, or of every other import.

    `from a import b` gives `a.b`.
    """
    erased = {
        inner for node in ast.walk(tree) if is_for_type_checkers(node) for one in node.body for inner in ast.walk(one)
    }
    for node in ast.walk(tree):
        if (node in erased) != for_types:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, "." * node.level + f"{node.module or ''}.{alias.name}".lstrip(".")


def imported_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of every import that a program runs."""
    return import_statements(tree, for_types=False)


def is_within(name: str, packages: tuple[str, ...]) -> bool:
    """Return True if the dotted name is one of the packages or lies inside one."""
    return any(name == package or name.startswith(package + ".") for package in packages)


def order_violation(order: RoomOrder, path: str, name: str) -> str | None:
    """Return the reason why the room of the file at `path` may not import `name`, or None."""
    room = order.room_of_path(path)
    if room is None:
        return None
    floor = order.floor_of(room)
    if floor is None:
        return f"{order.package}.{room} has no place in the order of rooms"
    target = order.room_of_name(name)
    if target is None or target == room:
        return None
    other = order.floor_of(target)
    if other is None:
        return f"{order.package}.{target} has no place in the order of rooms"
    if room in order.beside:
        return None if target in (*order.beside, *order.below_beside) else f"{room} imports only the ground"
    if target in order.beside or other < floor:
        return None
    if other == floor:
        return f"{room} and {target} are on one floor: neither imports the other"
    return f"{target} is above {room}"


def import_violation(path: str, name: str) -> str | None:
    """Return the reason why the file at `path` (from the repository's root) may not import `name`, or None."""
    if name.startswith("."):
        return "relative import: name the package"
    if not path.startswith(("boards/", "tools/")) and is_within(name, HARDWARE_MODULES):
        return "only boards/ may import the hardware"
    if path.startswith("firmware/") and path != "firmware/main.py" and is_within(name, ("boards",)):
        return "only firmware/main.py may import a board"
    if path.startswith("firmware/wattpurse/core/") and not is_within(name, ("wattpurse.core", "struct", "binascii")):
        return "core imports only core, struct and binascii"
    if path.startswith(("firmware/wattpurse/cards/", "firmware/wattpurse/drivers/")) and is_within(
        name, ("wattpurse.services", "wattpurse.app")
    ):
        return "cards and drivers know neither services nor app"
    return next(filter(None, (order_violation(order, path, name) for order in ORDERS)), None)


def type_import_violation(path: str, name: str) -> str | None:
    """Return the reason why the file at `path` may not import `name` for its types, or None."""
    return None if is_within(name, MODULES_OF_TYPES) else import_violation(path, name)


def work_in_expression(expression: ast.expr | None) -> ast.AST | None:
    """Return the first part of the expression that does more than build a constant, or None."""
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
    """Return the first decorator or default value that does work when the `def` is evaluated, or None."""
    defaults = [*definition.args.defaults, *definition.args.kw_defaults]
    return next(filter(None, map(work_in_expression, [*definition.decorator_list, *defaults])), None)


def is_main_guard(statement: ast.stmt) -> bool:
    """Return True for `if __name__ == "__main__":`."""
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'"


def is_for_type_checkers(statement: ast.AST) -> bool:
    """Return True for `if TYPE_CHECKING:`, which no Python runs."""
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING" and not statement.orelse


def is_import_choice(statement: ast.stmt) -> bool:
    """Return True for `try:` with handlers of ImportError alone. Its bodies are judged like the module's own."""
    return isinstance(statement, ast.Try) and all(
        handler.type is not None and ast.unparse(handler.type) == "ImportError" for handler in statement.handlers
    )


def work_on_import(statements: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the parts of a module or class body that do work when the file is imported."""
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
    """Return every breach of the rules in one file, as `path:line: reason`."""
    path = file.relative_to(root).as_posix()
    tree = ast.parse(file.read_text(), filename=path)
    judged = [(line, name, import_violation(path, name)) for line, name in imported_names(tree)]
    judged += [
        (line, name, type_import_violation(path, name)) for line, name in import_statements(tree, for_types=True)
    ]
    found = [f"{path}:{line}: imports {name}: {reason}" for line, name, reason in judged if reason]
    if file.name != BOOT_SCRIPT and not path.startswith("tools/"):
        for node in work_on_import(tree.body):
            found.append(f"{path}:{node.lineno}: `{ast.unparse(node).splitlines()[0]}` would run on import")
    return found
