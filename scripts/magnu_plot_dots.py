"""Dot plots: one number for each detector, a row each."""
import math

from magnu_plot import LINE, new_figure, plain_log_ticks, set_margins, widen
from magnu_plot_bounds import add_references, draw_above, draw_lines

ROW = 0.19              # height of a row, in inches
MOST_ROWS = 60


def frame_of(values, bounds, log):
    """The range that shows the values, and those bounds that are within a factor of ten of them."""
    low, high = min(values), max(values)
    near = [bound.mu_eff_mu_B for bound in bounds if low / 10 <= bound.mu_eff_mu_B <= high * 10]
    low, high = min([low, *near]), max([high, *near])
    if log:
        room = max(1.25, (high / low) ** 0.06)
        return low / room, high * room
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1
    return low - room, high + room


def dots_figure(groups, label, title=(), bounds=(), nothing="none", log=None, ends=()):
    """A row of each group, (name, value, value in words), in a panel for each group, (heading, rows); ends: what the
    frame spans at least."""
    values = [value for _, rows in groups for _, value, _ in rows if math.isfinite(value)]
    values = (values or [bound.mu_eff_mu_B for bound in bounds]) + list(ends)
    if log is None:
        log = bool(values) and min(values) > 0 and max(values) > 3 * min(values)
    heights = [ROW * len(rows) for _, rows in groups]
    heading = 0.2 if any(name for name, _ in groups) else 0
    figure, panels = new_figure(6.5, heights, sharex=True)
    low, high = frame_of(values, bounds, log) if values else (0, 1)
    left = right = 0
    for axes, (name, rows) in zip(panels.flat, groups):
        axes.set(xscale="log" if log else "linear", xlim=(low, high), ylim=(len(rows) - 0.5, -0.5))
        axes.set_yticks(range(len(rows)), [text for text, _, _ in rows])
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", which="both", labelbottom=axes is panels[-1][0], top=True)
        for y, (_, value, words) in enumerate(rows):
            known = math.isfinite(value)
            axes.axhline(y, color="0.85", linewidth=0.6, zorder=0.4)
            axes.text(1.015, y, words if known else nothing, transform=axes.get_yaxis_transform(), va="center")
            if not known:
                axes.axhspan(y - 0.3, y + 0.3, facecolor="0.93", edgecolor="0.6", hatch="////", linewidth=0, zorder=0.6)
        known = [(value, y) for y, (_, value, _) in enumerate(rows) if math.isfinite(value)]
        axes.plot(*zip(*known) if known else ([], []), "o", color="#0072B2", markersize=5, zorder=4)
        draw_lines(axes, bounds, "x")
        renderer, dpi = figure.canvas.get_renderer(), figure.dpi
        left = max([left] + [text.get_window_extent(renderer).width / dpi for text in axes.get_yticklabels()])
        right = max([right] + [text.get_window_extent(renderer).width / dpi for text in axes.texts])
        if name:
            axes.set_title(name, fontsize=8, pad=4, loc="left")
    if log:
        for axes in panels.flat:
            plain_log_ticks(axes.xaxis, low, high)
    elif not values:
        panels[-1][0].set_xticks([])
    panels[-1][0].set_xlabel(label)
    top = 0.1 + 1.2 * LINE * len(title) + heading
    layout = dict(left=left + 0.2, right=right + 0.2, bottom=0.5, gap=0.12 + heading)
    width = 4 + layout["left"] + layout["right"]
    set_margins(figure, width, heights, top=top, columns=1, **layout)
    if values and bounds:
        first = panels[0][0]
        flags, over = draw_above(first, bounds)
        if heading and flags:   # the heading stands over the flags
            first.set_title("", loc="left")
            first.annotate(groups[0][0], (0, 1), xycoords="axes fraction", xytext=(0, 72 * flags + 5),
                           textcoords="offset points")
        set_margins(figure, width, heights, top=top + flags + 0.06, columns=1, **layout)
        widen(figure, over + 0.1)
    for at, text in enumerate(title):
        figure.text(0.5, 1 - (0.08 + 1.2 * LINE * at) / figure.get_figheight(), text, fontsize=8 if at else 9,
                    ha="center", va="top")
    if values:
        add_references(figure, bounds)
    return figure
