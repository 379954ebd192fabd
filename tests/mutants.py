"""First-order mutants of a function: its source with one operator, constant, comparison, argument,
index or call changed.
"""

import ast
import copy
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator

MOST_LINES = 20_000  # that a mutant may run: one that never ends is stopped
BINARY = {
    ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Div], ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Div, ast.Mult], ast.Pow: [ast.Mult], ast.Mod: [ast.FloorDiv],
    ast.MatMult: [], ast.BitAnd: [ast.BitOr], ast.BitOr: [ast.BitAnd],
}  # fmt: skip
COMPARED = {
    ast.Lt: [ast.LtE, ast.Gt], ast.LtE: [ast.Lt, ast.GtE], ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.LtE], ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq],
    ast.In: [ast.NotIn], ast.NotIn: [ast.In], ast.Is: [ast.IsNot], ast.IsNot: [ast.Is],
}  # fmt: skip
NAMES = {
    "min": "max", "max": "min", "amin": "amax", "amax": "amin", "argmin": "argmax",
    "argmax": "argmin", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor",
    "sum": "mean", "mean": "sum", "log": "log2", "log2": "log", "exp": "exp2",
}  # fmt: skip


def mutants(function: Callable) -> Iterator[tuple[str, Callable]]:
    """`(what was changed, the changed function)`, each change once."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    seen = {ast.unparse(tree)}
    for index, node in enumerate(ast.walk(tree)):
        for change in _changes(node):
            changed = copy.deepcopy(tree)
            place = list(ast.walk(changed))[index]
            before = ast.unparse(_statement(changed, place))
            new = change(place)
            if new is not None:
                _replace(changed, place, new)
            text = ast.unparse(ast.fix_missing_locations(changed))
            if text not in seen:
                seen.add(text)
                after = ast.unparse(_statement_like(changed, tree, node))
                yield f"{before} -> {after}", _made(text, function)


def _changes(node: ast.AST) -> Iterator[Callable[[ast.AST], ast.AST | None]]:
    """Functions that change such a node in place, or return what is to be there instead."""
    match node:
        case ast.BinOp():
            yield lambda n: n.left
            yield lambda n: n.right
        case ast.UnaryOp():
            yield lambda n: n.operand
        case ast.BoolOp(op=op):
            other = ast.Or if isinstance(op, ast.And) else ast.And
            yield lambda n: setattr(n, "op", other())
        case ast.Compare(ops=[op]):
            for other in COMPARED.get(type(op), []):
                yield lambda n, other=other: setattr(n, "ops", [other()])
        case ast.Constant(value=bool(value)):
            yield lambda n: setattr(n, "value", not value)
        case ast.Constant(value=int(value)):
            yield lambda n: setattr(n, "value", value + 1)
            yield lambda n: setattr(n, "value", value - 1)
        case ast.Constant(value=float(value)):
            yield lambda n: setattr(n, "value", value * 2 + 1)
            yield lambda n: setattr(n, "value", value / 2 - 1)
        case ast.Expr() | ast.AugAssign() | ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield lambda n: ast.Pass()
        case ast.IfExp() | ast.If():
            yield lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))
        case ast.Slice():
            for side in ("lower", "upper", "step"):
                if getattr(node, side) is not None:
                    yield lambda n, side=side: setattr(n, side, None)
        case ast.Call():
            yield from _call_changes(node)
    if isinstance(node, ast.BinOp | ast.AugAssign):
        for other in BINARY.get(type(node.op), []):
            yield lambda n, other=other: setattr(n, "op", other())
    if isinstance(node, ast.Attribute | ast.Name) and _name(node) in NAMES:
        key = "attr" if isinstance(node, ast.Attribute) else "id"
        yield lambda n: setattr(n, key, NAMES[_name(n)])


def _call_changes(node: ast.Call) -> Iterator[Callable]:
    """A call without one of its arguments, with two exchanged, or dropped altogether."""
    for i in range(len(node.keywords)):
        yield lambda n, i=i: n.keywords.pop(i) and None
    for i in range(len(node.args)):
        yield lambda n, i=i: n.args.pop(i) and None
    if len(node.args) == 2:
        yield lambda n: n.args.reverse()
    if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
        yield lambda n: n.func.value  # x.relu() -> x
    elif node.args:
        yield lambda n: n.args[0]  # sqrt(x) -> x


def _is_module(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("torch", "np", "math", "F")


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id


def _statement(tree: ast.AST, node: ast.AST) -> ast.AST:
    """The simple statement, or the head of a compound one, that a node is in."""
    best = node
    for other in ast.walk(tree):
        if isinstance(other, ast.stmt) and any(child is node for child in ast.walk(other)):
            best = other  # ast.walk goes from the outside in
    if isinstance(best, ast.If | ast.While):
        return best.test
    return best.iter if isinstance(best, ast.For) else best


def _statement_like(changed: ast.AST, tree: ast.AST, node: ast.AST) -> ast.AST:
    """The statement of the changed tree that is where `node` is in the old one."""
    old = [n for n in ast.walk(tree) if isinstance(n, ast.stmt)]
    new = [n for n in ast.walk(changed) if isinstance(n, ast.stmt)]
    holder = max(i for i, s in enumerate(old) if any(child is node for child in ast.walk(s)))
    return _statement(changed, new[holder])


def _replace(tree: ast.AST, node: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for key, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, key, new)
            elif isinstance(value, list) and any(item is node for item in value):
                value[:] = [new if item is node else item for item in value]


def _made(text: str, function: Callable) -> Callable:
    """The function of a source text, in the scope of another, stopped if it never ends."""
    scope = dict(vars(sys.modules[function.__module__]))
    exec(compile(text, "<mutant>", "exec"), scope)
    mutant = scope[function.__name__]

    def limited(*args):
        lines = 0

        def trace(frame, event, _):
            nonlocal lines
            if frame.f_code.co_filename != "<mutant>":
                return None
            lines += 1
            if lines > MOST_LINES:
                raise TimeoutError("this mutant never ends")
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            return mutant(*args)
        finally:
            sys.settrace(before)

    return limited
