"""The plots of docs/semantics.md: latency, age, loads and cold starts of each strategy, and an
outage of the source."""

import dot_plot
import svg_figure

OURS = "after"
COLOURS = {"nothing": ("#8c959f", "--"), "ttl": ("#c2500a", ":"), "foreground": ("#1a7f37", "-."),
           OURS: ("#0b69b7", "-")}
PATIENT = "one environment"


def panels_of(cases):
    """The arrivals and environments of each panel: a line of panels for each number of
    environments."""
    seen = dict.fromkeys(case[:2] for case in cases)
    return sorted(seen, key=lambda panel: panel[1] != PATIENT)


def dots(cases, names, title, fields, unit):
    panels = [(f"{pattern}; {limit}",
               [(name, [cases[pattern, limit, strategy][field] for field in fields]
                 if (pattern, limit, strategy) in cases else [None, None])
                for strategy, name in names.items()])
              for pattern, limit in panels_of(cases)]
    return dot_plot.plot(title, panels, ("median", "99th percentile"), unit, names[OURS])


def bars(cases, names, title, field):
    panels = panels_of(cases)
    figure, axes = svg_figure.pyplot().subplots(2, len(panels) // 2,
                                                figsize=(13.8, 3.8))
    for place, (pattern, limit) in zip(axes.flat, panels, strict=True):
        for y, strategy in enumerate(names):
            found = cases.get((pattern, limit, strategy))
            if found:
                place.barh(y, found[field], color=COLOURS[strategy][0], height=0.6)
            text = f" {found[field]:,.0f}" if found else " overloaded"
            place.text(found[field] if found else 0, y, text, va="center", fontsize=9)
        place.set_title(f"{pattern}; {limit}", fontsize=10, loc="left")
        place.set_ylim(len(names) - 0.5, -0.5)
        place.set_yticks(range(len(names)), names.values(), fontsize=9)
        for label in place.get_yticklabels():
            label.set_fontweight("bold" if label.get_text() == names[OURS] else "normal")
        most = max((cases[pattern, limit, strategy][field] for strategy in names
                    if (pattern, limit, strategy) in cases), default=0)
        place.set_xlim(0, max(1, most) * 1.15)
        place.grid(axis="x", color="#e4e7eb", linewidth=0.6)
    figure.suptitle(title, fontsize=12)
    figure.tight_layout()
    return svg_figure.text_of(figure)


def outage_lines(outage, names):
    figure, (ages, errors) = svg_figure.pyplot().subplots(2, 1, sharex=True, figsize=(9.2, 5.2))
    for strategy, name in names.items():
        rows = [row for row in outage if row["strategy"] == strategy]
        colour, line = COLOURS[strategy]
        style = {"color": colour, "linestyle": line, "label": name,
                 "linewidth": 2.2 if strategy == OURS else 1.4}
        served = [(row["minute"], row["age_most_s"] / 60) for row in rows
                  if row["age_most_s"] != ""]
        # A line does not cross the minutes in which nothing was served.
        parts = [[point for point in served if point[0] < 45],
                 [point for point in served if point[0] >= 45]]
        whole = len(served) == len(rows)
        for number, part in enumerate([served] if whole else parts):
            if part:
                ages.plot(*zip(*part), **{**style, "label": name if number == 0 else None})
        errors.plot([row["minute"] for row in rows],
                    [100 * row["errors"] / row["calls"] for row in rows], **style)
    for axes, label in ((ages, "oldest value served, minutes"), (errors, "calls failed, per cent")):
        axes.axvspan(15, 75, color="#f6f8fa", zorder=0)
        axes.set_ylabel(label, fontsize=9)
        axes.grid(color="#e4e7eb", linewidth=0.6)
    errors.set_xlabel("minutes; the source is down from 15 to 75", fontsize=9)
    figure.suptitle("An hour without the source", fontsize=12)
    ages.legend(loc="upper left", frameon=False, fontsize=9)
    figure.tight_layout()
    return svg_figure.text_of(figure)


def plots(cases, outage, names):
    """The SVG of each plot, by its name. `cases` are the medians by arrivals, environments and
    strategy."""
    return {
        "latency": dots(cases, names, "From a call's arrival to its answer", ("p50_ms", "p99_ms"),
                        "milliseconds"),
        "age": dots(cases, names, "Age of the value that was served",
                    ("age_p50_ms", "age_p99_ms"), "milliseconds"),
        "loads": bars(cases, names, "Requests to the source", "loads"),
        "cold_starts": bars(cases, names, "Environments started", "cold_starts"),
        "outage": outage_lines(outage, names),
    }
