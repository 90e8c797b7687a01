"""The bar of ./dev coverage: all lines and 95 % of branches of src/engine and src/cache."""

import subprocess
import unittest

from house import SOURCE

HEAD = ("filename,line_total,line_covered,line_percent,branch_total,branch_covered,branch_percent,"
        "function_total,function_covered,function_percent")


def judge(*rows):
    """Rows are a file, its lines, those reached, its branches, those reached."""
    csv = [HEAD] + [f"{name},{lines},{reached},0.5,{branches},{taken},0.5,1,1,1.0"
                    for name, lines, reached, branches, taken in rows]
    done = subprocess.run(["awk", "-F,", "-f", SOURCE / "cmake/coverage.awk"], input="\n".join(csv) + "\n",
                          stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout


class CoverageBar(unittest.TestCase):
    def assert_judged(self, rows, engine, cache):
        status, text = judge(*rows)
        for folder, met in (("src/engine", engine), ("src/cache", cache)):
            self.assertRegex(text, rf"(?m)^{folder} +bar 100 % of lines, 95 % of branches: "
                             + ("met" if met else "NOT MET") + "$")
        self.assertEqual(status, 0 if engine and cache else 1)

    def test_met(self):
        self.assert_judged([("src/engine/a.c", 10, 10, 60, 57), ("src/engine/b.c", 10, 10, 40, 38),
                            ("src/cache/c.c", 5, 5, 0, 0), ("src/cli/d.c", 100, 1, 100, 1)], True, True)

    def test_one_line_is_missing(self):
        self.assert_judged([("src/engine/a.c", 1000, 999, 10, 10), ("src/cache/c.c", 5, 5, 2, 2)], False, True)

    def test_one_branch_too_many_is_missing(self):
        self.assert_judged([("src/engine/a.c", 10, 10, 60, 57), ("src/cache/c.c", 5, 5, 60, 56)], True, False)

    def test_what_was_not_measured_is_below_the_bar(self):
        self.assert_judged([("src/engine/a.c", 10, 10, 10, 10)], True, False)

    def test_the_sums_are_those_of_the_folders(self):
        text = judge(("src/engine/a.c", 10, 10, 60, 57), ("src/engine/b.c", 30, 20, 40, 40))[1]
        self.assertRegex(text, r"(?m)^src/engine +40 +75.0 % +100 +97.0 %$")
        self.assertRegex(text, r"(?m)^all +40 +75.0 % +100 +97.0 %$")


if __name__ == "__main__":
    unittest.main()
