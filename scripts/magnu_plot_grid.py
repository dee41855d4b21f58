"""What to draw of a study with axes: the part of limits.h5 that is shown, and its names and units."""
import itertools
import math
import re
import textwrap
from types import SimpleNamespace

from magnu_plot import Failure, MOMENT, MOST_LINES, MOST_PANELS, plain

NAMES = {"threshold": "Threshold", "upper": "Upper end", "bins": "Number of bins", "exposure": "Exposure",
         "background": "Background", "background.flat": "Flat background",
         "background.fraction": "Background per signal", "fraction_in": "Background fraction in",
         "oscillation.dm2_21": r"$\Delta m^2_{21}$", "oscillation.sin2_theta12": r"$\sin^2\theta_{12}$",
         "oscillation.sin2_theta13": r"$\sin^2\theta_{13}$", "sin2_theta_w": r"$\sin^2\theta_W$",
         "resolution.a": "Resolution $a$", "resolution.b": "Resolution $b$",
         "sigma_scale": r"Factor on $\sigma$", "confidence_level": "Confidence level", "solar_model": "Solar model",
         "b8_spectrum": r"$^8$B spectrum", "target": "Target", "electrons": "Electrons", "statistic": "Statistic"}
WORDS = {"xenon1t": "XENON1T", "xenonnt": "XENONnT", "darwin": "DARWIN", "bs05op": "BS05(OP)", "bs05agsop": "BS05(AGS,OP)",
         "b16gs98": "B16-GS98", "b16agss09": "B16-AGSS09", "bahcall1996": "Bahcall 1996", "winter2006": "Winter 2006"}
MOST_POINTS = 1000      # drawn along an axis: more could not be told apart


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
            asked = [name for name in file if name != "delta_chi2" and file[name].attrs.get("CLASS") != b"DIMENSION_SCALE"]
            data = file[asked[0]]
            axes = [read_scale(dim[0], dim.keys()[0]) for dim in data.dims]
            if [len(axis.values) for axis in axes] != list(data.shape) or 0 in data.shape or axes[0].path != "curve":
                raise ValueError
            surface = "delta_chi2" in file
            limits = choose(axes, path, shown, fixed, surface)
            limits.asked = read_scale(data, asked[0])
            limits.question = text_of(data.attrs.get("long_name", ""))
            limits.surface = read_surface(file, axes, limits) if surface else None
            limits.study = text_of(study)
            limits.mu = read_part(data, axes, limits) if limits.x else None
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
        raise Failure(2, f"--at {axis.path}={text}: not a number{' of ' + axis.unit if axis.unit else ''}; "
                         f"from {min(axis.values):g} to {max(axis.values):g} would do")
    return min(range(len(axis.values)), key=lambda i: abs(axis.values[i] - value))


def choose(axes, path, shown, fixed, surface):
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
            raise Failure(2, f"--at {text}: not AXIS=VALUE; the axes are {', '.join(by_path)}")
        axis = find(name.strip(), f"--at {text}")
        at[axis.path] = pick(axis, value, path)
    free = [axis for axis in axes[1:] if len(axis.values) > 1 and axis.path not in at]
    if shown:
        names = [name.strip() for name in shown.split(",")]
        drawn = [find(name, f"--axes {shown}") for name in names]
        wrong = [axis for axis in drawn if axis not in free or (len(drawn) > 1 and not axis.numeric)]
        if len(drawn) > 2 or len(set(names)) < len(names):
            raise Failure(2, f"--axes {shown}: not one axis or two; there are {', '.join(axis.path for axis in free)}")
        if wrong:
            why = ("gives the lines or panels" if wrong[0].path == "curve" else "is fixed by --at"
                   if wrong[0].path in at else "has one value" if wrong[0].numeric or len(wrong[0].values) == 1
                   else "is of words, and a map needs numbers")
            good = [axis.path for axis in free if axis.numeric or len(drawn) == 1]
            raise Failure(2, f"--axes {shown}: {wrong[0].path} {why}; free are: {', '.join(good) or 'none'}")
    else:
        drawn = [axis for axis in free if axis.numeric][:2] or free[:1]
    if not drawn and not surface:
        raise Failure(2, f"{path}: no axis with more than one value{' is left' if at else ''}, so nothing to draw against")
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
            at[axis.path] = 0 if not axis.numeric else sorted(
                range(len(axis.values)), key=lambda i: axis.values[i])[(len(axis.values) - 1) // 2]
    return SimpleNamespace(x=drawn[0] if drawn else None, y=drawn[1] if len(drawn) > 1 else None, many=many,
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


def read_surface(file, axes, limits):
    """Delta chi^2 [lines][mu] for at most six values of x and the middle of y, their names, and its value at the limit."""
    import numpy as np
    data, parts, words = file["delta_chi2"], [], []
    drawn = limits.y if limits.y and limits.y.numeric else None
    for axis in axes:
        size = len(axis.values)
        if axis.path in limits.at:
            parts.append([limits.at[axis.path]])
        elif axis is drawn:
            parts.append([(size - 1) // 2])
        else:
            parts.append(sorted({round(i) for i in np.linspace(0, size - 1, min(size, 6))}))
        if len(parts[-1]) > 1:
            words.append([f"{number(axis.values[i])} {unit_of(axis)}".rstrip() if axis.numeric else
                          plain(axis.values[i], 34) if axis.path == "curve" else word(axis.values[i]) for i in parts[-1]])
    several = list(itertools.product(*parts))[:12]
    labels = [", ".join(label) for label in itertools.product(*words)][:12]
    chi2 = np.array([data[at] for at in several])
    mu = file["mu"][()]
    levels = set()
    for at, line in zip(several, chi2):     # delta chi^2 grows as the fourth power of mu
        limit = file["mu_eff"][at] if "mu_eff" in file else math.inf
        if math.isfinite(limit) and line[-1] > 0:
            levels.add(float(f"{line[-1] * (limit / mu[-1]) ** 4:.5g}"))
    kept = [(drawn, drawn.values[(len(drawn.values) - 1) // 2])] if drawn else []
    return SimpleNamespace(mu=mu, chi2=chi2, labels=labels, levels=sorted(levels), kept=limits.kept + kept)


def quantity_of(limits, short=False):
    """What the figure shows, with its unit."""
    if limits.asked.path == "mu_eff":
        return MOMENT.split("moment ")[1] if short else MOMENT
    name = name_of(limits.asked)
    first = limits.question.split(" ")[0].capitalize()
    return f"{first} {name[0].lower()}{name[1:]} [{unit_of(limits.asked)}]".replace(" []", "")


def blank_of(limits):
    """What a blank part of a figure means."""
    span = re.search("nothing (from .*) does", limits.question)
    return "nothing excluded" if limits.asked.path == "mu_eff" else f"not within range ({span[1]} {unit_of(limits.asked)})".replace(" )", ")")


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
    reached = re.search(r"the limit (\S+) mu_B", limits.question)
    if reached:
        kept.insert(0, rf"for a limit of {number(float(reached[1]))} $\mu_B$")
    together = ",   ".join(text.replace(" ", "\u00a0") for text in kept)
    return [": ".join(words)] + textwrap.wrap(together, int(16 * width))
