"""What `magnu fit` found: the profile over the moment, and data with the fit in the bins."""
import itertools
import json
import math
import os
import re
from statistics import NormalDist

from magnu_plot import Failure, LINE, level_words, new_figure, new_pairs, plain, plain_log_ticks, raise_top, styles_of
from magnu_plot_belt import belt_figure, has_belt
from magnu_plot_pulls import correlation_figure, pulls_figure
from magnu_plot_results import read_table, scientific

BINS = dict(detector=str, lower_keV=float, upper_keV=float, counts=float, fit=float, fit_without_moment=float,
            moment_at_limit=float)
PROFILES = dict(detector=str, mu_eff_mu_B=float, t=float)
BELT = {name: float for name in ("mu_eff_mu_B", "t", "critical", "critical_low", "critical_high", "asymptotic_critical",
                                 "asymptotic_coverage", "p_value", "p_background")} | dict(detector=str)
OPTIONAL = dict(bins=dict(curve=str))       # not in results of older programs
MOST_PROFILES = 7       # lines that can be told apart
MOST_DETECTORS = 6      # that have figures of their own
COLUMN = 3.5            # width of a figure, in inches: that of a column
MANY_BINS = 60          # with smaller marks
TESTS = {"two-sided": "two-sided", "upper": "one-sided", "cls": "CL$_s$", "feldman-cousins": "Feldman-Cousins"}


def read_fit(folder, asked=None):
    """The fits in a folder: name of the study, a record for each detector (with `asked` in its name)."""
    path = os.path.join(folder, "fit.json")
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        study, fits = str(content["study"]), {fit["detector"]: fit for fit in content["detectors"]}
        fits = {name: dict(fit, bins=[], profile=[], belt=[], name=name) for name, fit in fits.items()}
    except OSError as error:
        raise Failure(2, f"{path}: cannot read: {error.strerror}")
    except (ValueError, KeyError, TypeError):
        raise Failure(2, f"{path}: not the fits of a study of magnu")
    tables = [("fitted_bins.csv", BINS, "bins"), ("profiles.csv", PROFILES, "profile"), ("belt.csv", BELT, "belt")]
    for name, columns, key in tables[:3 if any("toys" in fit for fit in fits.values()) else 2]:
        for row in read_table(os.path.join(folder, name), columns, may_be_empty=True, optional=OPTIONAL.get(key)):
            if row.detector in fits:
                fits[row.detector][key].append(row)
    kept = [fit for name, fit in fits.items() if asked is None or asked in name]
    if not kept:
        raise Failure(2, f"--detector {asked}: none in {path}; there are {', '.join(list(fits)[:8])}")
    return study, kept


def thresholds(level):
    """The values of t at a confidence level: two-sided and one-sided."""
    normal = NormalDist()
    return normal.inv_cdf((1 + level) / 2) ** 2, normal.inv_cdf(level) ** 2


def count_errors(counts):
    """How far the central 68.3 % interval of a Poisson mean reaches below and above the counts; to 1 %, after
    N. Gehrels, ApJ 303 (1986) 336."""
    import numpy as np
    more = counts + 1
    upper = more * (1 - 1 / (9 * more) + 1 / (3 * np.sqrt(more))) ** 3
    some = np.maximum(counts, 1)
    lower = np.where(counts > 0, some * (1 - 1 / (9 * some) - 1 / (3 * np.sqrt(some))) ** 3, 0)
    return counts - lower, upper - counts


def residuals(data, fit):
    """Data less fit in units of the root of the fit; nan where nothing is expected."""
    import numpy as np
    return np.divide(data - fit, np.sqrt(np.maximum(fit, 0)), out=np.full(len(fit), np.nan), where=fit > 0)


def title_above(figure, lines, handles=(), columns=1):
    """A title, and below it a legend, over the panels; the figure grows as high and wide as they take."""
    renderer = figure.canvas.get_renderer()
    more = 0.06 + 1.2 * LINE * len(lines)
    legend = None
    if handles:
        legend = figure.legend(handles=handles, loc="upper center", ncol=columns, frameon=False, borderaxespad=0,
                               labelspacing=0.3, columnspacing=1.2, handlelength=2.2, borderpad=0.2)
        height = legend.get_window_extent(renderer).height / figure.dpi
    raise_top(figure, more + (height if handles else 0))
    tall = figure.get_figheight()
    for at, text in enumerate(lines):
        figure.text(0.5, 1 - (0.06 + 1.2 * LINE * at) / tall, text, fontsize=8 if at else 9, ha="center", va="top")
    if legend:
        legend.set_bbox_to_anchor((0.5, 1 - more / tall))
    above = [part.get_window_extent(renderer).width for part in [*figure.texts, *figure.legends]]
    need, wide, place = max(above) / figure.dpi + 0.12, figure.get_figwidth(), figure.subplotpars
    if need > wide:
        figure.set_figwidth(need)
        figure.subplots_adjust(left=place.left * wide / need, right=1 - (1 - place.right) * wide / need)


def names_of(fit, study):
    """The detector, and its study where that says more."""
    told = fit["name"] == study or fit["name"].startswith(f"{study} at ")
    return [plain(fit["name"], 44)] if told else [plain(study, 44), plain(fit["name"], 52)]


def draw_thresholds(axes, level):
    """Lines at the values of t that exclude at a confidence level, named at the right, where no profile is that low."""
    for value, words, above in zip(thresholds(level), ("two-sided", "one-sided"), (True, False)):
        axes.axhline(value, color="0.4", linewidth=0.8, linestyle=(0, (5, 2)), zorder=1)
        axes.annotate(f"{value:.3f}: {level_words(level)}, {words}", (0.985, value), ha="right",
                      va="bottom" if above else "top", xycoords=("axes fraction", "data"), fontsize=7,
                      xytext=(0, 1.5 if above else -2), textcoords="offset points")


def interval_words(fit):
    """A limit, or both ends of an interval."""
    upper, lower = scientific(fit["upper_mu_B"]), fit["lower_mu_B"]
    return f"{scientific(lower)} to {upper}".replace(r"\,\mu_B", "", 1) if lower else upper


def profile_figure(fits, study):
    """The test statistic over the moment, a line for each detector, with levels and limits."""
    import numpy as np
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator
    shown = [fit for fit in fits if fit["profile"] and fit["upper_mu_B"]][:MOST_PROFILES]
    limits = [fit["upper_mu_B"] for fit in shown]
    levels = sorted({fit["confidence_level"] for fit in shown})
    figure, panels = new_figure(COLUMN, [2.5], top=0.06, left=0.55, bottom=0.45)
    axes, handles = panels[0][0], []
    wide = max(limits) > 5 * min(limits)        # of very different detectors
    power = 0 if wide else math.floor(math.log10(max(limits)))
    unit = 10.0 ** power
    top = 3 * max(thresholds(level)[0] for level in levels)
    for fit, (colour, dashes, marker) in zip(shown, styles_of(len(shown))):
        mu, t = np.array([(point.mu_eff_mu_B / unit, point.t) for point in fit["profile"]]).T
        top = max(top, min(1.15 * t[0], 4 * top))
        limit = fit["upper_mu_B"] / unit
        ends = [end / unit for end in (fit["lower_mu_B"], fit["upper_mu_B"]) if end]
        at = np.interp(ends, mu, t)
        axes.plot(mu, t, color=colour, linestyle=dashes, zorder=2)
        axes.vlines(ends, 0, at, colors=colour, linewidth=0.8, linestyles=":", zorder=1.5)
        axes.plot(ends, at, marker, color=colour, markersize=5, markeredgecolor="white", markeredgewidth=0.5, zorder=3)
        words = "" if len(shown) == 1 else f"{plain(fit['name'], 42)}: "
        handles.append(Line2D([], [], color=colour, linestyle=dashes, marker=marker, markersize=5,
                              markeredgecolor="white", label=words + interval_words(fit)))
    for level in levels:
        draw_thresholds(axes, level)
    axes.set(ylim=(0, top), ylabel=r"$t(\mu_{\nu_\mathrm{eff}})$", xlim=(0, 2.2 * max(limits) / unit))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
    if wide:                            # the right half for the names of the levels
        axes.set(xscale="log", xlim=(min(limits) / 3, 4 * max(limits) ** 2 / min(limits)))
    axes.tick_params(which="both", top=True)
    axes.set_xlabel(r"$\mu_{\nu_\mathrm{eff}}$ [" + ("" if wide else rf"$10^{{{power}}}\,$") + r"$\mu_B$]")
    if len(shown) == 1:
        test = f"{TESTS.get(shown[0]['test'], '')} {level_words(levels[0])}"
        handles[0].set_label(f"{test}: {handles[0].get_label()}")
    lines = names_of(shown[0], study) if len(shown) == 1 else [plain(study, 44)]
    lines += [f"the first {len(shown)} of {len(fits)} detectors"] if len(shown) < len(fits) and len(fits) > 7 else []
    title_above(figure, lines, handles)
    return figure


def bins_figure(fit, study):
    """Data, fit and the moment at the limit in the bins; below them, what is left of the data. Of a joint fit a pair of
    panels for each curve."""
    groups = [(curve, list(bins)) for curve, bins in itertools.groupby(fit["bins"], lambda row: row.curve)]
    shown = groups[:MOST_DETECTORS]
    wide = COLUMN if len(shown) == 1 else 2 * COLUMN
    figure, pairs = new_pairs(len(shown), wide, [2.1, 0.95] if len(shown) < 5 else [1.4, 0.7], 0.7, left=0.66,
                              beside=0.68, bottom=0.45, top=0.06 if len(shown) == 1 else 0.25)
    excess = any(b.fit != b.fit_without_moment for b in fit["bins"])
    drawn = [draw_bins(*pair, bins, fit["data"] == "observed", excess) for pair, (_, bins) in zip(pairs, shown)]
    if len(groups) > 1:
        for (axes, _), (curve, _) in zip(pairs, shown):
            axes.set_title(plain(curve, 44), fontsize=8, pad=4)
    figure.align_ylabels()
    lines = names_of(fit, study)
    lines += [f"the first {len(shown)} of {len(groups)} curves"] if len(shown) < len(groups) else []
    title_above(figure, lines, max(drawn, key=len), 2 if len(shown) == 1 else 4)
    return figure


def draw_bins(axes, below, bins, observed, excess):
    """One pair of panels of these; returns the handles for the legend."""
    import numpy as np
    edges = np.array([b.lower_keV for b in bins] + [bins[-1].upper_keV])
    data, fitted, without, moment = (np.array([getattr(b, name) for b in bins])
                                     for name in ("counts", "fit", "fit_without_moment", "moment_at_limit"))
    limit = without + moment
    log_x = edges[0] > 0 and edges[-1] > 20 * edges[0]
    middle = np.sqrt(edges[1:] * edges[:-1]) if log_x else (edges[1:] + edges[:-1]) / 2
    mark = dict(fmt="o", color="black", markersize=3 if len(bins) <= MANY_BINS else 1.5, elinewidth=0.8, zorder=4)
    low, high = count_errors(data) if observed else (None, None)
    points = axes.errorbar(middle, data, yerr=[low, high] if observed else None,
                           label="data" if observed else "expected without signal", **mark)
    steps = dict(baseline=None, zorder=3)
    handles = [points, axes.stairs(fitted, edges, color="#0072B2", linewidth=1.3, label="fit", **steps)]
    if excess:
        handles.append(axes.stairs(without, edges, color="#E69F00", linewidth=1.1, linestyle=(0, (5, 1.5)),
                                   label="fit without moment", **steps))
    if moment.any():                    # in place of the fitted one
        look = dict(color="#D55E00", linewidth=1.3, linestyle=(0, (1, 0.8)), **steps)
        handles.append(axes.stairs(limit, edges, label="with moment at limit", **look))
        below.stairs(residuals(limit, fitted), edges, **look)
    scale = np.sqrt(np.where(fitted > 0, fitted, np.nan))
    left = residuals(data, fitted)
    below.errorbar(middle, left, yerr=[low / scale, high / scale] if observed else None, **mark)
    below.axhline(0, color="#0072B2", linewidth=1.3, zorder=1)
    scale_counts(axes, [data, fitted, without, limit], low, high)
    ends = [left, residuals(limit, fitted)] + ([left - low / scale, left + high / scale] if observed else [])
    reach = max(1.3, 1.08 * np.nanmax(np.abs(ends), initial=0))
    below.set(ylim=(-reach, reach), xlim=(edges[0], edges[-1]), xlabel="Recoil energy $E_r$ [keV]",
              ylabel=r"(data$-$fit)/$\sqrt{\mathrm{fit}}$")
    below.yaxis.label.set_size(8)
    widths = np.diff(edges)
    per = f"{widths[0]:.3g} keV" if np.allclose(widths, widths[0]) else "bin"
    axes.set_ylabel(f"Events / {per}")
    if log_x:
        axes.set_xscale("log")
        plain_log_ticks(below.xaxis, edges[0], edges[-1])
    for panel in (axes, below):
        panel.tick_params(which="both", top=True)
    return handles


def scale_counts(axes, spectra, low, high):
    """The y side of spectra: logarithmic where these span much, else as wide as they are."""
    import numpy as np
    data = spectra[0]
    values = np.concatenate(spectra)
    if values.min() > 0 and values.max() > 30 * values.min():
        axes.set(yscale="log", ylim=(0.6 * values.min(), 2 * values.max()))
        return
    first = min(values.min(), (data - low).min() if low is not None else values.min())
    last = max(values.max(), (data + high).max() if high is not None else values.max())
    room = 0.07 * (last - first) or 1
    axes.set_ylim(-0.02 * last if first < 0.4 * last else first - room, last + room)
    axes.ticklabel_format(axis="y", useOffset=False)


def figures(study, fits):
    """Yield (name, figure); the names tell detectors apart where there are several."""
    if any(fit["profile"] and fit["upper_mu_B"] for fit in fits):
        yield "profile", profile_figure(fits, study)
    belts = [fit for fit in fits if has_belt(fit)][:MOST_DETECTORS]
    if belts:
        yield "belt", belt_figure(belts, study, TESTS, names_of, title_above)
    taken = set()
    for fit in fits[:MOST_DETECTORS]:
        name = re.sub("[^A-Za-z0-9.+]+", "-", fit["name"]).strip("-")[:100]
        suffix = "" if len(fits) == 1 else f"_{name}" + (f"-{len(taken) + 1}" if name in taken else "")
        taken.add(name)
        if fit["bins"]:
            yield "fit" + suffix, bins_figure(fit, study)
        if fit["pulls"]:
            yield "pulls" + suffix, pulls_figure(fit, study, names_of, title_above)
        if len(fit["correlation"]["parameters"]) > 1:
            yield "correlations" + suffix, correlation_figure(fit, study, names_of, title_above)


def notes(fits):
    """What is left out, in words."""
    if len(fits) <= MOST_DETECTORS:
        return []
    return [f"fits: the first {MOST_DETECTORS} of {len(fits)} detectors; --detector chooses"]
