"""The belt that `magnu fit` makes of toys: critical values of the test statistic, and what the asymptotic covers."""
import math

from magnu_plot import level_words, new_pairs, plain
from magnu_plot_results import scientific

TOYS, ASYMPTOTIC = "#0072B2", "#D55E00"
MARK = dict(markersize=5.5, markeredgecolor="white", markeredgewidth=0.5, linestyle="none")
POINTS = dict(marker="o", markersize=2.2, linewidth=1.2)


def limits_of(fit):
    """The limits that lie where the data's t crosses a critical value: those of toys (before a power constraint), and
    the asymptotic ones."""
    upper = fit.get("power_constraint", {}).get("unconstrained_upper_mu_B", fit["upper_mu_B"])
    toys = fit["toys"]
    return [[end for end in ends if end] for ends in (
        (fit["lower_mu_B"], upper), (toys["asymptotic_lower_mu_B"], toys["asymptotic_upper_mu_B"]))]


def has_belt(fit):
    """Whether the data's t is known anywhere in a belt."""
    return any(point.mu_eff_mu_B > 0 and math.isfinite(point.t) for point in fit["belt"])


def columns_of(fit, power):
    """The belt as arrays by column, the moment in units of that power of ten; nan for what is not known."""
    import numpy as np
    belt = {name: np.array([getattr(point, name) for point in fit["belt"]]) for name in vars(fit["belt"][0])
            if name != "detector"}
    belt = {name: np.where(np.isfinite(values), values, np.nan) for name, values in belt.items()}
    return belt | dict(mu=belt["mu_eff_mu_B"] / 10.0 ** power)


def data_between(fit, belt, mu, power):
    """The data's t at these moments, from those of the belt: a parabola in the squared moment is kept as it is."""
    import numpy as np
    best = max(0, fit["best_fit_mu_B"] or 0) / 10.0 ** power
    known = np.isfinite(belt["t"]) & (belt["mu"] != best) & (belt["mu"] > 0 if best == 0 else True)
    at, t, wanted = belt["mu"][known] ** 2, belt["t"][known], np.square(mu)
    if best == 0:                       # where the parabola's lowest point may be below
        return wanted * np.interp(wanted, at, t / at)
    at, root = np.append(at, best ** 2), np.append(np.where(at < best ** 2, -1, 1) * np.sqrt(t), 0)
    order = np.argsort(at)
    return np.interp(wanted, at[order], root[order]) ** 2


def draw_belt(axes, fit, belt, power):
    """Critical values and the data's t, with the limits; returns handles for the legend."""
    import numpy as np
    mu, critical, formula = belt["mu"], belt["critical"], belt["asymptotic_critical"]
    fine = np.union1d(mu, np.linspace(mu[0], mu[-1], 300))
    handles = axes.plot(fine, data_between(fit, belt, fine, power), color="black", linewidth=1.2, zorder=2.5,
                        label="$t$ of the data")
    handles += axes.plot(mu, critical, color=TOYS, zorder=2, label="critical value of toys", **POINTS)
    handles.append(axes.fill_between(mu, belt["critical_low"], belt["critical_high"], color=TOYS, alpha=0.35,
                                     linewidth=0, zorder=1, label="its statistical error"))
    if np.isfinite(formula).any():
        handles += axes.plot(mu, formula, color=ASYMPTOTIC, linestyle=(0, (5, 2)), linewidth=1.2, zorder=1.8,
                             label="asymptotic critical value")
    marks = []
    words = "limit by toys", "asymptotic limit"
    for ends, colour, marker, label in zip(limits_of(fit), (TOYS, ASYMPTOTIC), "os", words):
        at = np.array(ends) / 10.0 ** power
        marks.append(data_between(fit, belt, at, power))
        axes.vlines(at, 0, marks[-1], colors=colour, linewidth=0.8, linestyles=":", zorder=1.5)
        handles += axes.plot(at, marks[-1], marker, color=colour, zorder=3, label=label, **MARK)
    axes.set_ylim(0, 1.6 * np.nanmax(np.concatenate([belt["critical_high"], formula, *marks]), initial=0.5))
    return handles


def draw_coverage(axes, fit, belt, power):
    """What the asymptotic critical value covers, with the error of its toys; of CLs, which has none, CLs itself."""
    import numpy as np
    mu, level = belt["mu"], fit["confidence_level"]
    if fit["test"] == "cls":
        cls = belt["p_value"] / np.where(belt["p_background"] > 0, belt["p_background"], np.nan)
        axes.plot(mu, cls, color=TOYS, **POINTS)
        axes.axhline(1 - level, color="0.3", linewidth=0.8, linestyle=(0, (5, 2)), zorder=1)
        at = np.array(limits_of(fit)[0]) / 10.0 ** power
        axes.vlines(at, 0, 1, colors=TOYS, linewidth=0.8, linestyles=":", zorder=1.5,
                    transform=axes.get_xaxis_transform())
        axes.set(ylim=(0, 1.08), ylabel="CL$_s$")
        return
    covered, toys = 100 * belt["asymptotic_coverage"], fit["toys"]["at_each_moment"]
    error = np.sqrt(np.maximum(covered * (100 - covered), 0) / toys)
    axes.fill_between(mu, covered - error, covered + error, color=ASYMPTOTIC, alpha=0.35, linewidth=0, zorder=1)
    axes.plot(mu, covered, color=ASYMPTOTIC, zorder=2, **POINTS)
    axes.axhline(100 * level, color="0.3", linewidth=0.8, linestyle=(0, (5, 2)), zorder=1.5)
    low, high = np.nanmin([covered - error, 0 * mu + 100 * level]), np.nanmax([covered + error, 0 * mu + 100 * level])
    room = 0.12 * max(high - low, 1)
    axes.set(ylim=(low - room, high + room), ylabel="Coverage [%]")


def limit_words(fit, tests, named):
    """What the limits are of, and the two of them, a line each."""
    toys, formula = (" to ".join(map(scientific, ends)).replace(r"\,\mu_B", "", len(ends) - 1) or "none"
                     for ends in limits_of(fit))
    name = f"{plain(fit['name'], 34)}, " if named else ""
    free = ", unconstrained" if "power_constraint" in fit else ""
    return "\n".join([f"{name}{tests.get(fit['test'], fit['test'])} {level_words(fit['confidence_level'])}",
                      f"toys: {toys}{free}", f"asymptotic: {formula}"])


def belt_figure(fits, study, tests, names_of, title_above):
    """A pair of panels for each detector: the belt, and below it the coverage of the asymptotic formulae."""
    from matplotlib.ticker import MaxNLocator
    count = len(fits)
    figure, pairs = new_pairs(count, 3.5 if count == 1 else 7, [2.1, 0.75] if count < 5 else [1.4, 0.6], 1.02,
                              left=0.62, beside=0.62, bottom=0.45, top=0.6)
    drawn = []
    for fit, (axes, below) in zip(fits, pairs):
        last = max(point.mu_eff_mu_B for point in fit["belt"])
        power = math.floor(math.log10(last))
        belt = columns_of(fit, power)
        drawn.append(draw_belt(axes, fit, belt, power))
        draw_coverage(below, fit, belt, power)
        axes.set(ylabel="Test statistic $t$", xlim=(0, last / 10.0 ** power))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        below.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
        below.set_xlabel(rf"$\mu_{{\nu_\mathrm{{eff}}}}$ [$10^{{{power}}}\,\mu_B$]")
        below.yaxis.label.set_size(8)
        for panel in (axes, below):
            panel.tick_params(which="both", top=True)
        axes.set_title(limit_words(fit, tests, count > 1), fontsize=8, pad=4)
    figure.align_ylabels()
    title_above(figure, names_of(fits[0], study) if count == 1 else [plain(study, 44)], max(drawn, key=len),
                2 if count == 1 else 3)
    return figure
