"""The keys of a study: the program, configs/study.schema.json and docs/configuration.md must agree.

Usage: schema_test.py MAGNU SOURCE_DIR
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

if len(sys.argv) != 3:
    sys.exit(__doc__)
MAGNU, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
SCHEMA = json.loads((SOURCE / "configs/study.schema.json").read_text("utf-8"))

# Keys whose default is a sentence, or none: the schema says it in words.
DESCRIBED = {"name", "components", "oscillation", "upper", "bins", "resolution", "background.fraction", "background.flat", "background.energy",
             "background.rate",
             "background.table", "background.name", "background.uncertainty", "uncertainties",
             "uncertainties.sin2_theta12", "uncertainties.sin2_theta13", "uncertainties.dm2_21",
             "uncertainties.sin2_theta_w", "uncertainties.exposure", "uncertainties.efficiency", "interval", "counts",
             "interval.power_constraint", "joint", "joint.name", "joint.of", "joint.interval",
             "joint.confidence_level", "mu_eff", "axes", "reach", "reach.mu_eff", "reach.by", "reach.from", "reach.to",
             "curves"}

# What both the schema and the program must take ...
GOOD = {
    "nothing but a key": "channel: electron",
    "numbers YAML 1.1 takes for text": "mu_eff: {from: 1e-13, to: 1E-9, points: 1e2}\naccuracy: 1e-6",
    "numbers in quotes": "sin2_theta_w: '0.2386'\nbins: '20'",
    "numbers without a leading digit": "sigma_scale: .5",
    "a number as name": "name: 12\ncurves: [{name: 5}]",
    "energies": "threshold: 300 eV\nupper: 3e-2 MeV",
    "exposures": "exposure: 40 x 365 kg day\ncurves: [{name: a, exposure: 0.5 * 4 t yr}, "
                 "{name: b, exposure: 2 years x 3 tonnes}]",
    "joined units": "exposure: 40 t*yr\ncurves: [{name: a, exposure: 40 t·yr}, {name: b, exposure: 3 tonne-years}, "
                    "{name: c, exposure: 3 t-yr, threshold: 1 keVee}, {name: d, channel: nuclear, threshold: 1 keVnr}]",
    "backgrounds": "background: [xenon1t, xe136_2nbb, {fraction: 0}, {flat: 1e-2}]",
    "no background": "background: []",
    "axes of every kind": "axes: {oscillation.dm2_21: {from: 5e-5, to: 1e-4, points: 3, spacing: log}, "
                          "threshold: [0.3 keV, 1 keV], electrons: [free, stepping], "
                          "background: [[xenon1t], [darwin, {flat: 1}]], background.flat: [1, 2e1]}",
    "resolution": "resolution: {a: 0.31, b: '3.7e-3', lowest_energy: 5 eV}\naxes: {resolution.a: [0, 0.5]}",
    "reach": "reach: {mu_eff: 1e-12 mu_B, by: exposure, from: 1 t yr, to: 1e4 t yr}\naxes: {threshold: [1 keV]}",
    "a likelihood": "statistic: poisson\nbins: 3\ncounts: [3, 0, '1']\ninterval: {test: cls, method: asymptotic}\n"
                    "background: [{flat: 1, uncertainty: 10 %}, {name: xenonnt, uncertainty: free}, darwin, "
                    "{fraction: .1, uncertainty: none}]\n"
                    "uncertainties: {flux: {pp: 1%, b8: free}, sin2_theta12: 0.018, dm2_21: 1.8e-6, "
                    "sin2_theta_w: none, exposure: 2 %}",
    "a likelihood along axes": "curves: [{name: a, statistic: poisson, uncertainties: {flux: none}}, {name: b}]\n"
                               "axes: {exposure: [1 t yr, 2 t yr]}",
    "detectors together": "statistic: poisson\ninterval: {test: upper, power_constraint: 0.16, unbounded: true}\n"
                          "curves: [{name: er}, {name: 2, channel: nuclear}]\n"
                          "joint: [{name: both, of: [er, 2], interval: {power_constraint: none}, confidence_level: 0.95}]",
    "reach of a likelihood": "statistic: poisson\nreach: {mu_eff: 1e-12 mu_B, by: exposure, from: 1 t yr, to: 1e4 t yr}",
    "no theta_13": "oscillation: {sin2_theta13: 0}",
}
# ... and what both must refuse.
BAD = {
    "unknown key": "bin: 20",
    "unknown key in a map": "mu_eff: {start: 1e-13}",
    "unknown key in a curve": "curves: [{name: a, bin: 20}]",
    "curves in a curve": "curves: [{name: a, curves: []}]",
    "reach without ends": "reach: {mu_eff: 1e-12 mu_B, by: exposure}",
    "reach of a setting that has no order": "reach: {mu_eff: 1e-12 mu_B, by: target, from: argon, to: xenon}",
    "negative resolution": "resolution: {a: -0.1}",
    "resolution with another key": "resolution: {c: 0.1}",
    "wrong unit": "threshold: 0.3 tonne",
    "unknown unit": "threshold: 0.3 kev",
    "unit without space": "threshold: 0.3keV",
    "missing unit": "threshold: 0.3",
    "unit without number": "upper: keV",
    "exposure without time": "exposure: 40 tonne",
    "exposure with two masses": "exposure: 40 tonne kg year",
    "unknown name": "target: xeon",
    "unknown component": "components: [pp, be8]",
    "component given twice": "components: [pp, pp]",
    "unknown background": "background: [xenon]",
    "background without list": "background: xenon1t",
    "two backgrounds in one": "background: [{fraction: 0.25, flat: 1}]",
    "negative background": "background: [{flat: -1}]",
    "a bare uncertainty": "statistic: poisson\nbackground: [{flat: 1, uncertainty: 0.1}]",
    "a negative uncertainty": "statistic: poisson\nbackground: [{flat: 1, uncertainty: -1 %}]",
    "an uncertainty alone": "statistic: poisson\nbackground: [{uncertainty: 1 %}]",
    "an unknown uncertainty": "statistic: poisson\nuncertainties: {exposre: 1 %}",
    "an exposure that is free": "statistic: poisson\nuncertainties: {exposure: free}",
    "half a count": "statistic: poisson\nbins: 2\ncounts: [1, 0.5]",
    "a negative count": "statistic: poisson\nbins: 2\ncounts: [1, -1]",
    "an unknown test": "statistic: poisson\ninterval: {test: one-sided}",
    "half of an experiment's power": "statistic: poisson\ninterval: {power_constraint: 0.6}",
    "a joint of one": "statistic: poisson\ncurves: [{name: a}]\njoint: [{name: b, of: [a]}]",
    "a joint without names": "statistic: poisson\ncurves: [{name: a}, {name: b}]\njoint: [{name: c}]",
    "curve without name": "curves: [{exposure: 1 tonne year}]",
    "no curves": "curves: []",
    "no axes": "axes: {}",
    "axis without values": "axes: {bins: []}",
    "axis of no setting": "axes: {treshold: [1 keV]}",
    "axis of what is solved for": "axes: {mu_eff: [1e-11]}",
    "axis without points": "axes: {exposure: {from: 1 t yr, to: 2 t yr}}",
    "axis of words as a range": "axes: {electrons: {from: free, to: stepping, points: 2}}",
    "study's name with a slash": "name: a/b",
    "bins 0": "bins: 0",
    "bins 1.5": "bins: 1.5",
    "bins in words": "bins: many",
    "mu_eff.points 1": "mu_eff: {points: 1}",
    "sin2_theta_w 1": "sin2_theta_w: 1",
    "sigma_scale 0": "sigma_scale: 0",
    "accuracy 0": "accuracy: 0",
    "key without value": "exposure:",
    "list instead of a map": "- channel: electron",
}


def magnu(*arguments):
    return subprocess.run([MAGNU, *arguments], capture_output=True, encoding="utf-8", timeout=60)


def listed():
    """What `magnu list` prints: names by heading, and {key: (unit, default, meaning with form)}."""
    run = magnu("list")
    if run.returncode != 0:
        raise AssertionError(f"`magnu list` exits {run.returncode}: {run.stderr}")
    head, _, table = run.stdout.partition("\n\n")
    names = dict(re.split(r"  +", line, maxsplit=1) for line in head.splitlines())
    header, *rows = table.splitlines()
    starts = [header.index(word) for word in ("key", "unit", "default", "meaning")]
    keys = {}
    for row in rows:
        key, *cells = (row[a:b].strip() for a, b in zip(starts, [*starts[1:], None]))
        keys[key] = tuple(cells)
    return {heading: text.split(", ") for heading, text in names.items()}, keys


def documented():
    """{key: (form, unit, default, meaning)} of the table in docs/configuration.md."""
    keys = {}
    for line in (SOURCE / "docs/configuration.md").read_text("utf-8").splitlines():
        if not line.startswith("| `"):
            continue
        cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) != 5:
            raise AssertionError(f"docs/configuration.md: a row of {len(cells)} cells instead of 5: {line}")
        keys[cells[0].strip("`")] = tuple(cells[1:])
    return keys


def resolved(node):
    return SCHEMA["definitions"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node


def schema_keys(properties=SCHEMA["properties"], prefix=""):
    """{key: its schema}, with the keys of maps as map.key."""
    keys = {}
    for name, node in properties.items():
        node = keys[prefix + name] = resolved(node)
        maps = [node, *node.get("items", {}).get("anyOf", [])]  # the map itself, or in a list of choices
        if name == "joint":
            maps.append(node["items"])
        for inner in maps if name not in ("curves", "axes", "energy", "rate") else []:
            keys.update(schema_keys(inner.get("properties", {}), name + "."))
    return keys


def schema_problem(study):
    return jsonschema.exceptions.best_match(jsonschema.Draft7Validator(SCHEMA).iter_errors(study))


class Keys(unittest.TestCase):
    """magnu list, the schema and the documentation name the same keys, in the same order."""

    longMessage = False

    @classmethod
    def setUpClass(cls):
        cls.names, cls.program = listed()
        cls.schema, cls.document = schema_keys(), documented()

    def same_keys(self, keys, where):
        lacking = [key for key in self.program if key not in keys]
        unknown = [key for key in keys if key not in self.program]
        self.assertEqual(lacking, [], f"{where} lacks keys that `magnu list` prints: {', '.join(lacking)}")
        self.assertEqual(unknown, [], f"{where} has keys that `magnu list` does not print: {', '.join(unknown)}")
        self.assertEqual(list(keys), list(self.program), f"{where} has another order than `magnu list`")

    def test_schema_has_the_programs_keys(self):
        self.same_keys(self.schema, "configs/study.schema.json")

    def test_document_has_the_programs_keys(self):
        self.same_keys(self.document, "docs/configuration.md")

    def test_document_has_the_programs_forms_units_and_defaults(self):
        for key in self.document.keys() & self.program.keys():
            form, unit, default, _ = self.document[key]
            program_unit, program_default, meaning = self.program[key]
            with self.subTest(key=key):
                for what, text, program in ("unit", unit, program_unit), ("default", default, program_default):
                    self.assertEqual(text, program, f"{what} of '{key}': docs/configuration.md says '{text}', "
                                                    f"`magnu list` '{program}'")
                self.assertTrue(meaning.endswith(f"({form})"), f"form of '{key}': docs/configuration.md says "
                                                               f"'{form}', `magnu list` '{meaning}'")

    def test_schema_has_the_programs_defaults(self):
        for key in self.schema.keys() & self.program.keys():
            default, program = self.schema[key].get("default"), self.program[key][1]
            with self.subTest(key=key):
                if key in DESCRIBED:
                    self.assertIsNone(default, f"default of '{key}': the schema has '{default}', `magnu list` only "
                                               f"describes one: {program}")
                    continue
                number = isinstance(default, (int, float)) and not isinstance(default, bool)
                self.assertEqual(default, float(program) if number else yaml.safe_load(program),
                                 f"default of '{key}': the schema has '{default}', `magnu list` '{program}'")

    def test_schema_has_the_programs_names(self):
        backgrounds = next(choice["enum"] for choice in self.schema["background"]["items"]["anyOf"]
                           if "enum" in choice)
        for heading, names in {"channels": self.schema["channel"]["enum"],
                               "targets": self.schema["target"]["enum"],
                               "solar models": self.schema["solar_model"]["enum"],
                               "8B spectra": self.schema["b8_spectrum"]["enum"],
                               "components": self.schema["components"]["items"]["enum"],
                               "statistics": self.schema["statistic"]["enum"],
                               "axes": list(self.schema["axes"]["properties"]),
                               "backgrounds": backgrounds}.items():
            program = [name for name in self.names[heading] if not name.startswith("{")]
            self.assertEqual(sorted(names), sorted(program),
                             f"{heading}: the schema has {', '.join(names)}; `magnu list` {', '.join(program)}")

    def test_every_key_is_described(self):
        for key, node in self.schema.items():
            self.assertTrue(node.get("description"), f"the schema describes '{key}' with no word")

    def test_a_curve_has_every_key_but_curves(self):
        curve = SCHEMA["properties"]["curves"]["items"]
        self.assertEqual(list(curve["properties"]), [key for key in SCHEMA["properties"] if key not in ("curves", "joint", "axes", "reach")])
        self.assertEqual(curve["required"], ["name"])

    def test_maps_take_no_other_keys(self):
        def walk(node, path):
            if isinstance(node, dict):
                if "properties" in node:
                    self.assertIs(node.get("additionalProperties"), False,
                                  f"configs/study.schema.json: additionalProperties is not false at {path or '/'}")
                for key, value in node.items():
                    walk(value, f"{path}/{key}")
            elif isinstance(node, list):
                for i, value in enumerate(node):
                    walk(value, f"{path}/{i}")

        jsonschema.Draft7Validator.check_schema(SCHEMA)
        walk(SCHEMA, "")


class Studies(unittest.TestCase):
    """The schema and the program take and refuse the same studies."""

    longMessage = False

    def judge(self, path, expected, what):
        """Both the schema and the program must accept (0) or refuse (2) the study."""
        try:
            problem = schema_problem(yaml.safe_load(path.read_text("utf-8")))
        except yaml.YAMLError as broken:
            self.fail(f"{what}: {broken}")
        verdict = f"refuses it: {problem.message}" if problem else "accepts it"
        self.assertEqual(problem is None, expected == 0, f"{what}: the schema {verdict}")
        run = magnu("check", str(path))
        self.assertEqual(run.returncode, expected, f"{what}: `magnu check` exits {run.returncode}, "
                                                   f"not {expected}: {run.stderr.strip()}")

    def judge_text(self, text, expected, what):
        with self.subTest(study=what), tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "study.yaml"
            path.write_text(text + "\n", "utf-8")
            self.judge(path, expected, what)

    def test_configurations_are_valid(self):
        paths = sorted((SOURCE / "configs").glob("*.yaml"))
        self.assertTrue(paths, "no configurations found")
        for path in paths:
            with self.subTest(study=path.name):
                self.judge(path, 0, f"configs/{path.name}")

    def test_examples_in_the_documents_are_valid(self):
        for name in ("README.md", "docs/configuration.md"):
            examples = re.findall(r"^```yaml\n(.*?)^```$", (SOURCE / name).read_text("utf-8"), re.MULTILINE | re.DOTALL)
            self.assertTrue(examples, f"{name} shows no study")
            for text in examples:
                self.judge_text(text, 0, f"a study in {name}")

    def test_good_studies_are_taken(self):
        for what, text in GOOD.items():
            self.judge_text(text, 0, what)

    def test_broken_studies_are_refused(self):
        for what, text in BAD.items():
            self.judge_text(text, 2, what)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
