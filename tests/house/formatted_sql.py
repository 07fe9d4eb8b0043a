"""Find SQL that is put together from parts. SQL here is a constant, and values go into its placeholders."""

import ast
from pathlib import Path

EXECUTING_METHODS = ("execute", "executemany", "executescript")


def is_constant_text(node: ast.expr) -> bool:
    """Return True for a string literal. Literals that stand side by side are one."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def formatted_sql(tree: ast.AST) -> list[int]:
    """Return the lines of calls that execute anything but a string literal."""
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            statement = next(iter([*node.args, *(keyword.value for keyword in node.keywords)]), None)
            if node.func.attr in EXECUTING_METHODS and statement is not None and not is_constant_text(statement):
                lines.append(node.lineno)
    return lines


def executes_sql(tree: ast.AST) -> bool:
    """Return True if there is a call that executes SQL."""
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in EXECUTING_METHODS
        for node in ast.walk(tree)
    )


def parse(file: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(file.read_text(), filename=file.as_posix())
