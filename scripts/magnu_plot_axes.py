"""The figures of a study with axes: limits over one setting as lines, over two as maps, and surfaces."""
import math
import textwrap
import warnings
from types import SimpleNamespace

from magnu_plot import (LINE, MOMENT, draw_level, log_ticks, new_figure, plain, plain_log_ticks, put_beside, raise_top,
                        styles_of, widen)
from magnu_plot_band import draw_band, moments_of, put_inside
from magnu_plot_bounds import add_references, draw_above, draw_lines, draw_right, is_usual, list_bounds
from magnu_plot_dots import MOST_ROWS, dots_figure
from magnu_plot_grid import (blank_of, ends_of, labels_of, name_of, number, quantity_of, title_lines, title_of, unit_of,
                             word)

FLAT = 1.001            # limits that differ by less than this factor are called the same
ACROSS = 42             # characters of a legend beside a panel
FEW = 12                # points along a line that are marked each
FAMILIES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00"]       # their shades stay apart


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
    low, high = axis.ends
    side = getattr(axes, which + "axis")
    if low > 0 and high > 10 * low:
        axes.set(**{which + "scale": "log"})
        plain_log_ticks(side, low, high)
    else:
        axes.ticklabel_format(axis=which, useMathText=True, useOffset=False, scilimits=(-3, 4))
    axes.set(**{which + "lim": (low, high)})


def hatching(corner=(0, 0), width=1, height=1, **more):
    """What is drawn where there is no value."""
    from matplotlib.patches import Rectangle
    return Rectangle(corner, width, height, facecolor="0.88", edgecolor="0.45", hatch="////", linewidth=0, **more)


def gaps_of(blank):
    """The runs of blank points, each as (last point before, first point after): -1 and the count at the ends."""
    runs, before = [], -1
    for i, empty in enumerate([*blank, False]):
        if not empty:
            if i - before > 1:
                runs.append((before, i))
            before = i
    return runs


def draw_gaps(axes, at, limits, colours):
    """Hatch where no line has a value, and cross where one ends; returns handles for the legend."""
    import numpy as np
    from matplotlib.lines import Line2D
    blank, handles = np.isnan(limits.mu), []
    left, right = axes.get_xlim()
    for before, after in gaps_of(blank.all(axis=0)):
        start, end = at[before] if before >= 0 else left, at[after] if after < len(at) else right
        axes.add_patch(hatching((start, 0), end - start, transform=axes.get_xaxis_transform(), zorder=0.7))
        handles = [hatching(label=blank_of(limits))]
    cross = dict(marker="x", markersize=9 if len(at) <= FEW else 6, markeredgewidth=1.6, linestyle="none", zorder=5)
    for mu, empty, colour in zip(limits.mu, blank, colours):
        ends = sorted({i for gap in gaps_of(empty) for i in gap if 0 <= i < len(mu)})
        if ends:
            axes.plot(at[ends], mu[ends], color=colour, clip_on=False, **cross)
    if (blank.any(axis=1) & ~blank.all(axis=1)).any():
        handles.append(Line2D([], [], color="black", label=f"beyond this end: {blank_of(limits)}", **cross))
    return handles


def draw_lacking(axes, limits, colours):
    """Over words, a hatched strip on top with a cross for each line without a value; returns handles for the legend."""
    import numpy as np
    blank = np.isnan(limits.mu)
    if not blank.any():
        return []
    (low, high), log = axes.get_ylim(), axes.get_yscale() == "log"
    axes.set_ylim(low, high * (high / low) ** 0.12 if log else high + 0.12 * (high - low))
    left, right = axes.get_xlim()
    strip = axes.get_xaxis_transform()
    axes.add_patch(hatching((left, 0.91), right - left, 0.09, transform=strip, zorder=3))
    for row, (empty, colour) in enumerate(zip(blank, colours)):
        spots = np.flatnonzero(empty) + 0.8 * ((row + 0.5) / len(blank) - 0.5)
        axes.plot(spots, [0.955] * len(spots), "x", color=colour, markersize=7, markeredgewidth=2, transform=strip,
                  zorder=5)
    return [hatching(label=blank_of(limits))]


def break_words(values):
    """Words for below a panel, in lines or, if these are too long, upright; whether upright; the inches they need."""
    words, slot = [word(value) for value in values], 68 // len(values)
    broken = [textwrap.fill(text, slot, break_long_words=False) for text in words]
    if max(len(line) for text in broken for line in text.split("\n")) > slot:
        return words, True, 0.065 * max(map(len, words))
    return broken, False, LINE * max(text.count("\n") + 1 for text in broken)


def scale_moments(axes, limits, bounds):
    """Scale and ticks of the y side for the values of lines, or for the bounds where there are none."""
    import numpy as np
    finite = moments_of(limits)
    if not len(finite):
        axes.text(0.5, 0.5, blank_of(limits), transform=axes.transAxes, ha="center", va="center",
                  bbox=dict(color="white", pad=2), zorder=5)
        if bounds:
            axes.set(yscale="log", ylim=(0.6 * bounds[0].mu_eff_mu_B, 1.6 * bounds[-1].mu_eff_mu_B))
        else:
            axes.set(yticks=[])
    elif finite.max() > 10 * finite.min():
        axes.set(yscale="log")
        plain_log_ticks(axes.yaxis, *axes.get_ylim())
    elif limits.asked.path == "mu_eff":     # the power of ten in the label: above the panel the title stands
        from matplotlib.ticker import FuncFormatter
        power = math.floor(math.log10(finite.max()))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 10 ** power:.7g}"))
        axes.set_ylabel(axes.get_ylabel().replace("[", rf"[$10^{{{power}}}\,$", 1))
    else:
        axes.ticklabel_format(axis="y", useMathText=True, scilimits=(-3, 4), useOffset=False)


def line_figure(limits, bounds):
    """Limits over one axis, a line for each curve."""
    import numpy as np
    labels, x = labels_of(limits), limits.x
    texts = [textwrap.fill(f"{label}: {blank_of(limits)}" if np.isnan(mu).all() else label, ACROSS)
             for label, mu in zip(labels, limits.mu)]
    height = max(3.2, 1.13 * LINE * (sum(text.count("\n") + 1 for text in texts) + 2), LINE * (len(bounds) + 2))
    words, upright, below = ([], False, LINE) if x.numeric else break_words(x.values)
    figure, panels = start_figure(limits, 5.3, [height], 1, False, left=0.85, bottom=0.35 + below)
    axes = panels[0][0]
    at = x.values if x.numeric else np.arange(len(words))
    styles = (styles_of(len(labels)) * len(labels))[:len(labels)]
    colours = [colour for colour, _, _ in styles]
    band = limits.band
    handles = draw_band(axes, at, band, x.numeric, texts) if band else []
    if band:
        colours[band.row] = "black"
    for row, (mu, text, (colour, dashes, marker)) in enumerate(zip(limits.mu, texts, styles)):
        if band and row in (band.row, band.exact_row):
            continue
        marked = len(at) <= FEW or np.isfinite(mu).sum() == 1
        handles += axes.plot(at, mu, color=colour, linestyle=dashes if x.numeric else "none", label=text,
                             linewidth=1 if len(labels) > 10 else 1.5, marker=marker if marked else None,
                             markersize=5.5, markeredgecolor="white", markeredgewidth=0.5)
    handles = handles if band or len(labels) > 1 else []
    if x.numeric:
        scale_axis(axes, "x", x)
        if len(at) <= FEW:
            axes.update_datalim([(end, 1) for end in x.ends], updatey=False)    # blank ends included
            axes.margins(x=0.03)
            axes.autoscale(axis="x")
    else:
        axes.set_xticks(at, words, rotation=90 if upright else 0)
        axes.set_xlim(-0.5, len(at) - 0.5)
    axes.tick_params(which="both", top=x.numeric)
    limit = "Limit on the magnetic moment " if limits.asked.path == "mu_eff" else ""
    axes.set(xlabel=title_of(x), ylabel=limit + quantity_of(limits, True))
    shown = bounds if limits.asked.path == "mu_eff" else []
    scale_moments(axes, limits, shown)
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())        # as the lines want them, whatever marks the gaps
    handles = handles + (draw_gaps(axes, at, limits, colours) if x.numeric else draw_lacking(axes, limits, colours))
    draw_lines(axes, shown, "y")
    beside = draw_right(axes, shown)
    inside = band and put_inside(axes, handles, at, limits)
    if shown or handles and not inside:
        put_beside(axes, [] if inside else handles, after=beside)
    if inside:              # again, for the one beside replaced it
        axes.add_artist(inside)
    add_references(figure, shown)
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


def places_along(axes, lines, texts, size, boxes):
    """Where the texts of contours fit into the panel and beside each other: (text, spot, angle, level) of each."""
    import numpy as np
    inside, renderer = axes.get_window_extent(), axes.figure.canvas.get_renderer()
    for level, segments in zip(lines.levels, lines.allsegs):
        paths = [axes.transData.transform(points) for points in segments if len(points) > 2]
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
                yield texts[level], axes.transData.inverted().transform(spot), angle
                break


def draw_bounds(axes, x, y, field, bounds, size, boxes):
    """White lines where the limits are the published ones, broken for what is no 90 % CL limit, with names."""
    import numpy as np
    for bound in bounds:
        for moment in [bound.mu_eff_mu_B] if bound.lower is None else [bound.lower, bound.mu_eff_mu_B]:
            level = [math.log10(moment)]
            if field.min() < level[0] < field.max():
                axes.contour(x, y, field, level, colors="black", linewidths=2, linestyles="solid", zorder=2.2)
                white = axes.contour(x, y, field, level, colors="white", linewidths=1.1, zorder=2.3,
                                     linestyles="solid" if is_usual(bound) else [(0, (5, 2.5))])
                for text, spot, angle in places_along(axes, white, {white.levels[0]: plain(bound.name)}, size, boxes):
                    axes.text(*spot, text, size=size, rotation=angle, ha="center", va="center", zorder=4,
                              bbox=dict(color="white", pad=0.6), gid="bound")


def draw_contours(axes, x, y, field, levels, size, boxes):
    """Lines with their values, as far as these fit into the panel and beside each other."""
    import numpy as np
    from matplotlib.patheffects import withStroke
    lines = axes.contour(x, y, field, np.log10(levels), colors="black", linewidths=0.6, linestyles="solid")
    texts = dict(zip(lines.levels, level_texts(levels)))
    places = [spot for _, spot, _ in places_along(axes, lines, texts, size, boxes)]
    if places:
        axes.clabel(lines, fmt=texts, fontsize=size, inline_spacing=2, manual=places)
    for text in lines.labelTexts:
        if 180 < text.get_rotation() % 360 < 285:       # reads upwards, as its neighbours do
            text.set_rotation(text.get_rotation() + 180)
        text.set_path_effects([withStroke(linewidth=1.5, foreground="white", alpha=0.8)])


def level_texts(levels):
    """Values as text, of one power of ten with the same decimals."""
    texts = [number(value, 6) for value in levels]
    powers = {math.floor(math.log10(value)) for value in levels}
    if len(powers) > 1 or not all(r"\times" in text for text in texts):
        return texts
    decimals = max(len(text[1:text.index("\\")].partition(".")[2]) for text in texts)
    power, = powers
    return [rf"${value / 10.0 ** power:.{decimals}f}\times10^{{{power}}}$" for value in levels]


def draw_bar(axes, fill, levels, label, bounds):
    """The colour bar of maps, with a white line at each bound."""
    bar = axes.figure.colorbar(fill, cax=axes, spacing="proportional")
    bar.set_ticks(fill.levels[:len(levels)], labels=level_texts(levels))
    axes.tick_params(labelsize=7, length=2)
    for bound in bounds:
        if levels[0] < bound.mu_eff_mu_B < levels[-1]:
            for colour, wide in (("black", 2), ("white", 1.1)):
                axes.axhline(math.log10(bound.mu_eff_mu_B), color=colour, linewidth=wide)
    bar.set_label(label, fontsize=8)
    text = axes.yaxis.label
    if text.get_window_extent(axes.figure.canvas.get_renderer()).height > axes.bbox.height:
        text.set_text(label.replace(" [", "\n["))


def range_of(logs):
    """The range of log10 mu that the colours span; without its upper part where that is a steep brink."""
    import numpy as np
    if not len(logs):
        return None
    low, high, most = logs.min(), logs.max(), np.quantile(logs, 0.8)
    return low, (max(most, low + 2) if most < (low + high) / 2 and high > low + 2 else high)


def map_figure(limits, bounds):
    """Limits over two axes: a panel of contours for each curve, white where they are published ones."""
    import numpy as np
    from matplotlib.collections import Collection
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
    blank = [not np.isfinite(mu).all() for mu in limits.mu]
    layout = dict(left=0.62, right=1.25, bottom=0.72 if any(blank) else 0.5, gap=0.32,
                  beside=0.3 if shared or table else 1.3)
    width = columns * each + (columns - 1) * layout["beside"] + layout["left"] + layout["right"]
    figure, panels = start_figure(limits, width, [height] * rows, columns, len(labels) > 1, **layout)
    for axes in panels.flat[len(labels):]:
        axes.set_visible(False)
    shown = bounds if limits.asked.path == "mu_eff" and any(ranges) else []
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
        if blank[i]:
            axes.add_patch(hatching(transform=axes.transAxes, zorder=0))
        middle = dict(transform=axes.transAxes, ha="center", va="center")
        if ranges[i] is None:
            axes.text(0.5, 0.5, blank_of(limits), bbox=dict(color="white", pad=2), **middle)
            continue
        together = [ends for ends, key in zip(ranges, group) if ends and key == group[i]]
        low, high = min(ends[0] for ends in together), max(ends[1] for ends in together)
        levels = levels_between(10 ** low, 10 ** high)
        above = any(len(part) and part.max() > np.log10(levels[-1])
                    for part, key in zip(logs, group) if key == group[i])
        fine = finer(np.log10(mu), axes, limits)
        fill = axes.contourf(*fine, np.log10(levels), cmap="viridis", extend="max" if above else "neither")
        for part in [fill] if isinstance(fill, Collection) else fill.collections:      # one since matplotlib 3.8
            part.set(edgecolor="face", linewidth=0.2)       # no seams in the PDF
        if logs[i].max() - logs[i].min() < math.log10(FLAT):
            axes.text(0.5, 0.5, f"{number(10 ** logs[i].mean())} {unit_of(limits.asked)} throughout", **middle,
                      bbox=dict(color="white", alpha=0.8, pad=2))
        else:
            size, boxes = 7 if len(labels) == 1 else 6, []
            draw_bounds(axes, *fine, shown, size, boxes)
            apart = [level for level in levels
                     if not any(abs(math.log(level / bound.mu_eff_mu_B)) < 0.01 for bound in shown)]
            draw_contours(axes, *fine, apart, size, boxes)
        fills[group[i]] = fill, levels

    def put_bar(bar):                   # beside all panels, wherever these stand
        top, bottom = panels[0][-1].get_position().y1, panels[-1][0].get_position().y0
        bar.set_position([1 - (layout["right"] - 0.12) / width, bottom, 0.14 / width, top - bottom])

    for key, (fill, levels) in fills.items():
        if shared:
            place = figure.add_axes([0, 0, 1, 1])
            put_bar(place)
        else:
            place = (panels[key][-1] if table else panels.flat[key]).inset_axes([1 + 0.08 / each, 0, 0.12 / each, 1])
        draw_bar(place, fill, levels, quantity_of(limits, not (shared and (rows > 1 or each > 3))), shown)
    spans = [(10 ** part.min(), 10 ** part.max()) for part in logs if len(part)]
    below = add_references(figure, shown, list_bounds(shown, spans) if shown else [])
    if shared and fills:
        put_bar(place)
    if any(blank):
        figure.legend(handles=[hatching(label=blank_of(limits))], loc="lower left", frameon=False, borderaxespad=0.2,
                      fontsize=7, bbox_to_anchor=(0, below / figure.get_figheight()))
    return figure


def shades_of(count, family):
    """Shades of one colour, from light to dark, for that many lines; of all colours where there is no other family."""
    from matplotlib import colormaps
    from matplotlib.colors import LinearSegmentedColormap, to_rgb
    if family is None:
        return [colormaps["viridis"](0.88 * i / max(1, count - 1)) for i in range(count)]
    base = to_rgb(FAMILIES[family])
    light, dark = [0.62 + 0.38 * part for part in base], [0.5 * part for part in base]
    scale = LinearSegmentedColormap.from_list("shades", [light, base, dark])
    return [scale(i / (count - 1)) for i in range(count)]


def surface_figure(limits, bounds):
    """Delta chi^2 over the magnetic moment, a colour for each curve, with the confidence level of the limits."""
    from matplotlib.lines import Line2D
    surface, (groups, values, _) = limits.surface, limits.surface.chi2.shape
    headed = groups > 1 and values > 1
    height = max(3.2, 1.13 * LINE * (groups * (values + headed) + 2))
    stated = SimpleNamespace(**{**vars(limits), "kept": surface.kept, "levels": []})    # the lines tell the level
    figure, panels = start_figure(stated, 5.1, [height], 1, False)
    axes = panels[0][0]
    top = max([12] + [2 * level for level in surface.levels])
    inside = surface.mu[((surface.chi2 > 1e-3 * top) & (surface.chi2 < top)).any(axis=(0, 1))]
    styles, handles, headings = styles_of(groups), [], []
    for g, group in enumerate(surface.groups):
        shades = shades_of(values, g if groups > 1 else None) if values > 1 else [styles[g][0]]
        if headed:
            headings.append(Line2D([], [], linestyle="none", label=textwrap.fill(group, ACROSS)))
            handles.append(headings[-1])
        for v, value in enumerate(surface.values):
            text = (value if values > 1 else group) + ("" if surface.excluded[g, v] else ": nothing excluded")
            handles += axes.plot(surface.mu, surface.chi2[g, v], color=shades[v], linestyle=styles[g][1],
                                 label=textwrap.fill(text, ACROSS))
    for level in surface.levels:
        draw_level(axes, level, math.erf(math.sqrt(level / 2)), "left")
    axes.set(xscale="log", ylim=(0, top), xlabel=MOMENT, ylabel=r"$\Delta\chi^2$")
    if len(inside) > 1:
        axes.set_xlim(inside[0], inside[-1])
    log_ticks(axes.xaxis, *axes.get_xlim())
    draw_lines(axes, bounds, "x")
    above, over = draw_above(axes, bounds)
    raise_top(figure, above)
    if len(handles) > 1:
        title = [name_of(limits.x)] if values > 1 else []
        put_beside(axes, handles, headings, title="\n".join(title + [surface.part] * bool(surface.part)))
    widen(figure, over + 0.1)
    add_references(figure, bounds)
    return figure


def dot_figure(limits, bounds):
    """What is asked of each curve, where there is no axis to draw it against."""
    shown = bounds if limits.asked.path == "mu_eff" else []
    labels = labels_of(limits) if limits.mu.size > 1 else [plain(limits.many[0].values[0])]
    unit = r"$\mu_B$" if limits.asked.path == "mu_eff" else unit_of(limits.asked)
    rows = [(label, float(value), f"{number(value)} {unit}".rstrip().replace(" 1/", "/") if value == value else "")
            for label, value in zip(labels, limits.mu)][:MOST_ROWS]
    part = [f"the first {len(rows)} of {limits.mu.size} curves"] if len(rows) < limits.mu.size else []
    return dots_figure([("", rows)], quantity_of(limits), title_lines(limits, 6) + part, shown,
                       blank_of(limits), True if shown else None, ends_of(limits))


def figures(limits, bounds=()):
    """Yield (name, figure)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")         # of matplotlib, where a panel has no contour
        if limits.surface:
            yield "surface" + limits.suffix, surface_figure(limits, bounds)
        if limits.y:
            yield "limits-map" + limits.suffix, map_figure(limits, bounds)
        elif limits.x:
            yield "limits-line" + limits.suffix, line_figure(limits, bounds)
        elif limits.mu is not None:
            yield "limits-dots" + limits.suffix, dot_figure(limits, bounds)
