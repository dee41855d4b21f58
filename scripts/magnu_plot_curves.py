"""Figures of a study without axes: those of the paper, or limits and spectra of any curves."""
import math
import re

from magnu_plot import (BESIDE, LINE, MOMENT, MOST_LINES, MOST_PANELS, REDUCED, STYLES, draw_level, level_words,
                        log_ticks, new_figure, plain, plain_log_ticks, set_margins, styles_of, widen, width_of)
from magnu_plot_bounds import add_references, draw_above, draw_lines
from magnu_plot_dots import MOST_ROWS, dots_figure
from magnu_plot_results import fraction, labels_of, scientific, words

MOST_CURVES = 8         # of delta chi^2 that can be told apart
FEW_SPECTRA = 6         # in panels with sides of their own
MOST_STEPS = 200        # bins that are drawn as steps: narrower ones would break the dashes


def draw_chi2(axes, rows, styles, labels, side, thin=False, **legend):
    """Delta chi^2 against mu for the curves of one panel, the confidence level (named at that side), the legend."""
    import numpy as np
    from matplotlib.lines import Line2D
    top = max([12.0] + [2 * row.delta_chi2 for row in rows])
    handles = []
    for row, (colour, dashes, marker), label in zip(rows, styles, labels):
        near = np.flatnonzero((row.chi2 > 1e-3 * top) & (row.chi2 < 1.5 * top))
        near = near[::max(1, len(near) // 300)]
        look = dict(color=colour, linestyle=dashes, linewidth=1 if thin else 2.2 if dashes == REDUCED[1] else 1.5)
        spot = dict(color=colour, marker=marker, markersize=5.5, markeredgecolor="white", markeredgewidth=0.5)
        axes.plot(row.mu[near], row.chi2[near], **look)
        label += draw_beyond(axes, row, 1.5 * top, **look)
        if math.isfinite(row.mu_eff_mu_B):
            at = np.interp(row.mu_eff_mu_B, row.mu, row.chi2) if math.isnan(row.delta_chi2) else row.delta_chi2
            axes.plot([row.mu_eff_mu_B], [at], linestyle="none", zorder=4, **spot)
        handles.append(Line2D([], [], label=f"{label}: {scientific(row.mu_eff_mu_B)}", **look | spot))
    levels = {(row.delta_chi2, row.confidence_level) for row in rows if row.delta_chi2 == row.delta_chi2}
    for level, share in sorted(levels):
        draw_level(axes, level, share, side)
    axes.set(xscale="log", ylim=(0, top), ylabel=r"$\Delta\chi^2$")
    every = math.ceil(len(handles) / MOST_LINES)
    if every > 1:
        legend["title"] = f"{len(handles)} curves, of which one in {every}:"
    return axes.legend(handles=handles[::every], alignment="left", **dict(
        loc="upper " + side, handlelength=2.25 if thin else 3.375, handletextpad=0.5, framealpha=1,
        borderaxespad=0.5, labelspacing=0.35) | legend)


def draw_beyond(axes, row, top, **look):
    """Where the scanned moments end within the panel, go on as the fourth power of the moment, thinner; returns what
    the legend says of it."""
    import numpy as np
    if not 0 < row.mu_eff_mu_B < math.inf or row.statistic == "poisson":        # whose profile is no power
        return ""
    ends = row.mu_eff_mu_B * (np.array([1e-3 * top, top]) / row.delta_chi2) ** 0.25
    parts = [(ends[0], min(row.mu[0], ends[1])), (max(row.mu[-1], ends[0]), ends[1])]
    parts = [(first, last) for first, last in parts if first < last]
    for first, last in parts:
        mu = np.geomspace(first, last, 100)
        axes.plot(mu, row.delta_chi2 * (mu / row.mu_eff_mu_B) ** 4, **{**look, "linewidth": 0.8})
    return " (thin: beyond the scan)" if parts else ""


def mu_range(rows, bounds):
    """The range of mu that shows limits and bounds, and the part of it that the curves take."""
    limits = [row.mu_eff_mu_B for row in rows if 0 < row.mu_eff_mu_B < math.inf]
    marks = [bound.mu_eff_mu_B for bound in bounds]
    ends = [mu * by for mu in limits for by in (1 / 2.2, 2.2)] + [mu * by for mu in marks for by in (1 / 1.6, 2)]
    low, high = (min(ends), max(ends)) if ends else (rows[0].mu[0] / 1.3, rows[0].mu[-1] * 1.3)
    widen = max(1, math.sqrt(10 * low / high))
    low, high = low / widen, high * widen
    return low, high, min(limits, default=high) * 0.85, max(limits, default=low) * 1.75


def limits_figure(grid, bounds, width, height):
    """Figures 3 to 5: a grid of lists of curves, one list a panel."""
    heights, columns = [height] * len(grid), len(grid[0])
    figure, panels = new_figure(width, heights, columns, left=0.48, sharex=True, sharey=True)
    everything = [row for line in grid for rows in line for row in rows]
    low, high, first, last = mu_range(everything, bounds)
    side = "left" if first / low > high / last else "right"
    share = 0
    for axes, rows in zip(panels.flat, sum(grid, [])):
        if not rows:
            axes.set_visible(False)
            continue
        free_styles = iter(STYLES * len(rows))
        styles = [REDUCED if row.sigma_scale < 1 else next(free_styles) for row in rows]
        title = words(rows[0], rows, True, ("exposure_tonne_year",) if len(rows) == 1 else ())
        box = draw_chi2(axes, rows, styles, labels_of(rows), side, title="\n".join(title))
        share = min(0.7, max(share, width_of(box, axes) + 0.03))
    if side == "left":      # leave room for the legend beside the curves
        low = min(low, high * (first / high) ** (1 / (1 - share)))
    else:
        high = max(high, low * (last / low) ** (1 / (1 - share)))
    for axes in panels.flat:
        axes.set_xlim(low, high)
        axes.label_outer()
    for axes in panels[-1]:
        axes.set_xlabel(MOMENT)
    for axes in panels.flat:
        draw_lines(axes, bounds, "x")
    flags, over = map(max, zip(*(draw_above(axes, bounds) for axes in panels[0])))
    beside = max(0.14, over)            # the panels stay as wide as they are
    set_margins(figure, width + (beside - 0.14) * (columns - 1), heights, columns, left=0.48, top=0.12 + flags,
                beside=beside)
    widen(figure, over + 0.05)
    add_references(figure, bounds)
    return figure


MAGNETIC = "Magnetic signal at the limit"


def magnetic_at_limit(row):
    """The extra signal in each bin at the curve's limit; none where nothing is excluded."""
    import numpy as np
    if not 0 < row.mu_eff_mu_B < math.inf:
        return None
    return np.array([b.magnetic for b in row.bins]) * (row.mu_eff_mu_B / 1e-11) ** 2


def draw_spectrum(axes, row, error_bars):
    """The signal of a curve with its sigma as a band, and its background as error bars; or that as a line, with the
    magnetic signal at the limit."""
    import numpy as np
    signal, background, sigma = (np.array([getattr(b, name) for b in row.bins])
                                 for name in ("signal", "background", "sigma"))
    magnetic = None if error_bars else magnetic_at_limit(row)
    edges = np.array([b.lower_keV for b in row.bins] + [row.bins[-1].upper_keV])

    def steps(values, **look):
        if len(row.bins) > MOST_STEPS:
            return axes.plot((edges[1:] + edges[:-1]) / 2, values, **look)[0]
        return axes.stairs(values, edges, baseline=None, **look)

    band = axes.stairs(signal + sigma, edges, baseline=np.maximum(signal - sigma, 0), fill=True, color="#56B4E9",
                       alpha=0.35, linewidth=0, label=r"$\pm\sigma$ of the $\chi^2$")
    handles = [steps(signal, color="#0072B2", linewidth=1.2, label="Standard Model signal")]
    if magnetic is not None:
        handles.append(steps(magnetic, color="#009E73", linewidth=1.6, linestyle=(0, (1, 1)), label=MAGNETIC))
    if error_bars:
        few = len(row.bins) <= 60
        handles.append(axes.errorbar((edges[1:] + edges[:-1]) / 2, signal, yerr=background, fmt="o", color="#D55E00",
                                     linewidth=1, markersize=3 if few else 1.5, capsize=2 if few else 0,
                                     label="Background (error bars)"))
    elif background.any():
        handles.append(steps(background, color="#D55E00", linewidth=1.2, linestyle=(0, (5, 1.5)), label="Background"))
    per, margin = "bin" if row.statistic != "density" else "keV", 0.02 * (edges[-1] - edges[0])
    axes.set(xlabel=f"{row.channel.capitalize()} recoil energy $E_r$ [keV]",
             ylabel=f"Signal [events/{per}]" if error_bars else f"Events per {per}",
             xlim=(edges[0] - margin, edges[-1] + margin), ylim=(0, None))
    if not error_bars and span_of([row])[1] > 10 * span_of([row])[0]:
        axes.set(yscale="log", ylim=span_of([row]))
        tick_decades(axes.yaxis)
    if not error_bars and not max(signal + sigma + background):
        axes.set(yticks=[], ylim=(0, 1))
        axes.text(0.5, 0.5, "no events", transform=axes.transAxes, ha="center", va="center")
    if not error_bars and edges[-1] > 20 * edges[0]:        # the magnetic signal rises as 1/E
        axes.set(xscale="log", xlim=(edges[0], edges[-1]))
        plain_log_ticks(axes.xaxis, edges[0], edges[-1])
    return handles + [band]


def tick_decades(side):
    """Ticks at each power of ten, and between, as long as there is room."""
    from matplotlib.ticker import LogLocator, NullFormatter
    side.set_major_locator(LogLocator(numticks=8))
    side.set_minor_locator(LogLocator(subs=range(2, 10), numticks=8))
    side.set_minor_formatter(NullFormatter())


def span_of(rows):
    """The range of a logarithmic side that shows what is drawn of spectra, without what is far below the rest."""
    values = []
    for row in rows:
        values += [value for b in row.bins for value in (b.signal, b.background, b.signal + b.sigma)]
        magnetic = magnetic_at_limit(row)
        values += [] if magnetic is None else [value for value in magnetic if value > 1e-3 * max(magnetic)]
    values = [value for value in values if value > 0]
    high = max(values, default=1)
    return max(min(values, default=1), 1e-6 * high) / 1.5, 1.5 * high


def spectra_figure(grid, width, height):
    """Figures 1 and 2: a grid of toy signals."""
    figure, panels = new_figure(width, [height] * len(grid), len(grid[0]), top=0.55, gap=0.32, sharey="row",
                                sharex="col")
    ends = []
    for axes, row in zip(panels.flat, sum(grid, [])):
        if row is None:
            axes.set_visible(False)
            continue
        handles = draw_spectrum(axes, row, True)
        ends += axes.get_xlim()
        axes.set_title(", ".join(words(row, [row], True, ("channel", "sigma_scale"))), fontsize=8, pad=4)
    for axes in panels.flat:
        axes.set(xlim=(min(ends), max(ends)), ylim=(0, None))
        axes.label_outer()
    figure.align_ylabels()
    figure.legend(handles=handles, loc="upper center", ncol=3, frameon=False, borderaxespad=0.3)
    return figure


def in_grid(rows, pick):
    """Arrange curves by threshold (rows) and background (columns, largest fraction first)."""
    thresholds = sorted({row.threshold_keV for row in rows})
    backgrounds = list(dict.fromkeys(row.background for row in sorted(rows, key=lambda row: -(fraction(row) or 0))))
    return [[pick([row for row in rows if (row.threshold_keV, row.background) == (threshold, background)])
             for background in backgrounds] for threshold in thresholds]


def paper_figures(limits, bounds):
    """Yield (name, figure) for the figures of the paper that the study has curves for."""
    of = {n: [] for n in range(1, 6)}
    for row in limits:
        number = re.match(r"fig([1-5])(?:[ :]|$)", row.curve)
        if number:
            of[int(number[1])].append(row)
    one = of[1] or [row for row in of[3] if row.exposure_tonne_year == min(r.exposure_tonne_year for r in of[3])]
    if one:
        grid = in_grid(one, lambda rows: rows[0] if rows else None)
        yield "figure1", spectra_figure(grid, max(4.5, 0.4 + 3.3 * len(grid[0])), 2.3)
    if of[2]:
        yield "figure2", spectra_figure([[row] for row in of[2]], 5, 2.9)
    if of[3]:
        grid = in_grid(of[3], list)
        yield "figure3", limits_figure(grid, bounds, max(5, 0.4 + 3.3 * len(grid[0])), 2.3)
    if of[4]:
        thresholds = sorted({row.threshold_keV for row in of[4]})
        grid = [[[row for row in of[4] if row.threshold_keV == threshold]] for threshold in thresholds]
        yield "figure4", limits_figure(grid, bounds, 6, 2.5)
    if of[5]:
        yield "figure5", limits_figure([[of[5]]], bounds, 6, 3.2)


def chi2_figure(groups, bounds, study):
    """Delta chi^2 over the moment, a panel for each channel."""
    heights = [max(2.6, 0.3 + LINE * len(rows)) for rows in groups]
    alone = all(len(rows) == 1 for rows in groups)      # one curve a panel: its legend fits inside
    width, layout = 6 if alone else 7.5, dict(right=0.15 if alone else 3.65, top=0.5, gap=0.72)
    figure, panels = new_figure(width, heights, **layout)
    flags, beside, over = [], 0, 0
    for axes, rows in zip(panels.flat, groups):
        legend = draw_chi2(axes, rows, styles_of(len(rows)), [plain(row.curve, 34) for row in rows], "right",
                  **({"loc": "upper left"} if alone else BESIDE), labelspacing=0.25)
        axes.set(xlim=mu_range(rows, [])[:2], xlabel=MOMENT)
        log_ticks(axes.xaxis, *axes.get_xlim())
        draw_lines(axes, bounds, "x")
        if not alone:
            beside = max(beside, (0.02 + width_of(legend, axes)) * axes.bbox.width / figure.dpi)
        above, right = draw_above(axes, bounds)
        flags.append(above)
        over = max(over, right)
        if not any(0 < row.mu_eff_mu_B < math.inf for row in rows):
            axes.text(0.5, 0.6, "nothing excluded", transform=axes.transAxes, ha="center", va="center",
                      bbox=dict(color="white", pad=2))
        axes.annotate(f"{plain(rows[0].channel).capitalize()} recoils", (0.5, 1), xycoords="axes fraction", ha="center",
                      xytext=(0, 72 * flags[-1] + 4), textcoords="offset points")
    if not alone:
        width, layout["right"] = width - layout["right"] + beside + 0.15, beside + 0.15
    layout["top"] += flags[0]
    layout["gap"] += max(flags)
    set_margins(figure, width, heights, 1, left=0.6, **layout)
    widen(figure, over + 0.1)
    figure.suptitle(plain(study), fontsize=9, y=1 - 0.08 / figure.get_figheight(), va="top")
    add_references(figure, bounds)
    return figure


def dot_figure(groups, bounds, study):
    """The limits of many curves, a row for each."""
    most = max(1, MOST_ROWS // len(groups))
    count, kept = sum(map(len, groups)), sum(min(len(rows), most) for rows in groups)
    levels = sorted({row.confidence_level for rows in groups for row in rows})
    title = [plain(study) + (f": limits at {level_words(levels[0])}" if len(levels) == 1 else "")]
    title += [f"the first {most} curves of each channel, {kept} of {count}"] if kept < count else []

    def label(row):
        return plain(row.curve, 34) + ("" if len(levels) == 1 else f", {level_words(row.confidence_level)}")

    listed = [(f"{plain(rows[0].channel).capitalize()} recoils",
               [(label(row), row.mu_eff_mu_B, scientific(row.mu_eff_mu_B)) for row in rows[:most]]) for rows in groups]
    return dots_figure(listed, MOMENT, title, bounds, "nothing excluded", True)


def spectra_of_curves(limits, study):
    """The spectra of a study, a panel for each curve: small ones that share their sides where there are many."""
    shown = limits[:MOST_PANELS]
    many = len(shown) > FEW_SPECTRA
    together = many and len({(row.channel, row.statistic, row.bins[0].lower_keV, row.bins[-1].upper_keV)
                             for row in shown}) == 1
    columns = min(4 if many else 3, len(shown))
    heights = [1.25 if together else 1 if many else 1.6] * math.ceil(len(shown) / columns)
    width = 7.2 if together else 7.8 if many else max(4.5, 2.6 * columns)
    figure, panels = new_figure(width, heights, columns, top=0.9 if width > 6 else 1.08,
                                gap=0.4 if together else 0.62 if many else 0.76,
                                beside=0.1 if together else 0.46 if many else 0.62)
    for axes in panels.flat[len(shown):]:
        axes.set_visible(False)
    handles = {}
    for at, (axes, row) in enumerate(zip(panels.flat, shown)):
        handles |= {handle.get_label(): handle for handle in draw_spectrum(axes, row, False)}
        limit = ("limit " if math.isfinite(row.mu_eff_mu_B) else "") + scientific(row.mu_eff_mu_B)
        axes.set_title(f"{plain(row.curve, 30 if together else 34)}\n{limit}", fontsize=7, pad=3, linespacing=1.1)
        if many and not together:       # small: short words below, and what is counted once a row
            axes.set_xlabel(f"{row.channel.capitalize()} $E_r$ [keV]", fontsize=7, labelpad=1)
            same = len({other.statistic for other in shown}) == 1 and at % columns
            axes.set_ylabel("" if same else axes.get_ylabel(), fontsize=7)
            axes.tick_params(labelsize=7)
        if together:
            axes.set(yscale="log", ylim=span_of(shown))
            tick_decades(axes.yaxis)
            axes.tick_params(labelleft=at % columns == 0, labelbottom=at + columns >= len(shown))
            axes.set_ylabel(axes.get_ylabel() if at % columns == 0 else "", fontsize=8)
            axes.set_xlabel("")
    if together:
        bottom, left, right = (getattr(figure.subplotpars, side) for side in ("bottom", "left", "right"))
        unit = panels[0][0].get_figure().get_figheight()
        figure.text((left + right) / 2, bottom - 0.3 / unit, ha="center", va="top", fontsize=9,
                    s=f"{shown[0].channel.capitalize()} recoil energy $E_r$ [keV]")
    note = "" if len(shown) == len(limits) else f" (the first {len(shown)} of {len(limits)} curves)"
    figure.suptitle(plain(study) + note, fontsize=9, y=1 - 0.08 / figure.get_figheight(), va="top")
    order = [label for label in ("Standard Model signal", MAGNETIC) if label in handles]
    order += [label for label in handles if label not in order]
    figure.legend(handles=[handles[label] for label in order], loc="upper center", ncol=4 if width > 6 else 2,
                  frameon=False, borderaxespad=0, bbox_to_anchor=(0.5, 1 - 0.25 / figure.get_figheight()))
    return figure


def generic_figures(limits, bounds, study):
    """Yield (name, figure) for a study that is not the paper's."""
    channels = dict.fromkeys(row.channel for row in limits)
    groups = [[row for row in limits if row.channel == channel] for channel in channels]
    draw = dot_figure if max(map(len, groups)) > MOST_CURVES else chi2_figure
    yield "limits", draw(groups, bounds, study)
    # A joint fit has the spectra of its curves.
    yield "spectra", spectra_of_curves([row for row in limits if row.bins], study)


def figures(limits, bounds, study):
    """Yield (name, figure): the paper's where curves are named after them."""
    if any(re.match(r"fig[1-5](?:[ :]|$)", row.curve) for row in limits):
        return paper_figures(limits, bounds)
    return generic_figures(limits, bounds, study)
