"""What the figures of scripts/plot share: styles, layout, and how they are written."""
import io
import os

# Okabe-Ito colours, told apart by dashes and markers too; green dotted is kept for a reduced sigma.
# The dashes repeat so that a line 18 widths long, as in the legends, ends in a dash.
STYLES = [("#0072B2", "-", "o"), ("#D55E00", (0, (4.5, 2.25)), "s"), ("#CC79A7", (0, (6.5, 2, 1, 2)), "^"),
          ("#E69F00", (0, (3, 0.9, 0.9, 0.9, 0.9, 0.9)), "D"), ("#000000", (0, (8, 2)), "v"),
          ("#56B4E9", (0, (2, 1.2)), "P"), ("#000000", (0, (1, 2.4)), "X")]
REDUCED = ("#009E73", (0, (1, 1)), "D")
MOMENT = r"Effective magnetic moment $\mu_{\nu_\mathrm{eff}}$ [$\mu_B$]"
LINE = 0.155          # height of a line of small type, in inches
MOST_PANELS, MOST_LINES = 24, 40
BESIDE = dict(loc="upper left", bbox_to_anchor=(1.02, 1), borderaxespad=0, frameon=False, borderpad=0)  # legend


class Failure(Exception):
    """An error to report in one line; args are (exit status, message)."""


def plain(text, longest=60):
    """Text safe from mathtext, and not too long: without its middle, for long names often begin alike."""
    if len(text) > longest:
        tail = longest // 2 - 1
        text = f"{text[:longest - 1 - tail].rstrip(' .')}…{text[-tail:].lstrip()}"
    return text.replace("$", r"\$")


def level_words(share):
    """A confidence level, with as many digits as keep it from 100 %."""
    texts = (f"{100 * share:.{digits}g}" for digits in range(4, 17))
    return next((text for text in texts if text != "100"), "100") + "% CL"


def styles_of(count):
    """Colour, dashes and marker of that many lines; shades of one scale where they are many."""
    from matplotlib import colormaps
    if count > 10:
        return [(colormaps["viridis"](0.92 * i / count), *STYLES[i % 4][1:]) for i in range(count)]
    return STYLES + [(STYLES[i][0], STYLES[i + 2][1], marker) for i, marker in enumerate("<>p")]


def set_style():
    """The look of all figures, whatever the user's matplotlibrc says."""
    import matplotlib
    matplotlib.use("Agg")
    matplotlib.rcdefaults()
    matplotlib.rcParams.update({
        "font.size": 8, "axes.labelsize": 9, "axes.titlesize": 9, "legend.fontsize": 8, "legend.title_fontsize": 8,
        "legend.edgecolor": "0.8", "legend.fancybox": False, "xtick.labelsize": 8, "ytick.labelsize": 8,
        "axes.linewidth": 0.8, "xtick.direction": "in", "ytick.direction": "in", "ytick.right": True,
        "xtick.major.pad": 5, "xtick.minor.pad": 5, "pdf.fonttype": 42})


def new_figure(width, heights, columns=1, **margins):
    """A figure with a grid of panels of the given heights; lengths in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    share = {name: margins.pop(name) for name in ("sharex", "sharey") if name in margins}
    figure = Figure(figsize=(width, 1))
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(heights), columns, squeeze=False, gridspec_kw=dict(height_ratios=heights), **share)
    set_margins(figure, width, heights, columns, **margins)
    return figure, panels


def set_margins(figure, width, heights, columns, left=0.6, right=0.15, top=0.15, bottom=0.5, gap=0.14, beside=None):
    """Give the figure the height that its panels, the gaps below (if another: beside) them and the margins need."""
    beside = gap if beside is None else beside
    tall = sum(heights) + gap * (len(heights) - 1) + top + bottom
    figure.set_size_inches(width, tall)
    figure.subplots_adjust(left=left / width, right=1 - right / width, bottom=bottom / tall, top=1 - top / tall,
                           wspace=beside * columns / (width - left - right - beside * (columns - 1)),
                           hspace=gap * len(heights) / sum(heights))


def new_pairs(count, width, heights, between, gap=0.07, **margins):
    """A figure with pairs of panels, one below the other, two pairs to a row; `between` lies below each row of pairs
    but the last, in inches. Returns it and the pairs."""
    columns, rows = min(count, 2), (count + 1) // 2
    heights = ([*heights, between - 2 * gap] * rows)[:-1]
    figure, panels = new_figure(width, heights, columns, gap=gap, **margins)
    pairs = [(panels[3 * row, column], panels[3 * row + 1, column]) for row in range(rows) for column in range(columns)]
    for axes in panels.flat:
        axes.set_visible(any(axes in pair for pair in pairs[:count]))
    for above, below in pairs[:count]:
        above.sharex(below)
        above.tick_params(labelbottom=False)
    return figure, pairs[:count]


def log_ticks(axis, low, high):
    """On a logarithmic axis with too few powers of ten to label only those, label 2 and 5 as well."""
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter
    if high < 60 * low:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(LogFormatterSciNotation(minor_thresholds=(9, 9)))
        axis.set_minor_formatter(NullFormatter())


def plain_log_ticks(side, low, high):
    """Ticks of a logarithmic side, as plain numbers where these are short."""
    from matplotlib.ticker import FuncFormatter
    log_ticks(side, low, high)
    if low >= 1e-3 and high <= 1e5:
        side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def width_of(artist, axes):
    """Width of a text or legend in units of the axes."""
    return artist.get_window_extent(axes.figure.canvas.get_renderer()).width / axes.bbox.width


def draw_level(axes, level, share, side):
    """A line at the delta chi^2 of a confidence level, named at that side."""
    axes.axhline(level, color="black", linewidth=0.8, zorder=1.5)
    axes.annotate(level_words(share), (0.985 if side == "right" else 0.015, level), va="bottom", ha=side,
                  xycoords=("axes fraction", "data"), xytext=(0, 2.5), textcoords="offset points",
                  bbox=dict(color="white", pad=0.5), zorder=1.4)


def raise_top(figure, more):
    """Make room over the panels; what stands above keeps its distance from the upper edge."""
    tall, place = figure.get_figheight(), figure.subplotpars
    new = tall + more
    figure.set_figheight(new)
    figure.subplots_adjust(bottom=place.bottom * tall / new, top=place.top * tall / new)
    for text in figure.texts:
        text.set_y(1 - (1 - text.get_position()[1]) * tall / new)


def widen(figure, right):
    """Give the figure at least this margin on the right, in inches."""
    wide, place = figure.get_figwidth(), figure.subplotpars
    more = right - wide * (1 - place.right)
    if more > 0:
        figure.set_figwidth(wide + more)
        figure.subplots_adjust(left=place.left * wide / (wide + more), right=place.right * wide / (wide + more))


def put_beside(axes, handles, headings=(), after=0, **more):
    """A legend to the right of the only panel, where it hides nothing; the figure grows as wide as it takes. `after`:
    how far, in parts of the panel's width, other words reach there."""
    place = BESIDE | dict(bbox_to_anchor=(1.02 + after, 1))
    legend, figure = axes.legend(handles=handles, alignment="left", **place, handlelength=3.375, **more), axes.figure
    for handle, text in zip(handles, legend.get_texts()):
        text.set_weight("bold" if handle in headings else "normal")
    panel, wide = axes.get_position(), figure.get_figwidth()
    new = wide * panel.x1 + wide * panel.width * (0.02 + after + (width_of(legend, axes) if handles else 0)) + 0.1
    figure.set_figwidth(new)
    figure.subplots_adjust(left=wide * panel.x0 / new, right=wide * panel.x1 / new)


def save(figure, stem, study):
    """Write a figure as PNG and PDF, each under a temporary name first, and print their paths."""
    quiet = dict(png=dict(Software=None, Title=study),
                 pdf=dict(CreationDate=None, Producer=None, Creator=None, Title=study))
    for kind, metadata in quiet.items():
        image, path = io.BytesIO(), f"{stem}.{kind}"
        figure.savefig(image, format=kind, dpi=200, metadata=metadata)
        part = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{os.getpid()}.part")
        try:
            with open(part, "wb") as file:
                file.write(image.getvalue())
            os.replace(part, path)
        except OSError as error:
            raise Failure(1, f"{path}: cannot write: {error.strerror}")
        finally:
            if os.path.exists(part):
                os.remove(part)
        print(path)
