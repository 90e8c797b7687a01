"""Figures as SVG, drawn by matplotlib, with texts as text, without external resources, and with the
same bytes each time. matplotlib is imported when a figure is drawn, because measuring does not need
it."""

import io


def pyplot():
    # pylint: disable=import-outside-toplevel
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "scopecache",
                                "font.family": "sans-serif", "text.parse_math": False})
    from matplotlib import pyplot as plot
    return plot


def text_of(figure):
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
