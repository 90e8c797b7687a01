"""Count the cases of a test run, and say on the last line how many passed, failed and were skipped.

	tally.py FOLDER

FOLDER holds the results of ctest as JUnit files, *.xml, one for each build, and `checks`, a line
`passed NAME`, `failed NAME` or `skipped NAME` for each check that is not a test of ctest's. A
program counts as the cases that its output names, cmocka's or unittest's, else as one; but ctest
has the last word: what it calls failed has at least one failed case, whatever was printed before
the end. The exit status is 0 when something passed and nothing failed."""

import pathlib
import re
import sys
import xml.etree.ElementTree
from collections import Counter

SHOWN_LINES = 100


def total(pattern, output):
    return sum(int(number) for number in re.findall(pattern, output))


def cmocka_cases(output):
    """A case that began and neither passed nor was skipped has failed: a failed set-up and a crash
    print no result."""
    announced = total(r"\[=+\] (?:\S+: )?Running (\d+) test", output)
    passed = output.count("[       OK ]")
    skipped = total(r"\[  SKIPPED \] (?:\S+: )?(\d+) test\(s\), listed below", output)
    return Counter(passed=passed, failed=max(0, announced - passed - skipped), skipped=skipped)


def unittest_cases(output):
    """A case with several failing parts reports each part, so there can be more failures than
    cases."""
    cases = Counter()
    for ran, result in re.findall(r"^Ran (\d+) tests? in .*\n\n(.*)$", output, re.MULTILINE):
        skipped = total(r"skipped=(\d+)", result)
        failed = total(r"(?:failures|errors|unexpected successes)=(\d+)", result)
        cases += Counter(passed=max(0, int(ran) - failed - skipped), failed=failed, skipped=skipped)
    return cases


def cases_of(status, output):
    """`status` is what ctest says: run (and passed), fail, skipped, or anything else that is not
    well."""
    cases = cmocka_cases(output) + unittest_cases(output)
    if status == "run":
        return cases or Counter(passed=1)
    if status == "skipped":
        return Counter(skipped=1)
    return cases if cases["failed"] else cases + Counter(failed=1)


def status_of(test):
    """ctest reports `notrun` both for a skipped program and for a missing one."""
    skipped = test.find("skipped")
    if skipped is not None and skipped.get("message", "").startswith("SKIP_"):
        return "skipped"
    return test.get("status")


def skipped_cases(output):
    names = set(re.findall(r"^\[  SKIPPED \] (\S+)$", output, re.MULTILINE))
    names |= set(re.findall(r"^(.+?)(?: \(\S+\))? \.\.\. (skipped .*)$", output, re.MULTILINE))
    return sorted(" ".join(name) if isinstance(name, tuple) else name for name in names)


def report(build, test):
    """Count the cases of one program, and print those that failed or were skipped."""
    name, status = f"{build}: {test.get('name')}", status_of(test)
    output = test.findtext("system-out") or ""
    cases = cases_of(status, output)
    if cases["failed"]:
        lines = output.rstrip().split("\n")
        print(f"\n== FAILED {name} ({test.get('time')} s)")
        print("\n".join(lines[-SHOWN_LINES:]))
    for case in skipped_cases(output) or [""] * cases["skipped"]:
        print(f"skipped {name} {case}".rstrip())
    return cases


def main(folder):
    folder = pathlib.Path(folder)
    cases = Counter()
    for path in sorted(folder.glob("*.xml")):
        tests = list(xml.etree.ElementTree.parse(path).getroot().iter("testcase"))
        for test in tests:
            cases += report(path.stem, test)
        if not tests:
            cases["failed"] += 1
            print(f"\n== FAILED {path.stem}: there are no tests")
    checks = folder / "checks"
    for line in checks.read_text(encoding="utf-8").splitlines() if checks.exists() else []:
        result, name = line.split(" ", 1)
        cases[result] += 1
        if result == "failed":
            print(f"\n== FAILED {name}")
        if result == "skipped":
            print(f"skipped {name}")
    if cases["failed"]:
        print("\nThe whole output of all tests: build/*/Testing/Temporary/LastTest.log")
    print(f"\n{cases['passed']} passed, {cases['failed']} failed"
          + (f", {cases['skipped']} skipped" if cases["skipped"] else ""))
    (folder / "counted").touch()
    return 0 if cases["passed"] and not cases["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
