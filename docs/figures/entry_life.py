"""Draw docs/entry_life.svg: the life of an entry, and what a fetch returns in each part of it.
`./dev figures` writes the file; a test compares it with what this program draws."""

import html
import pathlib
import sys

PAGE = pathlib.Path(__file__).resolve().parent.parent / "entry_life.svg"

WIDTH, LEFT, RIGHT = 1000, 150, 12
INK, PALE = "#24292f", "#57606a"
SMALL, NORMAL = 11, 12.5

# The parts of a value's life: colour, and the share of the drawing's width.
FRESH, DUE, REVALIDATED, ON_ERROR, GONE = (
    ("#d2ecd8", 1.0), ("#b4dfbf", 1.0), ("#fbe3b5", 1.1), ("#f6c99a", 1.35), ("#e4e7eb", 1.05))
PARTS = (FRESH, DUE, REVALIDATED, ON_ERROR, GONE)
NAMES = ("fresh", "fresh, due", "stale", "stale, for errors", "expired")
ENDS = ("stored", "refresh_after_ms", "ttl_ms", "ttl + stale_while_revalidate_ms",
        "ttl + stale_if_error_ms")

# What happens in each of them, a line of the drawing for each question.
ROWS = (
    ("get, acquire", ("hit", "hit", "miss", "miss", "miss")),
    ("a fetch returns", (
        "SC_HIT", "SC_HIT", "SC_STALE", "what it loads: SC_LOADED", "what it loads: SC_LOADED")),
    ("and then", (
        "", "one refresh, after the answer", "one refresh, after the answer", "", "")),
    ("the loader fails", (
        "it does not run", "the value stays", "the value stays", "SC_STALE",
        "SC_E_LOAD")),
    ("the next load", (
        "", "after retry_after_ms", "after retry_after_ms", "after retry_after_ms",
        "after retry_after_ms; until then SC_E_LOAD")),
    ("it finds no value", (
        "it does not run", "an absence", "an absence", "SC_E_ABSENT, an absence",
        "SC_E_ABSENT, an absence")),
)

# What is known without a value: its name, when it begins, its end, and what a fetch returns.
OTHERS = (
    ("an absence", "#dbe7f5", "the loader found no value", "negative_ttl_ms",
     "SC_E_ABSENT, without a load"),
    ("a failure", "#f7d4d4", "a load failed, and there is no value",
     "retry_after_ms, twice as long after each failure, up to 32 times",
     "SC_E_LOAD, without a load"),
)


class Drawing:
    def __init__(self):
        self.lines = []

    def text(self, x, y, words, size=NORMAL, colour=INK, anchor="start", weight="normal"):
        self.lines.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
            f'text-anchor="{anchor}" font-weight="{weight}">{html.escape(words)}</text>')

    def box(self, x, y, width, height, colour):
        self.lines.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
                          f'height="{height:.1f}" fill="{colour}"/>')

    def line(self, x, y, to_x, to_y, dashes=None):
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self.lines.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" '
                          f'stroke="{PALE}"{dashed}/>')

    def wrapped(self, x, y, words, letters):
        """Words on as many lines as they take, `letters` at most on each."""
        rows = [""]
        for word in words.split():
            if rows[-1] and len(rows[-1]) + len(word) >= letters:
                rows.append("")
            rows[-1] = f"{rows[-1]} {word}".strip()
        for number, row in enumerate(rows):
            self.text(x, y + 14 * number, row, SMALL)

    def svg(self, height):
        body = "\n".join(self.lines)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
                f'width="{WIDTH}" height="{height}" font-family="sans-serif" role="img" '
                f'aria-labelledby="title">\n<title id="title">The life of an entry</title>\n'
                f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n')


def places():
    """The left edge and the width of each part."""
    unit = (WIDTH - LEFT - RIGHT) / sum(share for _, share in PARTS)
    x = LEFT
    for _, share in PARTS:
        yield x, share * unit
        x += share * unit


def draw_value(drawing, top):
    """The band of parts, the times that end them, and the rows below. Returns where it ends."""
    bottom = top + 34 + 46 * len(ROWS)
    drawing.text(12, top + 22, "a value", weight="bold")
    for (x, width), (colour, _), name, begin in zip(places(), PARTS, NAMES, ENDS, strict=True):
        drawing.box(x, top, width, 34, colour)
        drawing.text(x + width / 2, top + 22, name, anchor="middle", weight="bold")
        drawing.line(x, top - 8, x, bottom, "2 3")
        drawing.text(x + 3, top - 12, begin, SMALL, PALE)
    for number, (question, answers) in enumerate(ROWS):
        y = top + 34 + 46 * number
        drawing.text(12, y + 20, question, SMALL, PALE)
        for (x, width), answer in zip(places(), answers, strict=True):
            drawing.wrapped(x + 5, y + 20, answer, int(width / 6))
        drawing.line(12, y + 46, WIDTH - RIGHT, y + 46, "1 4")
    return bottom


def draw_others(drawing, top):
    for number, (name, colour, begin, end, gets) in enumerate(OTHERS):
        y = top + 58 * number
        drawing.text(12, y + 22, name, weight="bold")
        drawing.box(LEFT, y, WIDTH - LEFT - RIGHT - 220, 34, colour)
        drawing.text(LEFT + 5, y + 22, gets, weight="bold")
        drawing.text(LEFT + 5, y + 48, f"from when {begin}", SMALL, PALE)
        drawing.text(WIDTH - RIGHT - 214, y + 22, "then the next fetch loads", SMALL)
        drawing.text(LEFT + 290, y + 48, f"for {end}", SMALL, PALE)
    return top + 58 * len(OTHERS)


def drawn():
    drawing = Drawing()
    drawing.text(12, 22, "time since it was stored", SMALL, PALE)
    drawing.line(LEFT, 18, WIDTH - RIGHT, 18)
    bottom = draw_value(drawing, 56)
    drawing.text(12, bottom + 24, "A load that succeeds, or finds the value unchanged, begins the "
                 "life anew; a put does too. An invalidation and a clear end it, whatever its "
                 "state.", SMALL)
    bottom = draw_others(drawing, bottom + 44)
    return drawing.svg(int(bottom) + 6)


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(drawn())
    else:
        PAGE.write_text(drawn(), "utf-8")
        print(PAGE)
