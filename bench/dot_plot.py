"""A plot of dots on a logarithmic axis, a row for each subject. All panels have the same axis, so
that they can be compared."""

import svg_figure

MARKS = (("o", "#0b69b7"), ("D", "#c2500a"))
ROW, PANEL = 0.24, 4.6  # inches


def panel(axes, title, rows, series, unit, ours):
    """`rows`: a name, and for each series a value or None."""
    for which, (marker, colour) in enumerate(MARKS[:len(series)]):
        dots = [(values[which], y) for y, (_, values) in enumerate(rows) if values[which]]
        axes.scatter(*zip(*dots), marker=marker, color=colour, s=36, label=series[which],
                     zorder=2 - which)
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.set_xlabel(f"{unit} (log scale)", fontsize=9)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize=9)
    for label in axes.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() == ours else "normal")
    axes.grid(axis="x", color="#e4e7eb", linewidth=0.6)


def plot(title, panels, series, unit, ours):
    """`panels`: a title and rows each; `series`: their names, at most two. Returns the SVG."""
    columns = 2 if len(panels) in (2, 4) else min(len(panels), 3)
    lines = -(-len(panels) // columns)
    height = (ROW * max(len(rows) for _, rows in panels) + 1) * lines + 0.4
    figure, axes = svg_figure.pyplot().subplots(lines, columns, sharex=True, squeeze=False,
                                                figsize=(PANEL * columns, height))
    for place, (name, rows) in zip(axes.flat, panels):
        panel(place, name, rows, series, unit, ours)
    for place in axes.flat[len(panels):]:
        place.set_visible(False)
    figure.suptitle(title, fontsize=12)
    if len(series) > 1:
        figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="upper right", frameon=False)
    figure.tight_layout()
    return svg_figure.text_of(figure)
