"""A plot of dots on a logarithmic axis, a row for each subject: one SVG without scripts, fonts or
anything else from outside, on a light ground or a dark one as its reader prefers. All panels have
the same axis, so that they can be compared."""

import html
import math

STYLE = """<style>
svg { font: 13px system-ui, sans-serif }
text { fill: #24292f }
.ground { fill: #ffffff }
.name { font-weight: 600; font-size: 14px }
.small { fill: #57606a; font-size: 12px }
.ours { font-weight: 600 }
.grid { stroke: #e4e7eb; stroke-width: 1 }
.axis { stroke: #8c959f; stroke-width: 1 }
.mark { stroke: #ffffff; stroke-width: 1 }
.s0 { fill: #0b69b7 }
.s1 { fill: #c2500a }
@media (prefers-color-scheme: dark) {
text { fill: #e6e8eb }
.ground { fill: #16181c }
.small { fill: #a5adb7 }
.grid { stroke: #2b3037 }
.axis { stroke: #77808b }
.mark { stroke: #16181c }
.s0 { fill: #5aa9f0 }
.s1 { fill: #f0914a }
}
</style>
"""
LEGEND, LEFT, RIGHT, TOP, BOTTOM, ROW, AXIS = 44, 150, 24, 34, 52, 22, 330
STEPS = (1, 2, 5)


def ticks(least, most):
    """Round numbers from one not above `least` to one not below `most`; few enough to be read."""
    first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
    steps = STEPS if last - first <= 2 else STEPS[:1]
    values = [step * 10 ** power for power in range(first, last + 1) for step in steps]
    low = max((value for value in values if value <= least), default=values[0])
    high = min((value for value in values if value >= most), default=values[-1])
    return [value for value in values if low <= value <= high]


def label(value):
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def mark(series, x, y):
    """Series differ in form as well as in colour."""
    if series == 0:
        return f'<circle class="mark s0" cx="{x:.1f}" cy="{y:.1f}" r="5">'
    return f'<path class="mark s{series}" d="M{x - 5:.1f} {y:.1f}l5 -5l5 5l-5 5z">'


def mark_end(series):
    return "</circle>" if series == 0 else "</path>"


def panel(title, rows, marks, series, unit, ours):
    """`rows`: a name, and for each series a value or None."""
    span = math.log(marks[-1] / marks[0]) or 1.0
    height = ROW * len(rows)

    def at(value):
        return AXIS * math.log(value / marks[0]) / span

    yield f'<text class="name" y="-12">{html.escape(title)}</text>\n'
    for value in marks:
        yield (
            f'<path class="grid" d="M{at(value):.1f} 0v{height}"/><text class="small"'
            f' x="{at(value):.1f}" y="{height + 18}" text-anchor="middle">{label(value)}</text>\n'
        )
    yield f'<path class="axis" fill="none" d="M0 0v{height}h{AXIS}"/>\n'
    yield (f'<text class="small" x="{AXIS / 2}" y="{height + 38}" text-anchor="middle">'
           f'{html.escape(unit)} (log scale)</text>\n')
    for i, (name, all_of_it) in enumerate(rows):
        y = ROW * (i + 0.5)
        yield (f'<text{" class=" + chr(34) + "ours" + chr(34) if name == ours else ""} x="-10" '
               f'y="{y + 4:.1f}" text-anchor="end">{html.escape(name)}</text>\n')
        for which, value in reversed(list(enumerate(all_of_it))):
            if value:
                about = ", ".join(filter(None, [name, series[which]]))
                yield (f"{mark(which, at(value), y)}<title>{html.escape(about)}: {value:,.4g} "
                       f"{html.escape(unit)}</title>{mark_end(which)}\n")


def plot(title, panels, series, unit, ours):
    """`panels`: a title and rows each; `series`: their names, at most two."""
    columns = 2 if len(panels) in (2, 4) else min(len(panels), 3)
    lines = -(-len(panels) // columns)
    values = [value for _, rows in panels for _, all_of_it in rows for value in all_of_it if value]
    marks = ticks(min(values), max(values))
    width, height = LEFT + AXIS + RIGHT, TOP + BOTTOM + ROW * max(len(rows) for _, rows in panels)
    legend = LEGEND if len(series) > 1 else 0
    size = (width * columns, legend + height * lines)
    out = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}"'
            f' width="{size[0]}" height="{size[1]}">\n<title>{html.escape(title)}</title>\n'
        ),
        STYLE,
        '<rect class="ground" width="100%" height="100%"/>\n',
    ]
    for i, name in enumerate(series if legend else []):
        x = LEFT + 120 * i
        out.append(f'{mark(i, x, LEGEND - 20)}{mark_end(i)}<text x="{x + 12}" y="{LEGEND - 16}">'
                   f"{html.escape(name)}</text>\n")
    for i, (name, rows) in enumerate(panels):
        out.append(f'<g transform="translate({LEFT + width * (i % columns)} '
                   f'{legend + TOP + height * (i // columns)})">\n')
        out += panel(name, rows, marks, series, unit, ours)
        out.append("</g>\n")
    return "".join([*out, "</svg>\n"])
