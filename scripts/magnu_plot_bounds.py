"""Published limits on the magnetic moment, drawn in every figure that has the moment along a side."""
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
    """The table of published limits, by ascending moment; level is None where none is stated, lower one of intervals."""
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
    level = "no CL" if bound.level is None else level_words(bound.level)
    kind = "" if bound.lower is None else " interval"
    return plain(bound.name) + ("" if is_usual(bound) else f" ({level}{kind})")


def value_words(bound):
    """Its moment, short."""
    digits, power = f"{bound.mu_eff_mu_B:.2e}".split("e")
    return rf"${digits.rstrip('0').rstrip('.')}\times10^{{{int(power)}}}$"


def draw_lines(axes, bounds, side):
    """A line for each bound across the panel, dashed for what is no 90 % CL limit, and a band for an interval."""
    (low, high) = axes.get_xlim() if side == "x" else axes.get_ylim()
    line, band = (axes.axvline, axes.axvspan) if side == "x" else (axes.axhline, axes.axhspan)
    for bound in bounds:
        if bound.lower is not None and bound.lower < high and bound.mu_eff_mu_B > low:
            band(max(bound.lower, low), min(bound.mu_eff_mu_B, high), color="0.9", linewidth=0, zorder=0.5)
        if low <= bound.mu_eff_mu_B <= high:
            line(bound.mu_eff_mu_B, color=GREY, linewidth=0.7, zorder=1,
                 linestyle="-" if is_usual(bound) else (0, (5, 2.5)))


def draw_above(axes, bounds):
    """Names of bounds over a panel with the moment along x: staggered flags, and on top, towards its side, what lies
    outside the frame, with arrow and value; returns the height of it all in inches."""
    low, high = axes.get_xlim()
    height = axes.bbox.height / axes.figure.dpi
    end = 1 + 0.1 * axes.figure.dpi / axes.bbox.width       # how far right a flag may reach
    behind = dict(transform=axes.transAxes, fontsize=SMALL, bbox=dict(color="white", pad=0.5))  # stems pass behind names
    placed, tiers = [], 0                                   # (left end, level) of the flags further right
    for bound in reversed(bounds):
        if not low <= bound.mu_eff_mu_B <= high:
            continue
        x = math.log(bound.mu_eff_mu_B / low) / math.log(high / low)
        text = axes.text(0, 0, f"{name_of(bound)} [{bound.number}]", zorder=5, **behind)
        apart = 0.04 * axes.figure.dpi / axes.bbox.width
        wide = width_of(text, axes) + 2 * apart
        left = min(x, end - wide)
        level = max([at + 1 for start, at in placed if start < left + wide], default=0)
        placed.append((left, level))
        tiers = max(tiers, level + 1)
        text.set(position=(left + apart, 1 + (0.045 + LINE * level) / height))
        tip = LINE * level + (0.16 if left == x else 0.03)
        axes.plot([x, x], [1, 1 + tip / height], transform=axes.transAxes, color=GREY, linewidth=0.7, clip_on=False,
                  zorder=4)
    for side, outside in (("left", [bound for bound in reversed(bounds) if bound.mu_eff_mu_B < low]),
                          ("right", [bound for bound in bounds if bound.mu_eff_mu_B > high])):
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
                             f"{words} →" if side == "right" else f"← {words}", ha=side, **behind)
            tiers += 1
    return LINE * tiers


def draw_right(axes, bounds):
    """Names of bounds to the right of a panel with the moment along y, led to from their lines; on top and below, with
    arrow and value, what lies outside the frame. Returns their width in parts of the panel's."""
    low, high = axes.get_ylim()
    step = LINE * axes.figure.dpi / axes.bbox.height
    named = [(bound, f"{name_of(bound)} [{bound.number}]") for bound in bounds]
    above = [f"↑ {text} {value_words(bound)}" for bound, text in named if bound.mu_eff_mu_B > high]
    below = [f"↓ {text} {value_words(bound)}" for bound, text in named if bound.mu_eff_mu_B < low]
    places = []                 # of the names, each as near to its line as its neighbours allow
    inside = [(axes.transAxes.inverted().transform(axes.transData.transform((axes.get_xlim()[0], bound.mu_eff_mu_B)))[1],
               text) for bound, text in named if low <= bound.mu_eff_mu_B <= high]
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


def add_references(figure, bounds):
    """The references of the bounds below all else; the figure grows as high as they take."""
    if not bounds:
        return
    wide, tall = figure.get_size_inches()
    text = figure.text(0, 0, "", fontsize=SMALL)

    def fits(words):
        text.set_text(plain(words, 9999))
        return text.get_window_extent(figure.canvas.get_renderer()).width <= (wide - 0.2) * figure.dpi

    lines = [f"Published, at {level_words(USUAL)} unless stated:"]
    for number, reference in enumerate(references_of(bounds), 1):
        item = f"[{number}] {reference}"
        if fits(f"{lines[-1]}   {item}"):
            lines[-1] += f"   {item}"
        else:
            lines += textwrap.wrap(item, int(15 * wide), break_on_hyphens=False) or [item]
    text.remove()
    more = 0.06 + 0.9 * LINE * len(lines)
    place = figure.subplotpars
    new = tall + more
    figure.set_size_inches(wide, new)
    figure.subplots_adjust(bottom=(place.bottom * tall + more) / new, top=(place.top * tall + more) / new)
    suptitle = [figure._suptitle] if figure._suptitle else []
    for text in [*figure.texts, *(text for text in suptitle if text not in figure.texts)]:
        text.set_y((text.get_position()[1] * tall + more) / new)
    figure.text(0.1 / wide, (more - 0.02) / new, plain("\n".join(lines), 9999), va="top", linespacing=1.2,
                fontsize=SMALL)
