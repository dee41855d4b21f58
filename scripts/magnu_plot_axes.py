"""The figures of a study with axes: limits over one setting as lines, over two as maps."""
import math
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
FLAT = 1.001            # limits that differ by less than this factor are called the same
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
            why = ("gives the lines or panels" if wrong[0].path == "curve" else "is fixed by --at"
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
            if axis.numeric:
                axis.ends = min(axis.values), max(axis.values)
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
            
            f"{name_of(axis)} = {number(value)} {unit_of(axis)}".rstrip().replace(" 1/", "/") for axis, value in limits.kept]
    together = ",   ".join(text.replace(" ", "\u00a0") for text in kept)
    return [": ".join(words)] + textwrap.wrap(together, int(16 * width))


def start_figure(limits, width, heights, columns, panel_title, **layout):
    """A figure with its title, and a grid of panels."""
    lines = title_lines(limits, width)
    top = 0.07 + 1.2 * LINE * len(lines) + (0.22 if panel_title else 0.05)
    figure, panels = new_figure(width, heights, columns, top=top, **layout)
    for at, text in enumerate(lines):
        figure.text(0.5, 1 - (0.08 + 1.2 * LINE * at) / figure.get_figheight(), text, fontsize=8 if at else 9,
                    ha="center", va="top")
    return figure, panels


def scale_axis(axes, which, axis):
    """Limits, scale and ticks of the x or y side for an axis of numbers."""
    from matplotlib.ticker import FuncFormatter
    low, high = axis.ends
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
    width, height = (7.7 if outside else 5.2), max(3.2, 1.13 * LINE * len(labels) if outside else 0)
    figure, panels = start_figure(limits, width, [height], 1, False, left=0.75, right=2.8 if outside else 0.15)
    axes = panels[0][0]
    at = x.values if x.numeric else np.arange(len(x.values))
    few = len(at) <= 12
    for mu, label, (colour, dashes, marker) in zip(limits.mu, labels, styles_of(len(labels)) * len(labels)):
        if not x.numeric:
            dashes = "none"
        alone = few or np.isfinite(mu).sum() == 1
        axes.plot(at, mu, color=colour, linestyle=dashes, linewidth=1 if len(labels) > 10 else 1.5,
                  label=label if np.isfinite(mu).any() else f"{label}: no limit",
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
        if high < FLAT * low:
            low, high = 0.995 * low, 1.005 * high
        values = np.array(MaxNLocator(nbins=most - 3, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
        return values[values > 0]
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    for digits in ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        values = np.array([float(f"{digit}e{power}") for power in decades for digit in digits])
        first, last = np.searchsorted(values, low, "right") - 1, np.searchsorted(values, high)
        if last - first - 1 <= most:
            break
    return values[first:last + 1][::math.ceil((last - first) / (most + 1))]


def finer(field, axes, limits):
    """The field between its points, evenly as drawn: x, y, field. Blank stays blank up to the next point."""
    import numpy as np
    for dimension, (which, axis) in enumerate((("y", limits.y), ("x", limits.x))):
        log = getattr(axes, f"get_{which}scale")() == "log"
        at = np.log(axis.values) if log else axis.values
        fine = np.union1d(at, np.linspace(at[0], at[-1], 120))
        field = np.apply_along_axis(lambda line: np.interp(fine, at, line), dimension, field)
        setattr(axis, "fine", np.clip(np.exp(fine), *axis.values[[0, -1]]) if log else fine)
    return limits.x.fine, limits.y.fine, np.ma.masked_invalid(field)


def draw_contours(axes, x, y, field, levels, size):
    """Lines with their values, as far as these fit into the panel and beside each other."""
    import numpy as np
    from matplotlib.patheffects import withStroke
    lines = axes.contour(x, y, field, np.log10(levels), colors="black", linewidths=0.6, linestyles="solid")
    texts = dict(zip(lines.levels, (number(value, 6) for value in levels)))
    inside, renderer, boxes, places = axes.get_window_extent(), axes.figure.canvas.get_renderer(), [], []
    for level, part in zip(lines.levels, lines.collections):
        paths = [axes.transData.transform(path.vertices) for path in part.get_paths() if len(path.vertices) > 2]
        if not paths:
            continue
        path = max(paths, key=lambda points: np.hypot(*np.diff(points, axis=0).T).sum())
        along = np.append(0, np.hypot(*np.diff(path, axis=0).T).cumsum())
        for share in (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8):
            spot, before, after = (np.array([np.interp(at * along[-1], along, side) for side in path.T])
                                   for at in (share, share - 0.03, share + 0.03))
            angle = (np.degrees(np.arctan2(*(after - before)[::-1])) + 90) % 180 - 90
            trial = axes.text(*spot, texts[level], size=size, rotation=angle, transform=None, ha="center", va="center")
            box = trial.get_window_extent(renderer)
            trial.set_rotation(0)
            wide = trial.get_window_extent(renderer).width
            trial.remove()
            if (inside.x0 < box.x0 and box.x1 < inside.x1 and inside.y0 < box.y0 and box.y1 < inside.y1
                    and along[-1] > 1.5 * wide and not any(box.overlaps(other) for other in boxes)):
                boxes.append(box)
                places.append(axes.transData.inverted().transform(spot))
                break
    if places:
        axes.clabel(lines, fmt=texts, fontsize=size, inline_spacing=2, manual=places)
    for text in lines.labelTexts:
        text.set_path_effects([withStroke(linewidth=1.5, foreground="white", alpha=0.8)])


def draw_bar(axes, fill, levels, label):
    """The colour bar of maps."""
    bar = axes.figure.colorbar(fill, cax=axes, spacing="proportional")
    bar.set_ticks(fill.levels[:len(levels)], labels=[number(value, 6) for value in levels])
    axes.tick_params(labelsize=7, length=2)
    bar.set_label(label, fontsize=8)


def range_of(logs):
    """The range of log10 mu that the colours span; without its upper part where that is a steep brink."""
    import numpy as np
    if not len(logs):
        return None
    low, high, most = logs.min(), logs.max(), np.quantile(logs, 0.8)
    return low, (max(most, low + 2) if most < (low + high) / 2 and high > low + 2 else high)


def map_figure(limits):
    """Limits over two axes: a panel of contours for each curve."""
    import numpy as np
    labels, x, y = labels_of(limits), limits.x, limits.y
    sizes = [len(axis.values) for axis in limits.many if len(axis.values) > 1]
    table = len(sizes) > 1 and sizes[-1] <= 4           # a row for each curve
    columns = sizes[-1] if table else min(3, len(labels))
    rows = math.ceil(len(labels) / columns)

    # Which panels share their colours: all, the row, or none, so that no panel is of one colour.
    logs = [np.log10(mu[np.isfinite(mu)]) for mu in limits.mu]
    ranges = [range_of(part) for part in logs]
    found = [ends for ends in ranges if ends] or [(0, 0)]
    whole = max(ends[1] for ends in found) - min(ends[0] for ends in found)
    shared = all(ends[1] - ends[0] >= 0.4 * whole for ends in found)
    group = [0 if shared else i // columns if table else i for i in range(len(labels))]
    each, height = (4.2, 3.3) if len(labels) == 1 else (2.5, 2.2)
    layout = dict(left=0.62, right=1.25, gap=0.32, beside=0.3 if shared or table else 1.3)
    width = columns * each + (columns - 1) * layout["beside"] + layout["left"] + layout["right"]
    figure, panels = start_figure(limits, width, [height] * rows, columns, len(labels) > 1, **layout)
    for axes in panels.flat[len(labels):]:
        axes.set_visible(False)
    fills = {}
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
        middle = dict(transform=axes.transAxes, ha="center", va="center")
        if ranges[i] is None:
            axes.text(0.5, 0.5, "no limit", **middle)
            continue
        together = [ends for ends, key in zip(ranges, group) if ends and key == group[i]]
        low, high = min(ends[0] for ends in together), max(ends[1] for ends in together)
        levels = levels_between(10 ** low, 10 ** high)
        above = any(len(part) and part.max() > np.log10(levels[-1]) for part, key in zip(logs, group) if key == group[i])
        fine = finer(np.log10(mu), axes, limits)
        fill = axes.contourf(*fine, np.log10(levels), cmap="viridis", extend="max" if above else "neither")
        for part in fill.collections:
            part.set(edgecolor="face", linewidth=0.2)       # no seams in the PDF
        if logs[i].max() - logs[i].min() < math.log10(FLAT):
            axes.text(0.5, 0.5, rf"{number(10 ** logs[i].mean())} $\mu_B$ throughout", **middle,
                      bbox=dict(color="white", alpha=0.8, pad=2))
        else:
            draw_contours(axes, *fine, levels, 7 if len(labels) == 1 else 6)
        fills[group[i]] = fill, levels
    for key, (fill, levels) in fills.items():
        if shared:
            top, bottom = panels[0][-1].get_position().y1, panels[-1][0].get_position().y0
            place = figure.add_axes([1 - (layout["right"] - 0.12) / width, bottom, 0.14 / width, top - bottom])
        else:
            place = (panels[key][-1] if table else panels.flat[key]).inset_axes([1 + 0.08 / each, 0, 0.12 / each, 1])
        draw_bar(place, fill, levels, MOMENT if shared and (rows > 1 or each > 3) else MOMENT.split("moment ")[1])
    return figure


def figures(limits):
    """Yield (name, figure)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")         # of matplotlib, where a panel has no contour
        yield ("limits-map", map_figure(limits)) if limits.y else ("limits-line", line_figure(limits))
