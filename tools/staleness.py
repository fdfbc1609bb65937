"""What is kept in a notebook to tell later whether it is as it was built, and still true.

`metadata.course` of a notebook holds four fingerprints: `code`, of its cells of code and their
tags; `shared`, of the code it uses of the package `shared`; `results`, of what its cells returned;
`source`, of all that stands in its cells, by which a reader's work is told from the builder's.
"""

import ast
import hashlib
import json
import re

import nbformat

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def fingerprint(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def stored(path):
    """The notebook in a file, not validated; None if there is none that can be read."""
    try:
        return nbformat.v4.reads(path.read_text("utf-8"))
    except Exception:  # whatever is wrong with the file, it is no notebook of ours
        return None


def code_of(notebook):
    """The code cells, but empty ones: JupyterLab adds one after the last cell that is run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def results(notebook):
    """Fingerprint of what a notebook's code cells returned."""
    return fingerprint([(cell.execution_count, cell.outputs) for cell in code_of(notebook)])


def typed(notebook):
    """Fingerprint of what stands in a notebook's cells, however an editor ends lines and cells."""
    cells = []
    for cell in notebook.cells:
        text = "\n".join(map(str.rstrip, cell.source.splitlines())).strip("\n")
        if text or cell.get("attachments"):
            cells.append((cell.cell_type, text, cell.get("attachments", {})))
    return fingerprint(cells)


def edited(path, old, new):
    """Whether a file has cells that neither the builder wrote nor `new` has: somebody's work.

    old: what `stored` gives of it.
    """
    if not path.exists():
        return False
    try:
        return typed(old) not in (old.metadata.course.source, typed(new))
    except Exception:  # not a notebook of ours, so it may be anything
        return True


# ------------------------------------------------------------------------ the package `shared`


def shared(root, sources, known):
    """Fingerprint of the modules of `shared` that some code imports, and of what these import.

    known: a dict in which what was read of a module is kept for the next notebook.
    """
    wanted, found = {"shared"}, {}
    for source in sources:
        if "shared" in source:
            wanted |= imports(source, "")
    while wanted:
        name = wanted.pop()
        if name not in known:
            known[name] = module(root, name)
        if name not in found and known[name]:
            found[name], needed = known[name]
            wanted |= needed
    return fingerprint(found)


def module(root, name):
    """(fingerprint, names imported) of a module; None if there is none of this name.

    Files beside it that are not Python, such as texts it may read, count as part of it.
    """
    folder = root.joinpath(*name.split("."))
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    if not file.exists():
        return None
    source = file.read_text("utf-8")
    parent = name if folder.is_dir() else name.rpartition(".")[0]
    others = [
        (path.name, hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest())
        for path in sorted(file.parent.iterdir())
        if path.is_file() and path.suffix != ".py"
    ]
    needed = imports(source, parent) | {name.rpartition(".")[0]} - {""}
    return fingerprint([structure(ast.parse(source)), others]), needed


def imports(source, package):
    """Names in `shared` that code imports, anywhere in it; package: to which dots are relative."""
    names = set()
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = parts[: len(parts) + 1 - node.level] if node.level else []
            whole = ".".join([*base, *filter(None, [node.module])])
            names |= {whole} | {f"{whole}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == "shared"}


def parsed(source):
    """The syntax tree of a cell, without IPython's own lines; empty if it is not Python."""
    try:
        return ast.parse(re.sub(r"^(\s*)[%!].*", r"\1pass", source, flags=re.M))
    except SyntaxError:  # which is reported where the cell is executed
        return ast.Module([], [])


def structure(node):
    """A syntax tree as nested lists, without docstrings, the same in every version of Python."""
    if isinstance(node, list):
        return [structure(item) for item in node]
    if not isinstance(node, ast.AST):
        return None if node is None else ascii(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        fields["body"] = node.body[1:]
    if isinstance(node, ast.JoinedStr):  # Python 3.12 ends a format specification with ""
        fields["values"] = [part for part in node.values if getattr(part, "value", None) != ""]
    given = [(name, structure(value)) for name, value in fields.items()]
    # newer versions of Python have fields that are empty in the code of older ones
    return [type(node).__name__, *(pair for pair in given if pair[1] not in (None, []))]
