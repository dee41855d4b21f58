"""Published limits on the magnetic moment, drawn in every figure of limits."""
import itertools
import math
import textwrap

from magnu_plot import Failure, LINE, level_words, plain, width_of
from magnu_plot_results import read_table

GREY = "#555555"
USUAL = 0.9             # the confidence level that goes without saying
SMALL = 7               # size of type of references, and of names beside a panel
BOUNDS = dict(name=str, mu_eff_mu_B=float, reference=str)
MORE = dict(confidence_level=str, kind=str, lower_mu_B=str)     # empty where a table has no such column


def read_bounds(path):
    """The published limits, by ascending moment; level is None where none is stated, lower of what is no interval."""
    bounds = read_table(path, BOUNDS, may_be_empty=True, optional=MORE)
    for bound in bounds:
        about = f"{path}: {bound.name}: "
        try:
            bound.level = float(bound.confidence_level) if bound.confidence_level else None
            bound.lower = float(bound.lower_mu_B) if bound.lower_mu_B else None
        except ValueError as error:
            raise Failure(2, about + str(error))
        if not 0 < bound.mu_eff_mu_B < math.inf:
            raise Failure(2, about + "mu_eff_mu_B is not a positive number")
        if bound.level is not None and not 0 < bound.level < 1:
            raise Failure(2, about + "confidence_level is not between 0 and 1: 0.9, or nothing where none is stated")
        if bound.kind not in ("", "limit", "interval"):
            raise Failure(2, about + f"kind {bound.kind} is not known; there are limit, interval")
        if (bound.kind == "interval") != (bound.lower is not None and 0 < bound.lower < bound.mu_eff_mu_B):
            raise Failure(2, about + "an interval, and nothing else, has a lower_mu_B, above 0 and below mu_eff_mu_B")
    stated = any(bound.confidence_level for bound in bounds)
    for bound in bounds:
        if not stated:              # a table of before, of limits at the usual level
            bound.level = USUAL
    bounds = sorted(bounds, key=lambda bound: bound.mu_eff_mu_B)
    for bound in bounds:
        bound.number = references_of(bounds).index(bound.reference) + 1
    return bounds


def references_of(bounds):
    """The references in the order of their bounds, each once."""
    return list(dict.fromkeys(bound.reference for bound in bounds))


def is_usual(bound):
    """Whether it is a limit at 90 % CL."""
    return bound.lower is None and bound.level == USUAL


def name_of(bound):
    """Its name, with level and kind unless it is a limit at 90 % CL."""
    level = "no CL" if bound.level is None else "" if bound.level == USUAL else level_words(bound.level)
    words = f"{level} {'' if bound.lower is None else 'interval'}".strip()
    return plain(bound.name) + (f" ({words})" if words else "")


def value_words(bound):
    """Its moment, short, or both ends of an interval."""
    digits, power = f"{bound.mu_eff_mu_B:.2e}".split("e")
    digits = digits.rstrip("0").rstrip(".")
    if bound.lower is not None:
        digits = rf"({float(f'{bound.lower / 10 ** int(power):.3g}'):g}\ \mathrm{{to}}\ {digits})"
    return rf"${digits}\times10^{{{int(power)}}}$"


def place_of(bound, low, high):
    """Where its name points to: its moment, or the middle of what is seen of an interval; None outside the frame."""
    first, last = max(bound.lower or bound.mu_eff_mu_B, low), min(bound.mu_eff_mu_B, high)
    return math.sqrt(first * last) if first <= last else None


def draw_lines(axes, bounds, side):
    """A line for each bound across the panel, dashed for what is no 90 % CL limit, and a band for an interval."""
    (low, high) = axes.get_xlim() if side == "x" else axes.get_ylim()
    line, band = (axes.axvline, axes.axvspan) if side == "x" else (axes.axhline, axes.axhspan)
    for bound in bounds:
        if bound.lower is not None and bound.lower < high and bound.mu_eff_mu_B > low:
            band(max(bound.lower, low), min(bound.mu_eff_mu_B, high), color="0.9", linewidth=0, zorder=0.5)
        for moment in [bound.mu_eff_mu_B] if bound.lower is None else [bound.lower, bound.mu_eff_mu_B]:
            if low <= moment <= high:
                line(moment, color=GREY, linewidth=0.7 if bound.lower is None else 0.4, zorder=1,
                     linestyle="-" if is_usual(bound) else (0, (5, 2.5)))


def levels_of(flags, fly):
    """The level of each flag, (x, wide), that flies to the right or (-1) left of its stem: no stem passes through another
    flag. None where that cannot be."""
    ends = [(x, x + wide) if side > 0 else (x - wide, x) for (x, wide), side in zip(flags, fly)]
    under = [[j for j, (x, _) in enumerate(flags) if j != i and ends[i][0] < x < ends[i][1]] for i in range(len(flags))]
    levels = {}
    while len(levels) < len(flags):
        free = [i for i in range(len(flags)) if i not in levels and all(j in levels for j in under[i])]
        if not free:
            return None
        i = free[-1] if fly[free[-1]] > 0 else free[0]
        levels[i] = 1 + max((levels[j] for j in levels if j in under[i] or ends[j][0] < ends[i][1]
                             and ends[i][0] < ends[j][1]), default=-1)
    return [levels[i] for i in range(len(flags))]


def raise_flags(flags, start, end):
    """The sides and levels of flags, sorted by their stems: lowest, with least beyond the end. In inches."""
    def cost(fly):
        levels = levels_of(flags, fly)
        over = max([0] + [x + wide - end for (x, wide), side in zip(flags, fly) if side > 0])
        return (LINE * (max(levels, default=0) + 1) + over if levels is not None else math.inf), fly, levels

    most = 10                   # of which each can fly to either side; of more all fly to the right
    sides = [(1, -1) if x - wide >= start and i >= len(flags) - most else (1,) for i, (x, wide) in enumerate(flags)]
    return min((cost(fly) for fly in itertools.product(*sides)), key=lambda found: found[0])[1:]


def draw_above(axes, bounds):
    """Names of bounds over a panel with the moment along x: staggered flags, and on top, towards its side, what lies
    outside the frame, with arrow and value; returns in inches the height of it all, and how far it leaves the panel on
    the right."""
    low, high = axes.get_xlim()
    wide, height = axes.bbox.width / axes.figure.dpi, axes.bbox.height / axes.figure.dpi
    small = dict(transform=axes.transAxes, fontsize=SMALL)
    shown = sorted((place_of(bound, low, high), bound.number, name_of(bound), is_usual(bound)) for bound in bounds
                   if place_of(bound, low, high))
    texts = [axes.text(0, 0, f"{name} [{number}]", zorder=5, bbox=dict(color="white", pad=0.5), **small)
             for _, number, name, _ in shown]               # stems pass behind names
    apart = 0.04
    flags = [(wide * math.log(place / low) / math.log(high / low), wide * width_of(text, axes) + 2 * apart)
             for text, (place, _, _, _) in zip(texts, shown)]
    fly, levels = raise_flags(flags, -0.1, wide)
    for (x, long), text, side, level, (_, _, _, usual) in zip(flags, texts, fly, levels, shown):
        text.set(position=((x + side * apart) / wide, 1 + (0.045 + LINE * level) / height),
                 ha="left" if side > 0 else "right")
        axes.plot([x / wide, x / wide], [1, 1 + (LINE * level + 0.16) / height], transform=axes.transAxes, color=GREY,
                  linewidth=0.7, clip_on=False, zorder=4, linestyle="-" if usual else (0, (5, 2.5)))
    over = max([0] + [x + long - wide for (x, long), side in zip(flags, fly) if side > 0])
    tiers = max(levels, default=-1) + 1
    for side, outside in (("left", [bound for bound in reversed(bounds) if bound.mu_eff_mu_B < low]),
                          ("right", [bound for bound in bounds if (bound.lower or bound.mu_eff_mu_B) > high])):
        line = None
        for bound in outside:               # the nearest first
            words = f"{name_of(bound)} {value_words(bound)} [{bound.number}]"
            if line:            # as many to a line as the panel holds
                before = line.get_text()
                line.set_text(f"{before[:-2]}, {words} →" if side == "right" else f"{before}, {words}")
                if width_of(line, axes) <= 1:
                    continue
                line.set_text(before)
            line = axes.text(0 if side == "left" else 1, 1 + (0.045 + LINE * tiers) / height,
                             f"{words} →" if side == "right" else f"← {words}", ha=side, **small)
            tiers += 1
    return LINE * tiers, over


def draw_right(axes, bounds):
    """Names of bounds to the right of a panel with the moment along y, led to from their lines; on top and below, with
    arrow and value, what lies outside the frame. Returns their width in parts of the panel's."""
    low, high = axes.get_ylim()
    step = LINE * axes.figure.dpi / axes.bbox.height
    named = [(bound, f"{name_of(bound)} [{bound.number}]") for bound in bounds]
    above = [f"↑ {text} {value_words(bound)}" for bound, text in named if (bound.lower or bound.mu_eff_mu_B) > high]
    below = [f"↓ {text} {value_words(bound)}" for bound, text in named if bound.mu_eff_mu_B < low]
    places = []                 # of the names, each as near to its line as its neighbours allow
    to_panel, left = axes.transData + axes.transAxes.inverted(), axes.get_xlim()[0]
    spots = [(place_of(bound, low, high), text) for bound, text in named]
    inside = sorted((to_panel.transform((left, place))[1], text) for place, text in spots if place)
    for y, _ in inside:
        places.append(max(y, places[-1] + step if places else (len(below) + 0.5) * step))
    top = 1 - (len(above) + 0.5) * step
    for i in reversed(range(len(places))):
        places[i] = min(places[i], top)
        top = places[i] - step
    texts = []
    for (y, text), place in zip(inside, places):
        axes.plot([1, 1.015, 1.035], [y, y, place], transform=axes.transAxes, color=GREY, linewidth=0.6, clip_on=False)
        texts.append((place, text))
    texts += [((i + 0.5) * step, text) for i, text in enumerate(below)]
    texts += [(1 - (i + 0.5) * step, text) for i, text in enumerate(reversed(above))]
    drawn = [axes.text(1.045, y, text, transform=axes.transAxes, va="center", fontsize=SMALL) for y, text in texts]
    return max((0.045 + width_of(text, axes) for text in drawn), default=0)


def list_bounds(bounds, ranges):
    """For maps, whose colours show the moment over these ranges: items that list what is drawn as lines and, with the
    direction, what is not; each with the words before it, if it is the first."""
    drawn = [bound for bound in bounds if any(place_of(bound, *ends) for ends in ranges)]
    below = [bound for bound in bounds if bound.mu_eff_mu_B < min(low for low, _ in ranges)]
    above = [bound for bound in bounds if (bound.lower or bound.mu_eff_mu_B) > max(high for _, high in ranges)]
    between = [bound for bound in bounds if bound not in drawn + below + above]
    return [(words if i == 0 else "", f"{name_of(bound)} {value_words(bound)} [{bound.number}]")
            for words, part in (("White lines:", drawn), ("↓ Below all values:", below),
                                ("Between the panels' values:", between), ("↑ Above all values:", above))
            for i, bound in enumerate(part)]


def add_references(figure, bounds, listed=()):
    """The references of the bounds below all else, after what is listed of them; the figure grows as high as they take.
    Returns that height in inches."""
    if not bounds:
        return 0
    wide, tall = figure.get_size_inches()
    text = figure.text(0, 0, "", fontsize=SMALL)

    def fits(words):
        text.set_text(words)
        return text.get_window_extent(figure.canvas.get_renderer()).width <= (wide - 0.2) * figure.dpi

    lines = []
    for first, item in listed:
        if first:
            lines.append(f"{first} {item}")
        elif fits(f"{lines[-1]},  {item},"):
            lines[-1] += f",  {item}"
        else:
            lines[-1:] = [lines[-1] + ",", item]
    lines.append(f"Published, at {level_words(USUAL)} unless stated:")
    for number, reference in enumerate(references_of(bounds), 1):
        item = f"[{number}] {plain(reference, 9999)}"
        if fits(f"{lines[-1]}   {item}"):
            lines[-1] += f"   {item}"
        else:
            lines += textwrap.wrap(item, int(15 * wide), break_on_hyphens=False) or [item]
    text.set(text="\n".join(lines), linespacing=1.2)
    more = 0.1 + text.get_window_extent(figure.canvas.get_renderer()).height / figure.dpi
    text.remove()
    place = figure.subplotpars
    new = tall + more
    figure.set_size_inches(wide, new)
    figure.subplots_adjust(bottom=(place.bottom * tall + more) / new, top=(place.top * tall + more) / new)
    suptitle = [figure._suptitle] if figure._suptitle else []
    for text in [*figure.texts, *(text for text in suptitle if text not in figure.texts)]:
        text.set_y((text.get_position()[1] * tall + more) / new)
    figure.text(0.1 / wide, (more - 0.02) / new, "\n".join(lines), va="top", linespacing=1.2, fontsize=SMALL)
    return more
