"""What a fit found of its parameters: pulls, impacts on the limit, and correlations."""
import math
import re

from magnu_plot import new_figure, plain

MOST_PULLS = 25
MOST_NUMBERS = 12       # rows of a matrix with its values written
MOST_CORRELATED = 40
ROW = 0.17              # height of a row, in inches
BELOW, ABOVE = "#0072B2", "#D55E00"
ISOTOPES = {"be7": r"$^7$Be", "b8": r"$^8$B", "n13": r"$^{13}$N", "o15": r"$^{15}$O", "f17": r"$^{17}$F"}
WORDS = {"sin2_theta12": r"$\sin^2\theta_{12}$", "sin2_theta13": r"$\sin^2\theta_{13}$",
         "sin2_theta_w": r"$\sin^2\theta_W$", "dm2_21": r"$\Delta m^2_{21}$", "s": r"$\mu_{\nu_\mathrm{eff}}^2$",
         "xe136_2nbb": r"$^{136}$Xe $2\nu\beta\beta$", "xenon1t": "XENON1T", "xenonnt": "XENONnT", "darwin": "DARWIN"}


def parameter_words(name, begin=str.upper):
    """A parameter as the field writes it; one of a joint fit that is a detector's own after the name of that."""
    own = re.match("(.+?): ((?:background |flux ).*|[a-z0-9_]+)$", name)
    if own:
        return f"{plain(own[1], 18)}: {parameter_words(own[2], str.lower)}"
    kind, _, rest = name.partition(" ")
    if kind == "flux":
        return f"{ISOTOPES.get(rest, plain(rest, 20))} flux"
    if kind == "background":
        return f"{WORDS.get(rest) or plain(begin(rest[:1]) + rest[1:], 22)} bkg."
    return WORDS.get(name) or plain(begin(name[:1]) + name[1:], 24)


def impacts(fit):
    """Of each parameter the relative change of the limit with it a standard deviation below and above; nan where
    there is no limit."""
    limit = fit.get("toys", fit).get("asymptotic_upper_mu_B", fit["upper_mu_B"])     # as those of the parameters are
    return [tuple(value / limit - 1 if limit and value else math.nan
                  for value in (pull["limit_below_mu_B"], pull["limit_above_mu_B"])) for pull in fit["pulls"]]


def by_impact(fit):
    """The parameters with their impacts, the largest first; those without a limit on one side before all."""
    def size(pair):
        return math.inf if any(value != value for value in pair[1]) else max(map(abs, pair[1]))
    return sorted(zip(fit["pulls"], impacts(fit)), key=size, reverse=True)


def draw_pull(axes, y, pull):
    """The shift of a parameter with its uncertainty, in standard deviations of what constrains it; a free one in words."""
    value, error = pull["fitted"], pull["uncertainty"]
    if pull["shift"] is None or not pull["sigma"]:
        words = "free" if value is None else f"free: {value:.3g}" + (f" ± {error:.2g}" if error else "")
        axes.text(0, y, words, ha="center", va="center", fontsize=7, bbox=dict(color="white", pad=0.4), zorder=4)
        return
    axes.errorbar([pull["shift"]], [y], xerr=[error / pull["sigma"]] if error else None, fmt="o", color="black",
                  markersize=3.5, elinewidth=1, capsize=1.5, zorder=3)


def pulls_figure(fit, study, names_of, title_above):
    """Pulls, and beside them what a standard deviation of each parameter does to the limit; largest first."""
    from matplotlib.patches import Patch
    rows = by_impact(fit)
    shown = rows[:MOST_PULLS]
    names = [parameter_words(pull["parameter"]) for pull, _ in shown]
    figure, panels = new_figure(4.1, [ROW * len(shown) + 0.1], 2, sharey=True, left=1.3, right=0.15, top=0.06,
                                bottom=0.48, beside=0.1)
    left, right = panels[0]
    reach = max([1.6] + [abs(pull["shift"]) + (pull["uncertainty"] or 0) / pull["sigma"] + 0.2 for pull, _ in shown
                         if pull["shift"] is not None and pull["sigma"]])
    left.axvspan(-1, 1, color="0.88", linewidth=0, zorder=0.5)
    left.axvline(0, color="0.5", linewidth=0.8, zorder=0.6)
    right.axvline(0, color="0.3", linewidth=0.8, zorder=3)
    for y, (pull, changes) in enumerate(shown):
        draw_pull(left, y, pull)
        for change, colour, shift in zip(changes, (BELOW, ABOVE), (-0.17, 0.17)):
            if math.isfinite(change):
                right.barh(y + shift, 100 * change, 0.34, color=colour, linewidth=0, zorder=2)
        if not all(map(math.isfinite, changes)):
            right.text(0.98, y, "no limit", transform=right.get_yaxis_transform(), ha="right", va="center", fontsize=7)
    most = max([abs(change) for _, changes in shown for change in changes if math.isfinite(change)], default=0)
    most = 100 * (most or 0.01) * 1.12
    left.set(xlim=(-reach, reach), ylim=(len(shown) - 0.4, -0.6), xlabel=r"Shift [$\sigma$]")
    right.set(xlim=(-most, most), xlabel="Change of limit [%]")
    left.set_yticks(range(len(shown)), names)
    for axes in (left, right):
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", top=True)
    fit_labels(figure, left)
    lines = names_of(fit, study)
    if len(rows) > len(shown):
        lines = lines + [f"the {len(shown)} of largest impact, of {len(rows)} parameters"]
    handles = [Patch(color="0.88", label=r"constraint, $\pm1\sigma$"), Patch(color=BELOW, label=r"$-1\sigma$"),
               Patch(color=ABOVE, label=r"$+1\sigma$")]
    title_above(figure, lines, handles, 3)
    return figure


def fit_labels(figure, axes):
    """A left margin as wide as the names of the rows take; the panels keep their width."""
    renderer, wide = figure.canvas.get_renderer(), figure.get_figwidth()
    need = max(text.get_window_extent(renderer).width for text in axes.get_yticklabels()) / figure.dpi + 0.2
    place = figure.subplotpars
    more = need - place.left * wide
    figure.set_figwidth(wide + more)
    figure.subplots_adjust(left=need / (wide + more), right=1 - (1 - place.right) * wide / (wide + more))


def correlation_figure(fit, study, names_of, title_above):
    """The correlation matrix as a map of colours, with its values where there are few."""
    import numpy as np
    names, matrix = fit["correlation"]["parameters"], fit["correlation"]["matrix"]
    count = min(len(names), MOST_CORRELATED)
    values = np.array([[np.nan if cell is None else cell for cell in row[:count]] for row in matrix[:count]], float)
    words = [parameter_words(name) for name in names[:count]]
    side = max(2.0, min(ROW * count, 5.5)) if count > MOST_NUMBERS else max(1.6, 0.28 * count)
    figure, panels = new_figure(side + 2, [side], left=1.3, right=0.7, bottom=1.1, top=0.06)
    axes = panels[0][0]
    axes.set_facecolor("0.8")           # of parameters that a bound holds
    mesh = axes.pcolormesh(np.ma.masked_invalid(values), cmap="RdBu_r", vmin=-1, vmax=1, edgecolors="white",
                           linewidth=0.3)
    axes.set(aspect="equal", ylim=(count, 0))
    axes.set_xticks(np.arange(count) + 0.5, words, rotation=90)
    axes.set_yticks(np.arange(count) + 0.5, words)
    axes.tick_params(length=0, right=False)
    if count <= MOST_NUMBERS:
        for y, x in np.argwhere(np.isfinite(values)):
            text = f"{values[y, x]:.2f}".replace("-0.00", "0.00")
            axes.text(x + 0.5, y + 0.5, text.replace("-", "\u2212"), ha="center", va="center", fontsize=6,
                      color="white" if abs(values[y, x]) > 0.6 else "black")
    renderer, dpi = figure.canvas.get_renderer(), figure.dpi
    left = max(text.get_window_extent(renderer).width for text in axes.get_yticklabels()) / dpi + 0.2
    under = max(text.get_window_extent(renderer).height for text in axes.get_xticklabels()) / dpi + 0.2
    wide, tall = left + side + 0.82, under + side + 0.06
    figure.set_size_inches(wide, tall)
    figure.subplots_adjust(left=left / wide, right=(left + side) / wide, bottom=under / tall, top=(under + side) / tall)
    lines = names_of(fit, study)
    if count < len(names):
        lines = lines + [f"the first {count} of {len(names)} parameters"]
    title_above(figure, lines)
    box, wide = axes.get_position(), figure.get_figwidth()
    bar = figure.colorbar(mesh, cax=figure.add_axes([box.x1 + 0.1 / wide, box.y0, 0.12 / wide, box.height]))
    bar.set_label("Correlation", fontsize=8)
    bar.ax.tick_params(labelsize=7, length=2)
    bar.set_ticks([-1, -0.5, 0, 0.5, 1])
    return figure
