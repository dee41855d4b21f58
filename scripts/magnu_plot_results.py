"""The CSV files of a study without axes, and what its curves are called in a figure."""
import csv
import json
import math
import os
import re
from types import SimpleNamespace

from magnu_plot import Failure, plain

LIMITS = dict(curve=str, channel=str, statistic=str, exposure_tonne_year=float, threshold_keV=float, background=str,
              sigma_scale=float, confidence_level=float, delta_chi2=float, mu_eff_mu_B=float)
CURVES = dict(curve=str, mu_eff_mu_B=float, delta_chi2=float)
SPECTRA = dict(curve=str, channel=str, statistic=str, lower_keV=float, upper_keV=float, signal=float,
               background=float, sigma=float, magnetic=float)


def read_table(path, columns, may_be_empty=False, optional=None):
    """The named columns of a CSV file as a list of records; optional ones it lacks are empty text."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(2, f"{path}: cannot read: {getattr(error, 'strerror', None) or error}")
    first = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    try:
        header, *rows = [row for row in csv.reader(lines[first:]) if row] or [[]]
    except csv.Error as error:
        raise Failure(2, f"{path}: {error}")
    missing = [name for name in columns if name not in header]
    if not header or (not rows and not may_be_empty):
        raise Failure(2, f"{path}: no data")
    if missing:
        raise Failure(2, f"{path}: no column {', '.join(missing)}")
    table, columns = [], columns | (optional or {})
    for name, kind in columns.items():
        if name not in header:
            table.append([""] * len(rows))
            continue
        at = header.index(name)
        try:
            table.append([kind(row[at]) for row in rows])
        except (ValueError, IndexError) as error:
            raise Failure(2, f"{path}: column {name}: {error}")
    return [SimpleNamespace(**dict(zip(columns, values))) for values in zip(*table)]


def read_results(folder):
    """Read the results: limits with their curve (mu, chi2) and spectrum attached, name of the study."""
    import numpy as np
    if not os.path.isdir(folder):
        raise Failure(2, f"{folder}: no such folder")
    limits = read_table(os.path.join(folder, "limits.csv"), LIMITS)
    by_name = {row.curve: row for row in limits}
    for file, columns, key in (("curves.csv", CURVES, "points"), ("spectra.csv", SPECTRA, "bins")):
        for row in limits:
            setattr(row, key, [])
        for record in read_table(os.path.join(folder, file), columns):
            if record.curve in by_name:
                getattr(by_name[record.curve], key).append(record)
        # A joint fit has the spectra of its curves.
        lacking = [row.curve for row in limits
                   if not getattr(row, key) and (key == "points" or " | " not in row.background)]
        if lacking:
            raise Failure(2, f"{os.path.join(folder, file)}: nothing for curve '{lacking[0]}' of limits.csv")
    for row in limits:
        points = sorted((p.mu_eff_mu_B, p.delta_chi2) for p in row.points)
        row.mu, row.chi2 = np.array(points).T
        row.bins.sort(key=lambda b: b.lower_keV)
    path = os.path.join(folder, "study.json")
    try:
        with open(path, encoding="utf-8") as file:
            study = str(json.load(file)["name"])
    except OSError as error:
        raise Failure(2, f"{path}: cannot read: {error.strerror}")
    except (ValueError, KeyError, TypeError):
        raise Failure(2, f"{path}: not a JSON object with a name")
    return limits, study


DETECTORS = dict(xenon1t="XENON1T", xenonnt="XENONnT", darwin="DARWIN")


def fraction(row):
    """The background as a fraction of the signal, or None."""
    found = re.fullmatch(r"fraction\s+(\d*\.?\d+(?:[eE][-+]?\d+)?)", row.background.strip())
    return float(found[1]) if found else None


def background_words(row):
    """The background column in words."""
    if fraction(row) is not None:
        return f"{100 * fraction(row):.3g}% background"
    return plain(" + ".join(DETECTORS.get(e.strip(), e.strip()) for e in row.background.split("+")) or "none")


def scientific(value):
    """A limit such as 8.48 x 10^-11 mu_B in mathtext."""
    if not math.isfinite(value):
        return "no limit"
    digits, power = f"{value:.2e}".split("e")
    return rf"${digits}\times10^{{{int(power)}}}\,\mu_B$"


WORDS = dict(channel=lambda row: f"{row.channel.capitalize()} recoils",
             threshold_keV=lambda row: f"$E_r>{row.threshold_keV:g}$ keV",
             background=background_words,
             exposure_tonne_year=lambda row: f"{row.exposure_tonne_year:g} t yr",
             sigma_scale=lambda row: "" if row.sigma_scale == 1 else rf"$\sigma_a\times{row.sigma_scale:g}$")


def words(row, rows, same, skip=()):
    """Describe a curve by the columns in which all the rows agree (same) or in which they differ."""
    parts = [text(row) for name, text in WORDS.items()
             if name not in skip and (len({getattr(other, name) for other in rows}) == 1) == same]
    return [part for part in parts if part]


def labels_of(rows):
    """What tells the curves of a panel apart, or their names where nothing else does; the exposure of a lone curve."""
    if len(rows) == 1:
        return [WORDS["exposure_tonne_year"](rows[0])]
    labels = [", ".join(words(row, rows, False)) for row in rows]
    return labels if len(set(labels)) == len(rows) and all(labels) else [plain(row.curve) for row in rows]
