"""Print the cases of a Python test that cannot run here as skipped, in unittest's format, with the
reason.

	skip_cases.py SCRIPT REASON

The script is parsed, not imported, because an import of it may be what is missing."""

import ast
import pathlib
import sys


def cases(script):
    for node in ast.parse(pathlib.Path(script).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name.startswith("test"):
                    yield f"{node.name}.{item.name}"


def main(script, reason):
    names = list(cases(script))
    for name in names:
        print(f"{name} ... skipped '{reason}'")
    print(f"\nRan {len(names)} tests in 0.000s\n\nOK (skipped={len(names)})")
    return 0 if names else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
