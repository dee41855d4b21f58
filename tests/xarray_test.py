"""limits.h5 opens in xarray with named dimensions and units, and holds what limits.csv says."""
import csv
import pathlib
import subprocess
import sys
import tempfile

import numpy
import xarray

STUDY = """\
channel: electron
bins: 4
curves: [{name: a}, {name: b, background: [darwin]}]
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
        subprocess.run([sys.argv[1], "-q", "scan", "s.yaml", "--out", "out"], cwd=folder, check=True)
        with xarray.open_dataset(folder / "out" / "limits.h5", engine="h5netcdf") as data:
            limits = data.mu_eff.load()
        rows = list(csv.DictReader((folder / "out" / "limits.csv").open()))
    assert limits.dims == ("curve", "oscillation.dm2_21", "electrons", "threshold", "exposure"), limits.dims
    assert limits.shape == (2, 2, 2, 2, 3)
    assert limits.units == "mu_B"
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
    ratio = limits.isel(exposure=0) / limits.isel(exposure=2)
    assert numpy.allclose(ratio, 100**0.25, rtol=1e-12), "the limit falls as exposure^(-1/4)"
    return 0


if __name__ == "__main__":
    sys.exit(main())
