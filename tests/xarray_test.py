"""limits.h5 opens in xarray with named dimensions and units, and holds what limits.csv says."""
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import xarray

STUDY = """\
channel: electron
bins: 4
curves: [{name: a}, {name: b, background: [darwin], confidence_level: 0.95}]
axes:
  exposure: {from: 1 tonne year, to: 100 tonne year, points: 3, spacing: log}
  electrons: [free, stepping]
  oscillation.dm2_21: [7.0e-5, 7.5e-5]
  threshold: [0.3 keV, 1 keV]
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "s.yaml").write_text(STUDY)
        for out, *options in ("out", "--surface"), (
                "reach", "--set", "reach={mu_eff: 5e-12 mu_B, by: background.flat, from: 0.1, to: 9}"):
            subprocess.run([sys.argv[1], "-q", "scan", "s.yaml", "--out", out, *options], cwd=folder, check=True)
        with xarray.open_dataset(folder / "reach" / "limits.h5", engine="h5netcdf") as data:
            tolerated = data["background.flat"].load()
        with xarray.open_dataset(folder / "out" / "limits.h5", engine="h5netcdf") as data:
            attributes = dict(data.attrs)
            limits, surface = data.mu_eff.load(), data.delta_chi2.isel(mu=slice(None, None, 1000)).load()
        study = json.loads((folder / "out" / "study.json").read_text())
        rows = list(csv.DictReader((folder / "out" / "limits.csv").open()))
    assert limits.dims == ("curve", "oscillation.dm2_21", "electrons", "threshold", "exposure"), limits.dims
    assert limits.shape == (2, 2, 2, 2, 3)
    assert limits.units == "mu_B"
    assert attributes["study"] == "s" and attributes["study_hash"] == study["study_hash"]
    assert attributes["data_hash"] == study["data_hash"]
    assert attributes["program"] == "magnu {version} ({commit})".format(**study["program"])
    assert list(limits.confidence_level) == [0.9, 0.95], limits.confidence_level
    assert limits.threshold.units == "keV" and limits.exposure.units == "tonne year"
    assert limits["oscillation.dm2_21"].units == "eV^2"
    assert list(limits.curve.values) == ["a", "b"] and list(limits.electrons.values) == ["free", "stepping"]
    assert numpy.allclose(limits.exposure, [1, 10, 100], rtol=1e-15)
    assert len(rows) == limits.size
    for row in rows:
        point = limits.sel(curve=row["curve"], electrons=row["electrons"])
        point = point.sel({"oscillation.dm2_21": float(row["oscillation.dm2_21"]),
                           "threshold": float(row["threshold_keV"]),
                           "exposure": float(row["exposure_tonne_year"])})
        assert float(point) == float(row["mu_eff_mu_B"]), row
    assert surface.dims == (*limits.dims, "mu") and surface.mu.units == "mu_B"
    goal = xarray.DataArray([2.705543, 3.841459], dims="curve", coords={"curve": limits.curve})
    assert numpy.allclose(surface, (goal * (1 / limits * surface.mu) ** 4).transpose(*surface.dims), rtol=1e-6)
    assert tolerated.dims == limits.dims and tolerated.units == "1/(tonne year keV)"
    assert float(tolerated.min()) >= 0.1 and tolerated.isnull().any(), "what is not reached is NaN"
    ratio = limits.isel(exposure=0) / limits.isel(exposure=2)
    assert numpy.allclose(ratio, 100**0.25, rtol=1e-12), "the limit falls as exposure^(-1/4)"
    return 0


if __name__ == "__main__":
    sys.exit(main())
