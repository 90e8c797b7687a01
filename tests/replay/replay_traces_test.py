"""Traces in all formats: the same requests give the same figures, and damaged traces are refused
with file and position."""

import bz2
import gzip
import lzma
import os
import random
import struct
import subprocess
import unittest

from replay_traces import COMMAND, PATIENCE, ReplayCase, u32, zstd_frame, zstd_run

RNG = random.Random(1)
KEYS = [RNG.choice((7, 2**32 - 1, 0, RNG.randrange(2**32))) for _ in range(50_000)]
SIZES = [key % 5000 for key in KEYS]
DIFFERENT = len(set(KEYS))
BOUND = ("--max-entries", "100", "--policy", "lru")


class Formats(ReplayCase):
    def assert_same(self, *arguments, stdin=b"", sized=False):
        result, = self.results(*arguments, *BOUND, stdin=stdin)
        expected, = self.results(self.file("expected", u32(KEYS)), "--format", "u32", *BOUND)
        self.assertEqual((result["requests"], result["keys"]), (len(KEYS), DIFFERENT))
        self.assertEqual(result["hits"], expected["hits"])
        self.assertEqual(result["requested_bytes"], sum(SIZES) if sized else None)

    def test_numbers(self):
        self.assert_same("-", "--format", "u32", stdin=u32(KEYS))
        sizes = self.file("sizes", u32(SIZES))
        self.assert_same("-", "--format", "u32", "--sizes", sizes, stdin=u32(KEYS), sized=True)
        self.assert_same(
            self.file("keys", u32(KEYS)),
            "--format",
            "u32",
            "--sizes",
            "-",
            stdin=u32(SIZES),
            sized=True,
        )

    def test_numbers_that_come_in_odd_pieces(self):
        command = [COMMAND, "replay", "-", "--format", "u32", "--max-entries", "3", "--json"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            data = u32([1, 2, 3, 1, 2, 3, 99, 99])
            for at in range(0, len(data), 3):
                os.write(process.stdin.fileno(), data[at:at + 3])
            output, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(output.count(b'"hits": 4,'), 2, output)

    def test_lines(self):
        lines = [f"key/{key}" for key in KEYS]
        text = "\n".join(lines).encode()
        self.assert_same("-", "--format", "text", stdin=text)
        self.assert_same("-", "--format", "text", stdin=text + b"\n")
        self.assert_same("-", "--format", "text", stdin="\r\n".join(lines).encode() + b"\r\n")

    def test_lines_are_bytes(self):
        result = self.results(
            "-", "--format", "text", *BOUND, stdin=b"\1\n\xff\n\1\n \n\" \n\xff\xfe\n\xff"
        )
        self.assertEqual((result[0]["keys"], result[0]["hits"]), (5, 2))

    def test_columns(self):
        rows = "".join(f"x,{key},{size},\n" for key, size in zip(KEYS, SIZES)).encode()
        self.assert_same("-", "--format", "csv", "--column", "2", stdin=rows)
        self.assert_same(
            "-", "--format", "csv", "--column=2", "--size-column=3", stdin=rows, sized=True
        )
        self.assert_same(
            "-",
            "--format",
            "csv",
            "--column=2",
            "--size-column=3",
            "--header",
            sized=True,
            stdin=b"a,key,size,b\n" + rows,
        )

    def test_a_key_may_be_its_size(self):
        result = self.results(
            "-", "--format", "csv", "--size-column", "1", *BOUND, stdin=b"10\n20\n10"
        )
        self.assertEqual((result[0]["requested_bytes"], result[0]["hit_bytes"]), (40, 10))

    def test_quotes(self):
        rows = (b'"a,b",1\n'         # a comma
                b'"a\nb",2\n'        # a line end
                b'"a""b",3\n'        # a quote
                b'a,4\n'
                b'"a",5\n'           # the same
                b'"a""b","6"\r\n'    # the same as the third
                b'"",7')
        self.refuses(
            "standard input:8: the key is empty", "-", "--format", "csv", *BOUND, stdin=rows
        )
        result, = self.results("-", "--format", "csv", "--size-column", "2", *BOUND,
                               stdin=rows.replace(b'"",', b'"\r\n",'))
        self.assertEqual((result["requests"], result["keys"]), (7, 5))
        self.assertEqual((result["hits"], result["hit_bytes"]), (2, 11))

    def test_a_line_of_the_greatest_length(self):
        longest = b"x" * 65536
        for format_ in "text", "csv":
            for end in b"", b"\n", b"\r\n":
                (result,) = self.results(
                    "-", "--format", format_, *BOUND, stdin=longest + b"\ny\n" + longest + end
                )
                self.assertEqual(result["hits"], 1)
            for end in b"", b"\n", b"\r\n":
                self.refuses(
                    "standard input:2: longer than 65536 bytes",
                    "-",
                    "--format",
                    format_,
                    *BOUND,
                    stdin=b"a\n" + longest + b"x" + end
                )


class Compressed(ReplayCase):
    def hits(self, stdin, **more):
        result, = self.results("-", "--format", "u32", *BOUND, stdin=stdin, **more)
        return result["requests"], result["hits"]

    def test_frames(self):
        plain = self.hits(u32(KEYS))
        for block in 99_999, 7:
            for with_size in True, False:
                self.assertEqual(self.hits(zstd_frame(u32(KEYS), block, with_size)), plain)

    def test_frames_one_after_the_other(self):
        data = u32(KEYS)
        cut = 4 * 777 + 1
        self.assertEqual(
            self.hits(zstd_frame(data[:cut]) + zstd_frame(b"") + zstd_frame(data[cut:])),
            self.hits(data),
        )

    def test_compressed_for_good(self):
        self.assertEqual(self.hits(zstd_run(b"\1", 128 << 10) * 4), (4 << 15, (4 << 15) - 1))

    def test_gzip_and_xz(self):
        data = u32(KEYS)
        plain = self.hits(data)
        cut = 4 * 777 + 1
        for compress in gzip.compress, lzma.compress:
            with self.subTest(compress.__module__):
                self.assertEqual(self.hits(compress(data)), plain)
                self.assertEqual(
                    self.hits(compress(data[:cut]) + compress(b"") + compress(data[cut:])), plain
                )
                self.assertEqual(self.hits(compress(bytes(4 << 20))), (1 << 20, (1 << 20) - 1))

    def test_gzip_and_xz_that_are_damaged(self):
        for compress in gzip.compress, lzma.compress:
            packed = compress(u32(KEYS))
            for end in len(packed) // 2, len(packed) - 1, len(packed) - 9:
                self.refuses(
                    f"standard input: the compressed data ends too soon, after byte {end}",
                    "-",
                    "--format",
                    "u32",
                    *BOUND,
                    stdin=packed[:end],
                )
            for at in len(packed) // 2, len(packed) - 5:
                bad = bytearray(packed)
                bad[at] ^= 0xFF
                self.refuses(
                    "the compressed data is damaged near byte",
                    "-",
                    "--format",
                    "u32",
                    *BOUND,
                    stdin=bytes(bad)
                )
            self.refuses(
                "damaged near byte", "-", "--format", "u32", *BOUND, stdin=packed + b"what is this?"
            )

    def test_a_skippable_frame_first(self):
        for number in 0x50, 0x5F:
            skip = bytes([number]) + b"\x2a\x4d\x18\x05\0\0\0skip!"
            self.assertEqual(self.hits(skip + zstd_frame(u32(KEYS)) + skip), self.hits(u32(KEYS)))

    def test_the_name_does_not_matter(self):
        plain = self.file("plain.zst", u32([1, 1]))
        packed = self.file("packed", zstd_frame(u32([1, 1])))
        sizes = self.file("sizes", zstd_frame(u32([5, 5])))
        for trace in plain, packed:
            result, = self.results(trace, "--format", "u32", "--sizes", sizes, *BOUND)
            self.assertEqual((result["trace"], result["hit_bytes"]), (str(trace), 5))

    def test_truncated(self):
        frame = zstd_frame(u32(KEYS))
        for end in 4, 5, 8, 9, 13, 1000, len(frame) - 1:
            with self.subTest(end=end):
                self.refuses(f"standard input: the compressed data ends too soon, after byte {end}",
                             "-", "--format", "u32", *BOUND, stdin=frame[:end])

    def test_damaged(self):
        frame = bytearray(zstd_frame(u32(KEYS)))
        frame[9] |= 6  # a kind of block that does not exist
        path = self.file("damaged", frame)
        self.refuses(
            f"{path}: the compressed data is damaged near byte", path, "--format", "u32", *BOUND
        )
        self.refuses("damaged near byte", "-", "--format", "text", *BOUND,
                     stdin=zstd_frame(b"a\nb\n") + b"what is this?")

    def test_a_window_that_would_take_all_memory(self):
        self.refuses("damaged near byte", "-", "--format", "u32", *BOUND,
                     stdin=b"\x28\xb5\x2f\xfd\x00" + bytes([(31 - 10) << 3]) + b"\x01\x00\x00")


class Refused(ReplayCase):
    def test_files(self):
        self.refuses("cannot open /no/trace: No such file", "/no/trace", "--format", "u32", *BOUND)
        self.refuses("Is a directory", self.folder, "--format", "u32", *BOUND)
        trace = self.file("trace", u32([1]))
        self.refuses(
            "cannot open /no/sizes: No such file",
            trace,
            "--format",
            "u32",
            "--sizes",
            "/no/sizes",
            *BOUND
        )

    @unittest.skipUnless(os.path.exists("/proc/self/mem"), "there is no file that cannot be read")
    def test_a_file_that_cannot_be_read(self):
        """Address 0 of a process's memory cannot be read."""
        self.refuses(
            "cannot read /proc/self/mem: Input/output error",
            "/proc/self/mem",
            "--format",
            "u32",
            *BOUND,
            status=1
        )

    def test_a_long_path_keeps_its_end(self):
        path = "/no/" + "\u00e9" * 200 + "/trace"
        message = self.refuses("\u00e9/trace: No such file", path, "--format", "u32", *BOUND)
        self.assertIn("cannot open ...\u00e9", message)

    def test_nothing(self):
        for format_ in "u32", "text", "csv":
            self.refuses(
                "standard input: there are no requests in it", "-", "--format", format_, *BOUND
            )
            self.refuses(
                "there are no requests in it",
                "-",
                "--format",
                format_,
                *BOUND,
                stdin=zstd_frame(b"")
            )
        self.refuses(
            "there are no requests", "-", "--format", "csv", "--header", *BOUND, stdin=b"key,size\n"
        )

    def test_numbers_that_are_cut_off(self):
        for rest in 1, 2, 3:
            self.refuses(f"standard input: {rest} of 4 bytes are left over after 2 numbers",
                         "-", "--format", "u32", *BOUND, stdin=u32([1, 2]) + b"x" * rest)

    def test_costs_that_are_not_as_many(self):
        trace = self.file("trace", u32([1, 2, 3]))
        options = (trace, "--format", "u32", "--costs", "-", *BOUND)
        self.refuses(
            f"standard input: ends after 2 costs, and {trace} has 3 requests",
            *options,
            stdin=u32([1, 2]),
        )
        self.refuses(f"standard input: has more costs than the 3 requests of {trace}", *options,
                     stdin=u32([1, 2, 3, 4]))

    def test_a_column_of_costs(self):
        for row, words in (
            (b"a", "there is no column 2"),
            (b"a,", "column 2 is not a cost"),
            (b"a,-1", "column 2 is not a cost"),
            (b"a,4294967296", "column 2 is not a cost"),
        ):
            with self.subTest(row):
                self.refuses(
                    f"standard input:1: {words}",
                    "-",
                    "--format=csv",
                    "--cost-column=2",
                    *BOUND,
                    stdin=row,
                )

    def test_sizes_that_are_not_as_many(self):
        trace = self.file("trace", u32([1, 2, 3]))
        options = (trace, "--format", "u32", "--sizes", "-", *BOUND)
        self.refuses(
            f"standard input: ends after 2 sizes, and {trace} has 3 requests",
            *options,
            stdin=u32([1, 2]),
        )
        self.refuses(f"standard input: has more sizes than the 3 requests of {trace}", *options,
                     stdin=u32([1, 2, 3, 4]))
        self.refuses("2 of 4 bytes are left over", *options, stdin=u32([1, 2]) + b"xx")
        self.refuses("2 of 4 bytes are left over", *options, stdin=u32([1, 2, 3]) + b"xx")

    def test_lines(self):
        for format_ in "text", "csv":
            self.refuses(
                "standard input:2: the line is empty",
                "-",
                "--format",
                format_,
                *BOUND,
                stdin=b"a\n\nb\n"
            )
            self.refuses(
                "standard input:1: the line is empty",
                "-",
                "--format",
                format_,
                *BOUND,
                stdin=b"\r\n"
            )

    def test_columns(self):
        for words, row in (("there is no column 2", b"a"),
                           ("column 2 is not a size", b"a,"),
                           ("column 2 is not a size", b"a,-1"),
                           ("column 2 is not a size", b"a,1.5"),
                           ("column 2 is not a size", b"a, 1"),
                           ("the key is empty", b",1"),
                           ("column 1 goes on after its closing quote", b'"a"b,1'),
                           ("a quote inside a field without quotes", b'a"b",1'),
                           ("a quote that is not closed", b'"a,1\n\n\n'),
                           ("a quote that is not closed", b'"')):
            with self.subTest(row=row):
                self.refuses(
                    f"standard input:3: {words}",
                    "-",
                    "--format",
                    "csv",
                    "--size-column",
                    "2",
                    *BOUND,
                    stdin=b'a,4294967295\n"b",0\n' + row + b"\n",
                )
        self.refuses(
            "standard input:1: there is no column 3",
            "-",
            "--format",
            "csv",
            "--column",
            "3",
            *BOUND,
            stdin=b"a,b\n"
        )

    def test_nothing_of_the_first_trace_is_printed_when_the_second_is_wrong(self):
        good = self.file("good", u32([1, 1]))
        self.refuses(
            "bad: there are no requests", good, self.file("bad", b""), "--format", "u32", *BOUND
        )


class Sizes(ReplayCase):
    def test_what_no_cache_can_hold(self):
        # A value of 4 GiB or more is too large for any cache; its requests count nevertheless.
        rows = b"a,1\nb,4294967296\na,1\nb,99999999999999999999999\n"
        for result in self.results(
            "-", "--format", "csv", "--size-column", "2", "--max-bytes", "1M", stdin=rows
        ):
            self.assertEqual(
                (result["requests"], result["keys"], result["hits"], result["rejected"]),
                (4, 2, 1, 2),
            )

    def test_costs_have_an_end(self):
        self.refuses(
            "standard input:1: column 2 is not a cost, a whole number up to 4294967295",
            "-",
            "--format",
            "csv",
            "--cost-column",
            "2",
            *BOUND,
            stdin=b"a,4294967296\n"
        )


class Delimiters(ReplayCase):
    def test_other_than_a_comma(self):
        for name, text in (("tab", b"\t"), (";", b";"), ("|", b"|"), (" ", b" ")):
            with self.subTest(name):
                rows = b"x,%(d)s1\n\"a%(d)sb\"%(d)s2\nx,%(d)s3\n" % {b"d": text}
                (result,) = self.results(
                    "-",
                    "--format",
                    "csv",
                    "--size-column",
                    "2",
                    "--delimiter",
                    name,
                    *BOUND,
                    stdin=rows
                )
                self.assertEqual(
                    (result["requested_bytes"], result["keys"], result["hits"]), (6, 2, 1)
                )

    def test_what_is_none(self):
        for bad in "", "ab", "\n", '"', "é":
            self.refuses(
                "--delimiter takes one ASCII character",
                "-",
                "--format",
                "csv",
                "--delimiter",
                bad,
                *BOUND
            )
        self.refuses("go with --format csv", "-", "--format", "text", "--delimiter", ";", *BOUND)


class BadLines(ReplayCase):
    def test_they_are_counted(self):
        rows = (b"a,1\n" b"no size\n" b"a,2\n" b"\n" b"b,x\n" b'a"b,1\n' + b"x" * 70000 + b"\n"
                b"n\0l,1\n" b"b,3\n" b'"open,1\n')
        options = ("-", "--format", "csv", "--size-column", "2", *BOUND)
        self.refuses("standard input:2: there is no column 2", *options, stdin=rows)
        result, = self.results(*options, "--skip-bad-lines", stdin=rows)
        self.assertEqual((result["requests"], result["keys"], result["requested_bytes"]), (3, 2, 6))
        self.assertEqual(result["skipped_lines"], 7)
        table = self.replay(*options, "--skip-bad-lines", stdin=rows).stdout.decode()
        self.assertIn(": 3 requests, 2 keys, 6 bytes, 7 bad lines skipped\n", table)

    def test_none(self):
        result, = self.results("-", "--format", "text", "--skip-bad-lines", *BOUND, stdin=b"a\nb\n")
        self.assertEqual((result["requests"], result["skipped_lines"]), (2, 0))
        self.assertNotIn(
            b"skipped", self.replay("-", "--format", "text", *BOUND, stdin=b"a\n").stdout
        )

    def test_nothing_else_is_skipped(self):
        self.refuses(
            "there are no requests",
            "-",
            "--format",
            "text",
            "--skip-bad-lines",
            *BOUND,
            stdin=b"\n\n"
        )
        self.refuses("damaged near byte", "-", "--format", "text", "--skip-bad-lines", *BOUND,
                     stdin=zstd_frame(b"a\nb\n") + b"what is this?")
        self.refuses(
            "--skip-bad-lines goes with", "-", "--format", "u32", "--skip-bad-lines", *BOUND
        )


class Oracle(ReplayCase):
    """libCacheSim's format: a time, a key, a size and the number of the key's next request."""

    @staticmethod
    def records(keys, sizes):
        following, records = {}, []
        for number in range(len(keys) - 1, -1, -1):
            records.append(struct.pack("<IQIq", number // 10, keys[number] << 20, sizes[number],
                                       following.get(keys[number], -1)))
            following[keys[number]] = number
        return b"".join(reversed(records))

    def test_it_is_the_same_trace(self):
        data = self.records(KEYS, SIZES)
        for bound in (("--max-entries", "100"), ("--max-bytes", "64K")):
            options = (*bound, "--policy", "lru,opt")
            expected = self.results(self.file("keys", u32(KEYS)), "--format", "u32", "--sizes",
                                    self.file("sizes", u32(SIZES)), *options)
            for stdin in data, gzip.compress(data), lzma.compress(data), zstd_frame(data):
                results = self.results("-", "--format", "oracleGeneral", *options, stdin=stdin)
                for result, same in zip(results, expected, strict=True):
                    self.assertEqual(result | {"trace": ""}, same | {"trace": ""})

    def test_damaged(self):
        data = self.records([1, 2, 1], [5, 5, 5])
        self.refuses(
            "standard input: 23 of 24 bytes are left over after 2 records",
            "-",
            "--format",
            "oracleGeneral",
            *BOUND,
            stdin=data[:-1]
        )
        self.refuses("there are no requests", "-", "--format", "oracleGeneral", *BOUND)
        self.refuses("is text: give --format text or csv", "-", "--format", "oracleGeneral", *BOUND,
                     stdin=b"1,2,3,4\n" * 9)


class Foreign(ReplayCase):
    """Files of other formats are refused with the name of their format, and never replayed."""

    def test_other_files(self):
        for what, data in (
            ("bzip2", bz2.compress(u32(KEYS))),
            ("lz4", b"\x04\x22\x4d\x18" + u32(KEYS)),
            ("zip archive", b"PK\3\4" + u32(KEYS)),
            ("7z", b"7z\xbc\xaf\x27\x1c" + u32(KEYS)),
            ("Parquet", b"PAR1" + u32(KEYS)),
            ("SQLite", b"SQLite format 3\0" + u32(KEYS)),
        ):
            for format_ in "u32", "text", "csv", "oracleGeneral":
                with self.subTest(what, format=format_):
                    message = self.refuses(what, "-", "--format", format_, *BOUND, stdin=data)
                    self.assertIn("standard input is", message)

    def test_other_formats(self):
        oracle = Oracle.records([1, 2, 1, 2, 3], [5, 5, 5, 5, 5])
        self.refuses(
            "has records of libCacheSim: give --format oracleGeneral",
            "-",
            "--format",
            "u32",
            *BOUND,
            stdin=oracle
        )
        self.refuses(
            "is text: give --format text or csv",
            "-",
            "--format",
            "u32",
            *BOUND,
            stdin=b"key,1\n" * 20
        )
        for format_ in "text", "csv":
            self.refuses(
                "is not text in UTF-8", "-", "--format", format_, *BOUND, stdin=u32([1, 2, 3])
            )
            for encoding in "utf-16", "utf-32":
                self.refuses(
                    "convert it to UTF-8",
                    "-",
                    "--format",
                    format_,
                    *BOUND,
                    stdin="a\nb\n".encode(encoding)
                )
        self.refuses(
            "there is a NUL byte in it",
            "-",
            "--format",
            "text",
            *BOUND,
            stdin=b"a\n" * 200_000 + b"\0\n",
        )

    def test_numbers_that_are_numbers(self):
        for keys in (
            [1] * 100,
            list(range(100)),
            [0] * 100,
            [2**32 - 1] * 100,
            [7, 0, 0, 0, 1, 0] * 20,
        ):
            self.assertEqual(
                self.results("-", "--format", "u32", *BOUND, stdin=u32(keys))[0]["requests"],
                len(keys),
            )

    def test_a_byte_order_mark(self):
        mark = b"\xef\xbb\xbf"
        for format_ in "text", "csv":
            for first in (b"a\n", b'"a"\n') if format_ == "csv" else (b"a\n",):
                for pack in bytes, gzip.compress:
                    (result,) = self.results(
                        "-", "--format", format_, *BOUND, stdin=pack(mark + first + b"a\n")
                    )
                    self.assertEqual((result["keys"], result["hits"]), (1, 1))
        # Only the first line may have a byte order mark.
        result, = self.results("-", "--format", "text", *BOUND, stdin=b"a\n" + mark + b"a\n")
        self.assertEqual(result["keys"], 2)


if __name__ == "__main__":
    unittest.main()
