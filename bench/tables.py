"""Results as tables, on a terminal and in docs/benchmarks.md."""

import re

OURS = "scopecache"
# Subjects that are not peers: ours, the limit, and a cache that only one thread may use.
NO_PEERS = (OURS, "limit", "quick_cache-unsync")
SPEED = ("hit", "mix", "insert")
NOTHING = "-"
# A further figure of a bench, on one thread: its name, field and format.
EXTRA_FIGURES = {
    "mix": ("hit ratio", "hit_ratio", lambda ratio: f"{100 * ratio:.1f} %"),
    "insert": ("page faults in 1,000", "faults_per_op", lambda faults: number(1000 * faults)),
}


def number(value):
    """The figures have about three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def subjects(results):
    return list(dict.fromkeys(result["subject"] for result in results))


def times(result):
    ratio = result.get("ratio_to_limit")
    text = number(result["ns_per_op"])
    return text if ratio is None else f"{text} ({ratio:.3g})"


def speed_table(results, bench):
    """A row for each subject, a column for each number of keys and threads, in ns and times the
    limit."""
    results = [result for result in results if result["bench"] == bench]
    columns = sorted({(result["keys"], result["threads"]) for result in results})
    cells = {(result["subject"], result["keys"], result["threads"]): result for result in results}
    rows = [["ns (times limit)", *(f"{keys:,} keys, {threads} thread{'s' * (threads > 1)}"
                                   for keys, threads in columns)]]
    name, field, show = EXTRA_FIGURES.get(bench, (None, None, None))
    sizes = sorted({keys for keys, _ in columns}) if name else []
    rows[0] += [f"{name}, {keys:,} keys" for keys in sizes]
    for subject in subjects(results):
        row = [subject]
        for keys, threads in columns:
            result = cells.get((subject, keys, threads))
            row.append(times(result) if result else NOTHING)
        for keys in sizes:
            value = cells.get((subject, keys, 1), {}).get(field)
            row.append(NOTHING if value is None else show(value))
        rows.append(row)
    return rows


def memory_table(results, _bench="memory"):
    results = [result for result in results if result["bench"] == "memory"]
    sizes = sorted({result["keys"] for result in results})
    cells = {(result["subject"], result["keys"]): result for result in results}
    rows = [["bytes per entry", *(f"{keys:,} entries" for keys in sizes)]]
    for subject in subjects(results):
        rows.append([subject, *(number(cells[subject, keys]["bytes_per_entry"])
                                if (subject, keys) in cells else NOTHING for keys in sizes)])
    return rows


def open_table(results, _bench="open"):
    rows = [["opening 64 MiB", "microseconds", "KiB resident"]]
    rows += [[result["subject"], number(result["open_us"]), number(result["resident_kib"])]
             for result in results if result["bench"] == "open"]
    return rows


def table(results, bench):
    make = {"memory": memory_table, "open": open_table}.get(bench, speed_table)
    return make(results, bench)


def reading(results):
    """Our time, the limit and the fastest peer, for each timed measurement, also where the peer is
    faster."""
    rows = [["", "ours, ns", "times limit", "fastest peer", "ns", "peer / ours"]]
    cells = {}
    for result in results:
        if result["bench"] in SPEED:
            cells.setdefault((result["bench"], result["keys"], result["threads"]), []).append(
                result
            )
    for (bench, keys, threads), cell in cells.items():
        ours = next((result for result in cell if result["subject"] == OURS), None)
        peers = [result for result in cell if result["subject"] not in NO_PEERS]
        if not ours or not peers:
            continue
        best = min(peers, key=lambda result: result["ns_per_op"])
        ratio = ours["ratio_to_limit"]
        rows.append(
            [
                f"{bench}, {keys:,} keys, {threads} thread{'s' * (threads > 1)}",
                number(ours["ns_per_op"]),
                number(ratio) if ratio else NOTHING,
                best["subject"],
                number(best["ns_per_op"]),
                number(best["ns_per_op"] / ours["ns_per_op"]),
            ]
        )
    return rows


def versions(results):
    about = {result["subject"]: result["about"] for result in results if "about" in result}
    return [["subject", "version"], *([subject, text] for subject, text in about.items())]


def as_text(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
                     for row in rows)


def as_markdown(rows):
    head, *body = rows
    lines = ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in body]
    return "\n".join(lines)


def renew(page, figures):
    """Replace the lines between `<!-- figures: NAME -->` and `<!-- end -->` on the page."""
    def replace(match):
        return f"{match[1]}\n{figures[match[2]]}\n{match[3]}"
    return re.sub(r"(<!-- figures: (\w+) -->)\n.*?(<!-- end -->)", replace, page, flags=re.S)
