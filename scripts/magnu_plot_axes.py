"""The figures of a study with axes: limits over one setting as lines, over two as maps."""
import math
import os
import re
import textwrap
import warnings
from types import SimpleNamespace

from magnu_plot import Failure, LINE, MOMENT, MOST_LINES, MOST_PANELS, log_ticks, new_figure, plain, styles_of

NAMES = {"threshold": "Threshold", "upper": "Upper end", "bins": "Number of bins", "exposure": "Exposure",
         "background": "Background", "background.flat": "Flat background",
         "background.fraction": "Background per signal", "fraction_in": "Background fraction in",
         "oscillation.dm2_21": r"$\Delta m^2_{21}$", "oscillation.sin2_theta12": r"$\sin^2\theta_{12}$",
         "oscillation.sin2_theta13": r"$\sin^2\theta_{13}$", "sin2_theta_w": r"$\sin^2\theta_W$",
         "sigma_scale": r"Factor on $\sigma$", "confidence_level": "Confidence level", "solar_model": "Solar model",
         "b8_spectrum": r"$^8$B spectrum", "target": "Target", "electrons": "Electrons", "statistic": "Statistic"}
WORDS = {"xenon1t": "XENON1T", "xenonnt": "XENONnT", "darwin": "DARWIN", "bs05op": "BS05(OP)", "bs05agsop": "BS05(AGS,OP)",
         "b16gs98": "B16-GS98", "b16agss09": "B16-AGSS09", "bahcall1996": "Bahcall 1996", "winter2006": "Winter 2006"}
MOST_POINTS = 1000      # drawn along an axis: more could not be told apart


def read_scale(scale, path):
    """An axis: name, unit, values (numbers or words) and whether they are numbers."""
    words = scale.dtype.kind == "O"
    unit = scale.attrs.get("units", "")
    return SimpleNamespace(path=path, unit=unit if isinstance(unit, str) else unit.decode(), numeric=not words,
                           values=list(scale.asstr()[()]) if words else scale[()])


def read_limits(path, shown, fixed):
    """The part of limits.h5 to draw: one or two axes (x, y), an axis of lines or panels, and words on the others."""
    try:
        import h5py
    except ImportError:
        raise Failure(2, "limits.h5 needs the Python module h5py (Debian: apt-get install python3-h5py)")
    try:
        open(path, "rb").close()
        with h5py.File(path, "r") as file:
            study = file.attrs["study"]
            data = file["mu_eff"]
            axes = [read_scale(dim[0], dim.keys()[0]) for dim in data.dims]
            if [len(axis.values) for axis in axes] != list(data.shape) or 0 in data.shape or axes[0].path != "curve":
                raise ValueError
            limits = choose(axes, path, shown, fixed)
            limits.study = study if isinstance(study, str) else study.decode()
            limits.mu = read_part(data, axes, limits)
    except OSError as error:
        raise Failure(2, f"{path}: cannot read: {error.strerror or 'damaged, or not an HDF5 file'}")
    except (KeyError, ValueError, IndexError, AttributeError, TypeError, RuntimeError):
        raise Failure(2, f"{path}: not the limits of a study of magnu")
    return limits


def pick(axis, text, path):
    """The index of the value of an axis that --at asks for."""
    if not axis.numeric:
        bare = {re.sub(r"[\[\]{}\s]", "", value): i for i, value in reversed(list(enumerate(axis.values)))}
        asked = re.sub(r"[\[\]{}\s]", "", text)
        if asked not in bare:
            raise Failure(2, f"--at {axis.path}={text}: not in {path}; there are {', '.join(axis.values)}")
        return axis.values.index(text) if text in axis.values else bare[asked]
    number = text.strip()
    if axis.unit and number.endswith(axis.unit):
        number = number[:-len(axis.unit)]
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Failure(2, f"--at {axis.path}={text}: not a number{' of ' + axis.unit if axis.unit else ''}")
    return min(range(len(axis.values)), key=lambda i: abs(axis.values[i] - value))


def choose(axes, path, shown, fixed):
    """Which axes are drawn (x, y), which give lines or panels (many), and the index at which each other is kept."""
    by_path = {axis.path: axis for axis in axes}
    at = {}

    def find(name, option):
        if name not in by_path:
            raise Failure(2, f"{option}: {path} has no axis {name}; it has {', '.join(by_path)}")
        return by_path[name]

    for text in fixed:
        name, equals, value = text.partition("=")
        if not equals:
            raise Failure(2, f"--at {text}: not AXIS=VALUE (see --help)")
        axis = find(name.strip(), f"--at {text}")
        at[axis.path] = pick(axis, value, path)
    free = [axis for axis in axes[1:] if len(axis.values) > 1 and axis.path not in at]
    if shown:
        names = [name.strip() for name in shown.split(",")]
        drawn = [find(name, f"--axes {shown}") for name in names]
        wrong = [axis for axis in drawn if axis not in free or (len(drawn) > 1 and not axis.numeric)]
        if len(drawn) > 2 or len(set(names)) < len(names):
            raise Failure(2, f"--axes {shown}: not one axis or two (see --help)")
        if wrong:
            why = ("has one line or panel a curve anyway" if wrong[0].path == "curve" else "is fixed by --at"
                   if wrong[0].path in at else "has one value" if wrong[0].numeric or len(wrong[0].values) == 1
                   else "is of words, and a map needs numbers")
            raise Failure(2, f"--axes {shown}: {wrong[0].path} {why}")
    else:
        drawn = [axis for axis in free if axis.numeric][:2] or free[:1]
    if not drawn:
        raise Failure(2, f"{path}: no axis with more than one value{' is left' if at else ''}, so nothing to draw against")
    many, count = [], 1
    for axis in axes:
        if axis in drawn or axis.path in at:
            continue
        most = MOST_LINES if len(drawn) == 1 else MOST_PANELS
        if axis.path == "curve" or (not axis.numeric and 1 < len(axis.values) and count * len(axis.values) <= most):
            many.append(axis)
            count *= min(most, len(axis.values))
            axis.left_out = max(0, len(axis.values) - most)
        else:
            at[axis.path] = 0 if not axis.numeric else sorted(
                range(len(axis.values)), key=lambda i: axis.values[i])[(len(axis.values) - 1) // 2]
    return SimpleNamespace(x=drawn[0], y=drawn[1] if len(drawn) > 1 else None, many=many,
                           kept=[(axis, axis.values[at[axis.path]]) for axis in axes if axis.path in at], at=at)


def read_part(data, axes, limits):
    """The limits as an array [lines or panels][y][x], ascending along x and y, nan where there is no limit."""
    import numpy as np
    parts, where = [], []
    for axis in axes:
        if axis.path in limits.at:
            parts.append(limits.at[axis.path])
            continue
        if axis in limits.many:
            axis.values = axis.values[:len(axis.values) - axis.left_out]
            parts.append(slice(len(axis.values)))
        else:
            parts.append(slice(None, None, math.ceil(len(axis.values) / MOST_POINTS)))
            axis.values = axis.values[parts[-1]]
        where.append(axis)
    mu = data[tuple(parts)]
    drawn = [axis for axis in (limits.y, limits.x) if axis]
    mu = np.transpose(mu, [where.index(axis) for axis in limits.many + drawn])
    mu = mu.reshape([-1] + [len(axis.values) for axis in drawn])
    for dimension, axis in enumerate(drawn, 1):
        if axis.numeric:
            order = np.argsort(axis.values, kind="stable")
            axis.values, mu = axis.values[order], np.take(mu, order, dimension)
    return np.where(np.isfinite(mu) & (mu > 0), mu, np.nan)


def name_of(axis):
    """An axis as the field writes it."""
    return NAMES.get(axis.path, plain(axis.path))


def unit_of(axis):
    """The unit of an axis as the field writes it."""
    return plain(axis.unit.replace("tonne year", "t yr")).replace("eV^2", "eV$^2$")


def title_of(axis):
    """Name and unit for the side of a figure."""
    return name_of(axis) + (f" [{unit_of(axis)}]" if axis.unit else "")


def number(value, digits=4):
    """A number as text: plain where it is short, else with a power of ten."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:.0f}"
    digits, power = f"{value:.{digits - 1}e}".split("e")
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return (rf"$10^{{{int(power)}}}$" if digits == "1" else rf"${digits}\times10^{{{int(power)}}}$")


def word(text):
    """A choice as the field writes it."""
    text = re.sub(r"[\[\]{}]", "", text).strip() or "none"
    return plain(" + ".join(WORDS.get(part.strip(), part.strip()) for part in text.split(",")), 40)


def labels_of(limits):
    """What tells the lines or panels apart; empty where there is one."""
    labels = [[]]
    for axis in limits.many:
        if len(axis.values) > 1:
            words = [plain(text, 34) if axis.path == "curve" else word(text) for text in axis.values]
            labels = [label + [text] for label in labels for text in words]
    return [", ".join(label) for label in labels]


def title_lines(limits, width):
    """The study, and the values of the axes that are not drawn, in lines."""
    words = [plain(limits.study)]
    for axis in limits.many:
        if axis.path == "curve" and len(axis.values) == 1 and axis.values[0] != limits.study:
            words.append(plain(axis.values[0]))
        if axis.path == "curve" and axis.left_out:
            words.append(f"the first {len(axis.values)} of {len(axis.values) + axis.left_out} curves")
    kept = [plain(value) if axis.path == "curve" else f"{name_of(axis)}: {word(value)}" if not axis.numeric else
            f"{name_of(axis)} = {number(value)} {unit_of(axis)}".rstrip() for axis, value in limits.kept]
    together = ",   ".join(text.replace(" ", "\u00a0") for text in kept)
    return [": ".join(words)] + textwrap.wrap(together, int(16 * width))


def start_figure(limits, width, heights, columns, panel_title, **layout):
    """A figure with its title, and a grid of panels."""
    lines = title_lines(limits, width)
    top = 0.12 + 1.2 * LINE * len(lines) + (0.22 if panel_title else 0.05)
    figure, panels = new_figure(width, heights, columns, top=top, **layout)
    for at, text in enumerate(lines):
        figure.text(0.5, 1 - (0.08 + 1.2 * LINE * at) / figure.get_figheight(), text, fontsize=8 if at else 9,
                    ha="center", va="top")
    return figure, panels


def scale_axis(axes, which, axis):
    """Limits, scale and ticks of the x or y side for an axis of numbers."""
    from matplotlib.ticker import FuncFormatter
    low, high = axis.values[0], axis.values[-1]
    side = getattr(axes, which + "axis")
    if low > 0 and high > 10 * low:
        axes.set(**{which + "scale": "log"})
        log_ticks(side, low, high)
        if low >= 1e-3 and high <= 1e4:
            side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axes.ticklabel_format(axis=which, useMathText=True, useOffset=False, scilimits=(-3, 4))
    axes.set(**{which + "lim": (low, high)})


def line_figure(limits):
    """Limits over one axis, a line for each curve."""
    import numpy as np
    labels, x = labels_of(limits), limits.x
    outside = len(labels) > 5
    width, height = (7.5 if outside else 5.2), max(3.2, 0.3 + LINE * len(labels) if outside else 0)
    figure, panels = start_figure(limits, width, [height], 1, False, right=2.6 if outside else 0.15)
    axes = panels[0][0]
    at = x.values if x.numeric else np.arange(len(x.values))
    few = len(at) <= 12
    for mu, label, (colour, dashes, marker) in zip(limits.mu, labels, styles_of(len(labels)) * len(labels)):
        if not x.numeric:
            dashes = "none"
        alone = few or np.isfinite(mu).sum() == 1
        axes.plot(at, mu, color=colour, linestyle=dashes, linewidth=1 if len(labels) > 10 else 1.5, label=label,
                  marker=marker if alone else None, markersize=5.5, markeredgecolor="white", markeredgewidth=0.5)
    if x.numeric:
        scale_axis(axes, "x", x)
    else:
        axes.set_xticks(at, [word(text) for text in x.values])
        axes.set_xlim(-0.5, len(at) - 0.5)
        if max(map(len, x.values)) * len(at) > 60:
            figure.autofmt_xdate(rotation=20)
    if few and x.numeric:
        axes.margins(x=0.03)
        axes.autoscale(axis="x")
    axes.tick_params(which="both", top=x.numeric)
    axes.set(xlabel=title_of(x), ylabel="Limit on the magnetic moment " + MOMENT.split("moment ")[1])
    finite = limits.mu[np.isfinite(limits.mu)]
    if not len(finite):
        axes.text(0.5, 0.5, "no limit", transform=axes.transAxes, ha="center")
        axes.set(yticks=[])
    elif finite.max() > 10 * finite.min():
        axes.set(yscale="log")
        log_ticks(axes.yaxis, *axes.get_ylim())
    else:
        axes.ticklabel_format(axis="y", useMathText=True, scilimits=(0, 0), useOffset=False)
    if len(labels) > 1:
        place = dict(loc="upper left", bbox_to_anchor=(1.02, 1), borderaxespad=0, frameon=False, borderpad=0)
        axes.legend(handlelength=3.375, **(place if outside else dict(loc="best", framealpha=1)))
    return figure


def levels_between(low, high, most=12):
    """Round values of mu about equally far apart, one at or below low and one at or above high included."""
    import numpy as np
    from matplotlib.ticker import MaxNLocator
    if high < 3 * low:
        values = np.array(MaxNLocator(nbins=most - 3, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
        return values[values > 0]
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    for digits in ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        values = np.array([float(f"{digit}e{power}") for power in decades for digit in digits])
        first, last = np.searchsorted(values, low, "right") - 1, np.searchsorted(values, high)
        if last - first - 1 <= most:
            break
    return values[first:last + 1][::math.ceil((last - first) / (most + 1))]


def map_figure(limits):
    """Limits over two axes: a panel of contours for each curve."""
    import numpy as np
    from matplotlib.patheffects import withStroke
    labels, x, y = labels_of(limits), limits.x, limits.y
    sizes = [len(axis.values) for axis in limits.many if len(axis.values) > 1]
    columns = sizes[-1] if len(sizes) > 1 and sizes[-1] <= 4 else min(3, len(labels))
    rows = math.ceil(len(labels) / columns)
    logs = [np.log10(mu[np.isfinite(mu)]) for mu in limits.mu]
    ranges = [(part.min(), part.max()) for part in logs if len(part)]
    low, high = min((r[0] for r in ranges), default=0), max((r[1] for r in ranges), default=0)
    shared = all(r[1] - r[0] >= (high - low) / 4 for r in ranges)       # else a panel would be of one colour
    each, height = (4.2, 3.3) if len(labels) == 1 else (2.5, 2.2)
    layout = dict(left=0.6, right=0.95, gap=0.32, beside=0.16 if shared else 1.05)
    width = columns * each + (columns - 1) * layout["beside"] + layout["left"] + layout["right"]
    figure, panels = start_figure(limits, width, [height] * rows, columns, len(labels) > 1, **layout)
    for axes in panels.flat[len(labels):]:
        axes.set_visible(False)
    for i, (axes, mu, label) in enumerate(zip(panels.flat, limits.mu, labels)):
        scale_axis(axes, "x", x)
        scale_axis(axes, "y", y)
        axes.tick_params(which="both", top=True, right=True)
        if i + columns < len(labels):
            axes.tick_params(labelbottom=False)
            axes.xaxis.offsetText.set_visible(False)
        else:
            axes.set_xlabel(title_of(x))
        if i % columns:
            axes.tick_params(labelleft=False)
            axes.yaxis.offsetText.set_visible(False)
        else:
            axes.set_ylabel(title_of(y))
        axes.set_title(label, fontsize=8, pad=4)
        if not len(logs[i]):
            axes.text(0.5, 0.5, "no limit", transform=axes.transAxes, ha="center", va="center")
            continue
        ends = (low, high) if shared else (logs[i].min(), logs[i].max())
        levels = levels_between(10 ** ends[0], 10 ** ends[1])
        field = np.ma.masked_invalid(np.log10(mu))
        fill = axes.contourf(x.values, y.values, field, np.log10(levels), cmap="viridis")
        lines = axes.contour(x.values, y.values, field, np.log10(levels), colors="black", linewidths=0.6)
        texts = {level: number(value) for level, value in zip(lines.levels, levels)}
        axes.clabel(lines, fmt=texts, fontsize=7 if len(labels) == 1 else 6, inline_spacing=2)
        for text in lines.labelTexts:
            text.set_path_effects([withStroke(linewidth=1.5, foreground="white", alpha=0.8)])
        if not shared:
            draw_bar(axes.inset_axes([1 + 0.08 / each, 0, 0.12 / each, 1]), fill, levels, MOMENT.split("moment ")[1])
    if ranges and shared:
        top, bottom = panels[0][-1].get_position().y1, panels[-1][0].get_position().y0
        left = 1 - (layout["right"] - 0.12) / width
        draw_bar(figure.add_axes([left, bottom, 0.14 / width, top - bottom]), fill, levels, MOMENT)
    return figure


def draw_bar(axes, fill, levels, label):
    """The colour bar of a map of contours."""
    bar = axes.figure.colorbar(fill, cax=axes, spacing="proportional")
    bar.set_ticks(fill.levels, labels=[number(value) for value in levels])
    bar.ax.tick_params(labelsize=7, length=2)
    bar.set_label(label, fontsize=8)


def figures(limits):
    """Yield (name, figure)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")         # of matplotlib, where a panel has no contour
        yield ("limits-map", map_figure(limits)) if limits.y else ("limits-line", line_figure(limits))
