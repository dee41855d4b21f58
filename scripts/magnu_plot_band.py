"""Limits of a likelihood along an axis: observed, and expected of data without signal with their bands."""

ONE, TWO = "#00CC00", "#FFCC00"     # green and yellow, as bands of 1 and 2 standard deviations are drawn
BAR = 0.3               # half the width of what is drawn over a word


def moments_of(limits):
    """All moments that a figure of lines shows; of a band not its lower edge, which may be 0."""
    import numpy as np
    shown = [limits.mu.ravel()]
    if limits.band:
        shown += [limits.band.lower, *limits.band.expected[1:]]
        shown += [] if limits.band.exact is None else [limits.band.exact]
    shown = np.concatenate(shown)
    return shown[np.isfinite(shown) & (shown > 0)]


def draw_line(axes, at, mu, numeric, **look):
    """A line over numbers; over words a piece above each. Returns the handle for the legend."""
    if numeric:
        return axes.plot(at, mu, **look)[0]
    from matplotlib.lines import Line2D
    axes.hlines(mu, at - BAR, at + BAR, colors=look["color"], linestyles=look["linestyle"], linewidth=look["linewidth"],
                zorder=look["zorder"])
    return Line2D([], [], **look)


def draw_between(axes, at, low, high, numeric, **look):
    """A band over numbers; over words a bar above each. Returns the handle for the legend."""
    from matplotlib.patches import Patch
    if numeric:
        axes.fill_between(at, low, high, linewidth=0, **look)
    else:
        axes.use_sticky_edges = False               # room below the bars
        axes.bar(at, high - low, 2 * BAR, low, linewidth=0, **look)
    return Patch(**look)


def draw_band(axes, at, band, numeric, texts):
    """What is expected and, where there are counts, observed; returns handles for the legend."""
    name = texts[band.row] if len(texts) > 1 else ""
    line, handles = dict(color="black", zorder=3), []
    if band.observed:
        handles.append(draw_line(axes, at, band.mu, numeric, label="observed", linestyle="-", linewidth=1.5, **line))
    if band.observed and (band.lower == band.lower).any():
        handles.append(draw_line(axes, at, band.lower, numeric, label="observed, lower limit", linestyle=(0, (1, 1)),
                                 linewidth=1.5, **line))
    m2, m1, middle, p1, p2 = band.expected
    handles.append(draw_line(axes, at, middle, numeric, label="expected", linestyle=(0, (4.5, 2.25)), linewidth=1.2,
                             **line))
    two = draw_between(axes, at, m2, p2, numeric, color=TWO, zorder=0.8, label=r"expected, $\pm2\sigma$")
    handles += [draw_between(axes, at, m1, p1, numeric, color=ONE, zorder=0.9, label=r"expected, $\pm1\sigma$"), two]
    if band.exact is not None:
        handles.append(draw_line(axes, at, band.exact, numeric, label="expected, without\nuncertainties",
                                 linestyle="-", linewidth=0.7, color="#0072B2", zorder=2.9))
    if name:
        from matplotlib.lines import Line2D
        handles.insert(0, Line2D([], [], linestyle="none", label=name))
    return handles


def put_inside(axes, handles, at, limits):
    """A legend in the first corner where it covers neither lines nor bands, or None."""
    import numpy as np
    lines = np.vstack([limits.mu, limits.band.lower, limits.band.expected[0], limits.band.expected[4]])
    if limits.band.exact is not None:
        lines = np.vstack([lines, limits.band.exact])
    low, high = axes.get_ylim()
    lines = np.clip(np.where(lines == lines, lines, limits.band.expected[2]), low, high)
    left, right = axes.get_xlim()
    x = np.geomspace(left, right, 200) if axes.get_xscale() == "log" else np.linspace(left, right, 200)
    ends = [np.interp(x, at, end) for end in (lines.min(axis=0), lines.max(axis=0))]
    spots = [axes.transData.transform(np.column_stack([x, end])) for end in ends]
    for corner in ("upper right", "upper left", "lower left", "lower right"):
        legend = axes.legend(handles=handles, loc=corner, framealpha=1, borderaxespad=0.6, labelspacing=0.3,
                             alignment="left")
        legend.set_zorder(6)
        box = legend.get_window_extent(axes.figure.canvas.get_renderer()).padded(3)
        within = (spots[0][:, 0] > box.x0) & (spots[0][:, 0] < box.x1)
        if not ((spots[0][within, 1] < box.y1) & (spots[1][within, 1] > box.y0)).any():
            return legend
    legend.remove()
    return None
