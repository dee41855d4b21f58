"""Limits by the asymptotic formulae beside those of toys: how far off they are, and what their intervals cover."""
import math
import warnings

from magnu_plot import put_beside, styles_of
from magnu_plot_axes import FEW, break_words, finer, hatching, scale_axis, start_figure
from magnu_plot_grid import title_of

EXCESS = "Asymptotic limit\n/ toys $-$ 1 [%]"
MOST_BANDS = 11         # of colours
COLOURS = "RdBu"        # red where the asymptotic interval is too short


def errors_of(formulae):
    """Standard deviations of the coverage in per cent, from the number of toys; nan where that is not known."""
    import numpy as np
    return 100 * np.sqrt(formulae.coverage * (1 - formulae.coverage) / formulae.toys)


def quantities(formulae):
    """The excess of the asymptotic limits and their coverage, both in per cent: the name of each, its value where the
    formulae hold, the deviations from that."""
    import numpy as np
    level, off = formulae.level, formulae.coverage - formulae.level
    one = bool((level == level.flat[0]).all())
    middle = 100 * float(level.flat[0]) if one else 0
    name = "Asymptotic\ncoverage [%]" if one else "Asymptotic\ncoverage $-$ CL [%]"
    return [(EXCESS, 0, 100 * formulae.excess), (name, middle, 100 * np.round(off, 12))]


def bands_of(deviations, least=0):
    """Centres and edges of bands of colours that hold all deviations, one of them around 0; none narrower than that."""
    import numpy as np
    finite = deviations[np.isfinite(deviations)]
    low, high = finite.min(initial=0), finite.max(initial=0)
    steps = (digit * 10.0 ** power for power in range(-2, 9) for digit in (1, 2, 5))
    step = next(step for step in steps if step >= least and (high - low) / step < MOST_BANDS - 1)
    first, last = math.floor(low / step + 0.5), math.ceil(high / step - 0.5)
    first, last = min(first, -1), max(last, 1)
    return step * np.arange(first, last + 1), step * (np.arange(first, last + 2) - 0.5)


def draw_map(axes, limits, field, bands):
    """One quantity over two axes; returns what its colour bar shows, or None."""
    import numpy as np
    from matplotlib.colors import Normalize
    scale_axis(axes, "x", limits.x)
    scale_axis(axes, "y", limits.y)
    axes.tick_params(which="both", top=True, right=True)
    if not np.isfinite(field).all():
        axes.add_patch(hatching(transform=axes.transAxes, zorder=0))
    if not np.isfinite(field).any():
        axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", va="center",
                  bbox=dict(color="white", pad=2))
        return None
    from matplotlib.collections import Collection
    _, edges = bands
    most = np.abs(edges).max()
    fill = axes.contourf(*finer(field, axes, limits), edges, cmap=COLOURS, norm=Normalize(-most, most))
    for part in [fill] if isinstance(fill, Collection) else fill.collections:      # one since matplotlib 3.8
        part.set(edgecolor="face", linewidth=0.2)       # no seams in the PDF
    return fill


def map_figure(limits):
    """Two maps beside each other for each curve."""
    import numpy as np
    formulae, shown = limits.formulae, quantities(limits.formulae)
    blank = any((np.isnan(fields).any(axis=(1, 2)) > np.isnan(fields).all(axis=(1, 2))).any() for _, _, fields in shown)
    rows, each, beside, left, right = len(formulae.labels), 2.4, 0.95, 0.62, 0.85
    figure, panels = start_figure(limits, left + 2 * each + beside + right, [2.2 if rows < 4 else 1.75] * rows, 2,
                                  any(formulae.labels), left=left, right=right, bottom=0.72 if blank else 0.5, gap=0.32,
                                  beside=beside)
    for column, (name, middle, fields) in enumerate(shown):
        bands = bands_of(fields, np.nanmax(errors_of(formulae), initial=0) if column else 0)
        for row, (label, field) in enumerate(zip(formulae.labels, fields)):
            axes = panels[row][column]
            fill = draw_map(axes, limits, field, bands)
            axes.set_title(label, fontsize=8, pad=4)
            axes.set(xlabel=title_of(limits.x) if row == rows - 1 else "", ylabel="" if column else title_of(limits.y))
            axes.tick_params(labelbottom=row == rows - 1, labelleft=not column)
            if fill:
                bar = figure.colorbar(fill, cax=axes.inset_axes([1 + 0.08 / each, 0, 0.12 / each, 1]))
                bar.set_ticks(bands[0], labels=[f"{middle + value:.6g}".replace("-", "\u2212") for value in bands[0]])
                bar.ax.tick_params(labelsize=7, length=0)
                bar.set_label(name.replace("\n", " "), fontsize=8 if rows < 4 else 7)
    if blank:
        figure.legend(handles=[hatching(label="not known")], loc="lower left", frameon=False, borderaxespad=0.2,
                      fontsize=7)
    return figure


def line_figure(limits):
    """The two over one axis, one below the other, a line for each curve."""
    import numpy as np
    formulae, x, labels = limits.formulae, limits.x, limits.formulae.labels
    words, upright, below = ([], False, 0.155) if x.numeric else break_words(x.values)
    figure, panels = start_figure(limits, 4.2, [1.6, 1.6], 1, False, left=0.72, bottom=0.35 + below, gap=0.07,
                                  sharex=True)
    at = x.values if x.numeric else np.arange(len(words))
    errors, handles = errors_of(formulae), []
    for axes, (name, middle, fields) in zip(panels[:, 0], quantities(formulae)):
        axes.axhline(middle, color="0.4", linewidth=0.8, zorder=1)
        for row, (field, (colour, dashes, marker)) in enumerate(zip(fields, styles_of(len(labels)))):
            place = at if x.numeric else at + 0.5 * ((row + 0.5) / len(labels) - 0.5)
            look = dict(color=colour, linestyle=dashes if x.numeric else "none", linewidth=1.4, markersize=5,
                        marker=marker if len(at) <= FEW else None, markeredgecolor="white", markeredgewidth=0.5)
            line, = axes.plot(place, middle + field, label=labels[row], zorder=3, **look)
            handles += [line] if axes is panels[0, 0] else []
            if axes is panels[1, 0]:
                axes.errorbar(place, middle + field, yerr=errors[row], fmt="none", color=colour, elinewidth=0.8,
                              zorder=2)
        axes.set_ylabel(name, fontsize=8)
        axes.tick_params(which="both", top=x.numeric)
        axes.ticklabel_format(axis="y", useOffset=False)
    if x.numeric:
        scale_axis(axes, "x", x)
        for panel in panels[:, 0]:      # of both, whose sides are one
            panel.update_datalim([(end, 1) for end in x.ends], updatey=False)
            panel.margins(x=0.03)
            panel.autoscale(axis="x")
    else:
        axes.set_xticks(at, words, rotation=90 if upright else 0)
        axes.set_xlim(-0.5, len(at) - 0.5)
    axes.set_xlabel(title_of(x))
    figure.align_ylabels()
    if len(labels) > 1:
        put_beside(panels[0, 0], handles)
    return figure


def figures(limits):
    """Yield (name, figure)."""
    if limits.formulae:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")         # of matplotlib, of contours where values are missing
            yield "asymptotics" + limits.suffix, map_figure(limits) if limits.y else line_figure(limits)
