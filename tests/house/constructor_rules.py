"""The rule for constructors: parts that belong together are handed over together, so seven parameters are enough."""

import ast
from collections.abc import Iterator

MOST_PARAMETERS = 7


def parameter_count(function: ast.FunctionDef) -> int:
    """Return the number of parameters of a method, without `self`."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return len([one for one in named if one is not None]) - 1


def is_dataclass(definition: ast.ClassDef) -> bool:
    """Return True for a class whose constructor is made from its fields."""
    return any("dataclass" in ast.unparse(decorator) for decorator in definition.decorator_list)


def field_count(definition: ast.ClassDef) -> int:
    """Return the number of fields that the constructor of a dataclass takes."""
    fields = [one for one in definition.body if isinstance(one, ast.AnnAssign)]
    return len([one for one in fields if one.value is None or "init=False" not in ast.unparse(one.value)])


def constructor_sizes(tree: ast.AST) -> Iterator[tuple[ast.ClassDef, int]]:
    """Yield each class that has a constructor of its own, and the number of parameters of this constructor."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        if is_dataclass(node):
            yield node, field_count(node)
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                yield node, parameter_count(method)


def long_constructors(path: str, source: str) -> list[str]:
    """Return a line for each constructor of a source that takes too many parameters."""
    return [
        f"{path}:{node.lineno}: {node.name} takes {count} parameters, the limit is {MOST_PARAMETERS}"
        for node, count in constructor_sizes(ast.parse(source))
        if count > MOST_PARAMETERS
    ]
