"""The time by which entries expire, with clocks that a test sets."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

EXTENSION = pathlib.Path(__file__).resolve().parents[1] / "ext"

# Reads "real boot mono" in milliseconds; prints the time since the first
# line, and how often all clocks were read.
PROGRAM = r"""
#include "expiry_clock.c"
#include <stdio.h>

static long long real_ms, boot_ms, mono_ms;
static int read_all;

int clock_gettime(clockid_t clock, struct timespec *now)
{
	long long ms = clock == CLOCK_BOOTTIME ? boot_ms
		: clock == CLOCK_MONOTONIC     ? mono_ms
					       : real_ms;
	read_all += clock == CLOCK_BOOTTIME;
	*now = (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
	return 0;
}

int main(void)
{
	long long first = 0, now;
	for (int line = 0; scanf("%lld %lld %lld", &real_ms, &boot_ms, &mono_ms) == 3; line++) {
		now = clock_now_ns() / 1000000;
		first = line ? first : now;
		printf("%lld %d\n", now - first, read_all);
	}
}
"""

REAL, BOOT, MONO = 1_700_000_000_000, 50_000, 40_000


@unittest.skipUnless(shutil.which("gcc"), "there is no gcc")
class ClockTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.program = pathlib.Path(cls.folder.name, "clock")
        subprocess.run(
            ["gcc", "-D_GNU_SOURCE", f"-I{EXTENSION}", "-x", "c", "-", "-o", cls.program],
            input=PROGRAM,
            text=True,
            check=True,
        )

    def times(self, *clocks):
        """The times for clocks that are so many milliseconds after the first reading."""
        lines = "".join(
            f"{REAL + real} {BOOT + boot} {MONO + mono}\n"
            for real, boot, mono in ((0, 0, 0), *clocks)
        )
        output = subprocess.run(
            [self.program], input=lines, capture_output=True, text=True, check=True
        ).stdout
        rows = [tuple(map(int, line.split())) for line in output.splitlines()]
        return [time for time, _ in rows[1:]], rows[-1][1]

    def test_a_second_is_measured_by_the_coarse_clock_alone(self):
        self.assertEqual(
            self.times((10, 10, 10), (500, 500, 500), (999, 999, 999)), ([10, 500, 999], 1)
        )

    def test_after_a_second_all_clocks_are_read(self):
        self.assertEqual(
            self.times((999, 999, 999), (1000, 1000, 1000), (1500, 1500, 1500)),
            ([999, 1000, 1500], 2),
        )

    def test_a_freeze_in_which_any_clock_goes_on(self):
        for frozen in (
            (60_000, 0, 0),
            (60_000, 60_000, 0),
            (60_000, 0, 60_000),
            (60_000, 60_000, 60_000),
        ):
            self.assertEqual(self.times(frozen)[0], [60_000])

    def test_a_freeze_in_which_the_wall_clock_stands_still_is_seen_after_a_second(self):
        self.assertEqual(self.times((5, 60_005, 5), (1005, 61_005, 1005))[0], [5, 61_005])

    def test_a_wall_clock_that_is_set_back(self):
        times, read_all = self.times(
            (500, 500, 500), (-3_600_000, 510, 510), (-3_599_990, 520, 520)
        )
        self.assertEqual(times, [500, 510, 520])
        self.assertEqual(read_all, 2)

    def test_small_steps_back_never_add_up(self):
        clocks = [(step % 2, step * 10, step * 10) for step in range(1, 400)]
        times, _ = self.times(*clocks)
        self.assertLessEqual(max(time - step * 10 for step, time in enumerate(times, 1)), 1000)
        self.assertGreaterEqual(times[-1], 3000)


if __name__ == "__main__":
    unittest.main()
