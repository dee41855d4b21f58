"""What to draw of a study with axes: the part of limits.h5 that is shown, and its names and units."""
import itertools
import math
import os
import re
import textwrap
import zlib
from types import SimpleNamespace

from magnu_plot import Failure, MOMENT, MOST_LINES, MOST_PANELS, level_words, plain

NAMES = {"threshold": "Threshold", "upper": "Upper end", "bins": "Number of bins", "exposure": "Exposure",
         "background": "Background", "background.flat": "Flat background",
         "background.fraction": "Background per signal", "fraction_in": "Background fraction in",
         "oscillation.dm2_21": r"$\Delta m^2_{21}$", "oscillation.sin2_theta12": r"$\sin^2\theta_{12}$",
         "oscillation.sin2_theta13": r"$\sin^2\theta_{13}$", "sin2_theta_w": r"$\sin^2\theta_W$",
         "resolution.a": "Resolution $a$", "resolution.b": "Resolution $b$",
         "sigma_scale": r"Factor on $\sigma$", "confidence_level": "Confidence level", "solar_model": "Solar model",
         "b8_spectrum": r"$^8$B spectrum", "target": "Target", "electrons": "Electrons", "statistic": "Statistic"}
WORDS = {"xenon1t": "XENON1T", "xenonnt": "XENONnT", "darwin": "DARWIN", "bs05op": "BS05(OP)",
         "bs05agsop": "BS05(AGS,OP)", "b16gs98": "B16-GS98", "b16agss09": "B16-AGSS09", "bahcall1996": "Bahcall 1996",
         "winter2006": "Winter 2006"}
MOST_POINTS = 1000      # drawn along an axis: more could not be told apart
MOST_VALUES = 6         # of an axis, in a surface
MOST_MAPPED, MOST_LINED = 4, 6      # curves whose asymptotic limits are drawn beside those of toys
LONGEST = 160           # of what a file name says, in characters: file systems take 255 in all


def text_of(attribute):
    """An HDF5 attribute as text."""
    return attribute if isinstance(attribute, str) else attribute.decode()


def read_scale(scale, path):
    """An axis: name, unit, values (numbers or words) and whether they are numbers."""
    words = scale.dtype.kind == "O"
    values = None if scale.attrs.get("CLASS") != b"DIMENSION_SCALE" else list(scale.asstr()[()]) if words else scale[()]
    return SimpleNamespace(path=path, unit=text_of(scale.attrs.get("units", "")), numeric=not words, values=values)


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
            asked = [name for name in file
                     if name != "delta_chi2" and file[name].attrs.get("CLASS") != b"DIMENSION_SCALE"]
            asked.sort(key=lambda name: name != "mu_eff")  # beside it, what else is known of a likelihood
            data = file[asked[0]]
            axes = [read_scale(dim[0], dim.keys()[0]) for dim in data.dims]
            if [len(axis.values) for axis in axes] != list(data.shape) or 0 in data.shape or axes[0].path != "curve":
                raise ValueError
            surface = "delta_chi2" in file
            limits = choose(axes, path, shown, fix(axes, path, fixed), surface)
            limits.levels = read_levels(path, axes, text_of(study), limits)
            limits.test = test_of(read_curves(path, text_of(study)), axes)
            limits.asked = read_scale(data, asked[0])
            limits.question = text_of(data.attrs.get("long_name", ""))
            limits.surface = read_surface(file, axes, limits) if surface else None
            limits.study = text_of(study)
            read = part_of(axes, limits) if limits.x or limits.dots else None
            limits.mu = positive(read(data)) if read else None
            limits.band = limits.formulae = None
            curves = read_curves(path, limits.study)
            if limits.x:
                limits.formulae = read_formulae(file, axes, limits, read, curves)
            if limits.x and not limits.y:
                limits.band = read_band(file, axes, limits, read, curves)
                limits.notes += gap_notes(limits)
    except OSError as error:
        raise Failure(2, f"{path}: cannot read: {error.strerror or 'damaged, or not an HDF5 file'}")
    except (KeyError, ValueError, IndexError, AttributeError, TypeError, RuntimeError):
        raise Failure(2, f"{path}: not the limits of a study of magnu")
    return limits


def read_curves(path, study):
    """Of each curve its settings, as study.yaml beside limits.h5 states them; none where that is another study's."""
    try:
        with open(os.path.join(os.path.dirname(path), "study.yaml"), encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return []
    name = re.match("name: (.*)", text)
    if not name or name[1].strip('"') != study:
        return []
    blocks = re.split(r"^  - name: ", text.partition("\naxes:")[0], flags=re.MULTILINE)[1:]
    curves = {block.partition("\n")[0]: dict(re.findall(r"^    (\w+): (.*)$", block, re.MULTILINE)) for block in blocks}
    return [join_curves(curve, curves) if "of" in curve else curve for curve in curves.values()]


def join_curves(joint, curves):
    """The settings of a joint fit, with those of its curves one after another."""
    members = [curves[name] for name in re.findall(r'"(?:[^"\\]|\\.)*"|[^][, ][^][,]*', joint["of"]) if name in curves]
    joined = {key: ", ".join(curve[key] for curve in members if key in curve)
              for key in ("uncertainties", "background", "counts") if any(key in curve for curve in members)}
    return joint | joined | dict(statistic="poisson")


def read_levels(path, axes, study, limits):
    """The confidence level of each curve, from study.yaml beside limits.h5; none where an axis sets it."""
    if any(axis.path == "confidence_level" for axis in axes):
        return []
    curves = read_curves(path, study)
    try:
        levels = [float(curve["confidence_level"]) for curve in curves]
    except (KeyError, ValueError):
        levels = []
    if len(levels) != len(axes[0].values):
        limits.notes.append(f"no study.yaml of these limits beside {path}: the figures cannot say the confidence level")
        return []
    return levels


def test_of(curves, axes):
    """How limits are set, in words, where all curves are likelihoods with one test."""
    tests = {re.search(r"test: ([\w-]+)|$", curve.get("interval", ""))[1] if curve.get("statistic") == "poisson" else None
             for curve in curves}
    if len(tests) != 1 or any(axis.path in ("statistic", "interval.test") for axis in axes):
        return ""
    return {"two-sided": "two-sided ", "upper": "one-sided ", "cls": "CL$_s$ ",
            "feldman-cousins": "Feldman-Cousins "}.get(tests.pop(), "")


def is_exact(curve):
    """Whether a likelihood takes all for known: neither fluxes nor settings, nor a background are uncertain."""
    sizes = re.findall(r": ([^,{}]+)", curve.get("uncertainties", ""))
    background = re.sub(r", \w+: \{[^{}]*\}", "", curve.get("background", ""))         # of columns of a table
    entries = re.findall(r"\{[^{}]*\}|\w+", background)
    own = [entry for entry in entries if entry != "none" and not re.match(r"\{(flat|fraction|table):", entry)]
    return ({*sizes} <= {"none"} and all("uncertainty: none" in entry for entry in own) and
            all(size.strip() == "none" for entry in entries for size in re.findall(r"uncertainty: ([^,}]+)", entry)))


def settings_of(curve):
    """What a curve has in common with the same detector without uncertainties and without counts."""
    known = {key: text for key, text in curve.items() if key not in ("uncertainties", "counts")}
    known["background"] = re.sub(r", uncertainty: [^,}]+", "", known.get("background", ""))
    known["background"] = re.sub(r"\{name: ([^,{}]+)\}", r"\1", known["background"])
    return known


def read_band(file, axes, limits, read, curves):
    """Of limits over one axis, those expected of data without signal: for the only line that is a likelihood with
    uncertainties (or the only likelihood). None where that is not one line."""
    lines = [limits.at["curve"]] if "curve" in limits.at else range(len(axes[0].values))
    if "expected" not in file or len(curves) != len(axes[0].values) or len(lines) != len(limits.mu):
        return None
    likely = [i for i in lines if curves[i].get("statistic") == "poisson"]
    of = [i for i in likely if not is_exact(curves[i])] or likely
    if len(of) != 1 or any(axis.path in ("statistic", "uncertainties") for axis in axes):
        if len(of) > 1:
            limits.notes.append(f"no expected band, for there are {len(of)} curves to draw one of; --at curve=NAME "
                                "chooses")
        return None
    curve, = of
    row = list(lines).index(curve)
    same = [i for i, other in enumerate(curves) if i != curve and other.get("statistic") == "poisson" and
            is_exact(other) and settings_of(other) == settings_of(curves[curve])]
    band = SimpleNamespace(row=row, mu=limits.mu[row], observed="counts" in curves[curve], exact_row=None, exact=None,
                           expected=[read(file["expected"], k, curve=curve)[row] for k in range(5)],
                           lower=positive(read(file["lower"], curve=curve)[row]))
    if same and not is_exact(curves[curve]):
        band.exact_row = same[0] if "curve" not in limits.at else None
        exact = read(file["expected"], 2, curve=same[0])
        band.exact = positive(exact[row if "curve" in limits.at else same[0]])
    return band


def read_formulae(file, axes, limits, read, curves):
    """Of limits from toys the asymptotic ones: by how much they exceed those of toys, and what their intervals cover,
    both with the labels of the lines or panels; None where there are none."""
    import numpy as np
    if "asymptotic" not in file or "asymptotic_coverage" not in file:
        return None
    exact = file["unconstrained"] if "unconstrained" in file else file["mu_eff"]    # as the asymptotic ones are

    def along(axis, values):            # as a dataset of its own, to be read as these are
        shape = [-1 if other is axis else 1 for other in axes]
        return read(np.broadcast_to(np.array(values, float).reshape(shape), exact.shape))
    of = SimpleNamespace(coverage=read(file["asymptotic_coverage"]),
                         excess=positive(read(file["asymptotic"])) / positive(read(exact)) - 1)
    axis = next((axis for axis in axes if axis.path == "confidence_level"), None)
    stated = np.ravel(file["mu_eff"].attrs.get("confidence_level", [math.nan]))
    of.level = along(axis, file["confidence_level"][()]) if axis else along(axes[0], stated)
    counts = [re.search(r"toys: (\d+)", curve.get("interval", "")) for curve in curves]
    known = len(counts) == exact.shape[0] and not any(axis.path == "interval.toys" for axis in axes)
    of.toys = along(axes[0], [float(found[1]) if found else math.nan for found in counts] if known else [math.nan])
    # Limits without toys are the asymptotic ones.
    rows = [row for row, coverage in enumerate(of.coverage)
            if np.isfinite(coverage).any() or (np.nan_to_num(of.excess[row]) != 0).any()]
    if not rows or np.isnan(of.level).any():
        return None
    most = MOST_MAPPED if limits.y else MOST_LINED
    if len(rows) > most:
        limits.notes.append(f"asymptotics: the first {most} of {len(rows)} curves; --at chooses others")
    rows = rows[:most]
    labels = labels_of(limits)
    return SimpleNamespace(**{name: values[rows] for name, values in vars(of).items()},
                           labels=[labels[row] for row in rows])


def pick(axis, text, path):
    """The value of an axis that --at asks for: its index, its name in file names, a note where it is another."""
    if not axis.numeric:
        bare = {re.sub(r"[\[\]{}\s]", "", value): i for i, value in reversed(list(enumerate(axis.values)))}
        asked = re.sub(r"[\[\]{}\s]", "", text)
        if asked not in bare:
            raise Failure(2, f"--at {axis.path}={text}: not in {path}; there are {', '.join(axis.values)}")
        index = axis.values.index(text) if text in axis.values else bare[asked]
        names = [re.sub("[^A-Za-z0-9.+]+", "-", value).strip("-") or "none" for value in axis.values]
        return index, names[index] + (f"-{index + 1}" if names.count(names[index]) > 1 else ""), ""
    bare = text.strip()
    if axis.unit and bare.endswith(axis.unit):
        bare = bare[:-len(axis.unit)]
    try:
        value = float(bare)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Failure(2, f"--at {axis.path}={text}: not a number{' of ' + axis.unit if axis.unit else ''}; "
                         f"from {min(axis.values):g} to {max(axis.values):g} would do")
    index = min(range(len(axis.values)), key=lambda i: abs(axis.values[i] - value))
    taken = f"{axis.values[index]:g}"
    note = f"--at {axis.path}={bare.strip()}: not in the study; taken is the nearest, {taken} {axis.unit}".rstrip()
    return index, repr(value).removesuffix(".0"), note if taken != f"{value:g}" else ""


def find(axes, name, option, path):
    """The axis of that name."""
    for axis in axes:
        if axis.path == name:
            return axis
    raise Failure(2, f"{option}: {path} has no axis {name}; it has {', '.join(axis.path for axis in axes)}")


def fix(axes, path, options):
    """What --at asks for: by axis (index, name in file names, note)."""
    at = {}
    for text in options:
        name, equals, value = text.partition("=")
        if not equals:
            raise Failure(2, f"--at {text}: not AXIS=VALUE; the axes are {', '.join(axis.path for axis in axes)}")
        axis = find(axes, name.strip(), f"--at {text}", path)
        if axis.path in at:
            raise Failure(2, f"--at {text}: {axis.path} is given twice")
        at[axis.path] = pick(axis, value, path)
    return at


def drawn_axes(axes, path, shown, free, at):
    """The axes that --axes asks for, one or two."""
    names = [name.strip() for name in shown.split(",")]
    drawn = [find(axes, name, f"--axes {shown}", path) for name in names]
    wrong = [axis for axis in drawn if axis not in free or (len(drawn) > 1 and not axis.numeric)]
    if len(drawn) > 2 or len(set(names)) < len(names):
        raise Failure(2, f"--axes {shown}: not one axis or two; there are {', '.join(axis.path for axis in free)}")
    if wrong:
        why = ("is fixed by --at" if wrong[0].path in at else "gives the lines or panels" if wrong[0].path == "curve"
               else "has one value" if wrong[0].numeric or len(wrong[0].values) == 1
               else "is of words, and a map needs numbers")
        good = [axis.path for axis in free if axis.numeric or len(drawn) == 1]
        raise Failure(2, f"--axes {shown}: {wrong[0].path} {why}; free are: {', '.join(good) or 'none'}")
    return drawn


def suffix_of(axes, shown, fixed):
    """What --axes and --at ask for, as file names say it; nothing for neither."""
    parts = [re.sub(r"\s", "", shown).replace(",", "-")] if shown else []
    parts += [f"{axis.path}={fixed[axis.path][1]}" for axis in axes if axis.path in fixed]
    suffix = "".join("_" + part for part in parts)
    return suffix if len(suffix) <= LONGEST else f"{suffix[:LONGEST - 9]}-{zlib.crc32(suffix.encode()):08x}"


def middle(axis):
    """The index of the middle value of an axis of numbers, the first one of words."""
    order = sorted(range(len(axis.values)), key=lambda i: axis.values[i]) if axis.numeric else [0]
    return order[(len(order) - 1) // 2]


def choose(axes, path, shown, fixed, surface):
    """Which axes are drawn (x, y), which give lines or panels (many), and the index at which each other is kept."""
    at = {name: index for name, (index, _, _) in fixed.items()}
    free = [axis for axis in axes[1:] if len(axis.values) > 1 and axis.path not in at]
    if shown:
        drawn = drawn_axes(axes, path, shown, free, at)
    else:
        drawn = [axis for axis in free if axis.numeric][:2] or free[:1]
    dots = not drawn and "curve" not in at and not surface       # a row for each curve
    if not drawn and not surface and not dots:
        left = " is left" if at else ""
        raise Failure(2, f"{path}: no axis with more than one value{left}, so nothing to draw against")
    many, count = [], 1
    for axis in axes:
        if axis in drawn or axis.path in at:
            continue
        most = MOST_PANELS if len(drawn) == 2 else MOST_LINES
        if axis.path == "curve" or (not axis.numeric and 1 < len(axis.values) and count * len(axis.values) <= most):
            many.append(axis)
            count *= min(most, len(axis.values))
            axis.left_out = max(0, len(axis.values) - most)
        else:
            at[axis.path] = middle(axis)
    return SimpleNamespace(dots=dots, x=drawn[0] if drawn else None, y=drawn[1] if len(drawn) > 1 else None, many=many,
                           kept=[(axis, axis.values[at[axis.path]]) for axis in axes if axis.path in at], at=at,
                           suffix=suffix_of(axes, shown, fixed), notes=[note for _, _, note in fixed.values() if note])


def part_of(axes, limits):
    """A function that reads the part of a dataset that is drawn, as an array [lines or panels][y][x] ascending along x
    and y; of a dataset with one dimension more that of a band, of a curve kept by --at that of another."""
    import numpy as np
    parts, where, orders = [], [], []
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
    drawn = [axis for axis in (limits.y, limits.x) if axis]
    for dimension, axis in enumerate(drawn, 1):
        if axis.numeric:
            orders.append((dimension, np.argsort(axis.values, kind="stable")))
            axis.values = axis.values[orders[-1][1]]

    def read(data, *band, curve=None):
        first = parts[0] if curve is None or isinstance(parts[0], slice) else curve
        values = np.transpose(data[(first, *parts[1:], *band)], [where.index(axis) for axis in limits.many + drawn])
        values = values.reshape([-1] + [len(axis.values) for axis in drawn])
        for dimension, order in orders:
            values = np.take(values, order, dimension)
        return values
    return read


def positive(mu):
    """Moments, nan where there is none."""
    import numpy as np
    return np.where(np.isfinite(mu) & (mu > 0), mu, np.nan)


def read_surface(file, axes, limits):
    """Delta chi^2 [group][value][mu]: a group for each curve and word, in it some values of x, at the middle of y."""
    import numpy as np
    data, mu, x, y = file["delta_chi2"], file["mu"][()], limits.x, limits.y
    groups = list(itertools.product(*(range(len(axis.values)) for axis in limits.many)))
    most = MOST_VALUES if x else 2 * MOST_VALUES
    part = f"the first {most} of {len(groups)} curves" if len(groups) > most else ""
    groups = groups[:most]
    if part:
        limits.notes.append(f"surface: {part}; --at chooses others")
    values = [None]
    if x:
        order = np.argsort(x.values, kind="stable") if x.numeric else np.arange(len(x.values))
        count = min(len(order), MOST_VALUES, max(2, 2 * MOST_VALUES // len(groups)))
        values = [order[round(i)] for i in np.linspace(0, len(order) - 1, count)]
    fixed = limits.at | ({y.path: middle(y)} if y else {})
    chi2, excluded, levels = np.zeros((len(groups), len(values), len(mu))), {}, set()
    for g, v in itertools.product(range(len(groups)), range(len(values))):
        place = fixed | {axis.path: i for axis, i in zip(limits.many, groups[g])} | ({x.path: values[v]} if x else {})
        place = tuple(place[axis.path] for axis in axes)
        line, limit = data[place], file["mu_eff"][place]
        chi2[g, v], excluded[g, v] = line, math.isfinite(limit)
        if math.isfinite(limit) and line[-1] > 0:       # delta chi^2 grows as the fourth power of mu
            levels.add(float(f"{line[-1] * (limit / mu[-1]) ** 4:.5g}"))
    return SimpleNamespace(
        mu=mu, chi2=chi2, part=part, excluded=excluded, levels=sorted(levels), groups=labels_of(limits)[:len(groups)],
        values=[value_words(x, x.values[v]) for v in values] if x else [""],
        kept=limits.kept + ([(y, y.values[middle(y)])] if y else []))


def gap_notes(limits):
    """In words, where along x which line has no value."""
    import numpy as np
    x, parts = limits.x, []
    for label, mu in zip(labels_of(limits), limits.mu):
        gaps = np.flatnonzero(np.isnan(mu))
        if not len(gaps):
            continue
        values = [x.values[i] for i in gaps]
        where = (f"all {len(mu)} values of {x.path}" if len(gaps) == len(mu) else
                 f"{len(gaps)} of {len(mu)} values of {x.path}, " +
                 (f"{values[0]:g}{f' to {values[-1]:g}' if len(gaps) > 1 else ''} {x.unit}".rstrip() if x.numeric
                  else ", ".join(word(value) for value in values)))
        parts.append(f"{label}: {where}".removeprefix(": ").replace(r"\$", "$"))
    more = f"; and {len(parts) - 3} lines more" if len(parts) > 3 else ""
    return [f"{blank_of(limits)}: " + "; ".join(parts[:3]) + more] if parts else []


def quantity_of(limits, short=False):
    """What the figure shows, with its unit."""
    if limits.asked.path == "mu_eff":
        return MOMENT.split("moment ")[1] if short else MOMENT
    name = name_of(limits.asked)
    first = limits.question.split(" ")[0].capitalize()
    return f"{first} {name[0].lower()}{name[1:]} [{unit_of(limits.asked)}]".replace(" []", "")


def blank_of(limits):
    """What a blank part of a figure means."""
    return "nothing excluded" if limits.asked.path == "mu_eff" else "no value in range does"


def goal_of(limits):
    """What is asked of all that is drawn: the confidence level; of a reach study the limit, and where it is sought."""
    levels = limits.levels[limits.at["curve"]:][:1] if "curve" in limits.at else limits.levels
    level = f" at {level_words(levels[0])}" if len(set(levels)) == 1 else ""
    asked = re.search(r"the limit (\S+) mu_B.*nothing (from .*) does", limits.question)
    if not asked:
        return [limits.test + "limits" + level] if level else []
    span = f"{asked[2]} {unit_of(limits.asked)}".rstrip().replace(" 1/", "/")
    return [rf"for a limit of {number(float(asked[1]))} $\mu_B${level}", f"sought {span}"]


def ends_of(limits):
    """The range in which a reach study seeks; nothing for another."""
    span = re.search(r"from (\S+) to (\S+)", limits.question)
    try:
        return tuple(map(float, span.groups())) if span else ()
    except ValueError:
        return ()


def name_of(axis):
    """An axis as the field writes it."""
    return NAMES.get(axis.path, plain(axis.path))


def unit_of(axis):
    """The unit of an axis as the field writes it."""
    unit = axis.unit if axis.unit == "tonne year" else axis.unit.replace("tonne year", "t yr")
    return plain(unit).replace("eV^2", "eV$^2$").replace("sqrt(keV)", r"$\sqrt{\mathrm{keV}}$")


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
    text = re.sub(r"flat: ([^,]+)", r"flat \1/(t yr keV)", text)
    return plain(" + ".join(WORDS.get(part.strip(), part.strip()) for part in text.split(",")), 40)


def value_words(axis, value):
    """A value of an axis with its unit."""
    if not axis.numeric:
        return plain(value, 34) if axis.path == "curve" else word(value)
    return f"{number(value)} {unit_of(axis)}".rstrip().replace(" 1/", "/")


def labels_of(limits):
    """What tells the lines or panels apart, confidence levels too where they differ; empty where there is one."""
    labels = [[]]
    for axis in limits.many:
        if len(axis.values) > 1:
            words = [value_words(axis, value) for value in axis.values]
            if axis.path == "curve" and len(set(limits.levels)) > 1:
                words = [f"{text}, {level_words(level)}" for text, level in zip(words, limits.levels)]
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
    kept = [plain(value) if axis.path == "curve" else f"{name_of(axis)}{' = ' if axis.numeric else ': '}"
            f"{value_words(axis, value)}" for axis, value in limits.kept]
    together = ",   ".join(text.replace(" ", "\u00a0") for text in goal_of(limits) + kept)
    whole = dict(break_long_words=False, break_on_hyphens=False)        # no break within mathtext
    return textwrap.wrap(": ".join(words), int(14 * width), **whole) + textwrap.wrap(together, int(16 * width), **whole)
