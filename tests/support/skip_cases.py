"""Name the cases of a Python test that cannot run here, and why, in the words of unittest.

	skip_cases.py SCRIPT REASON

The script is read, not imported: what is missing may be the very thing that it imports."""

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
