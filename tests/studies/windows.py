#!/usr/bin/env python3
"""What a wide window and islands cost: searches with equal numbers of evaluations.

  tests/studies/windows.py [--evaluations N] [--seeds N] [--threads N]

Runs every setting with every search seed, scores what each search found on fresh seeds, and writes
docs/results/windows.md and windows.png. Needs matplotlib and scipy (Debian: python3-matplotlib,
python3-scipy) and a release build.
"""
import argparse
import datetime
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"
PROGRAM = ROOT / "build" / "release" / "bin" / "lathe-local"

# Name, window, islands, population of each: about as many members in all.
SETTINGS = [("window 1", 1, 1, 300), ("window 64", 64, 1, 300), ("window 1024", 1024, 1, 300),
            ("16 islands x 64", 1024, 16, 19)]
REFERENCE = "window 1"

JOB = """
name: windows
seed: {seed}
window: {window}
budget: {{evaluations: {evaluations}}}
strategy: {{kind: evolution, population: {population}, islands: {islands}, tournament: 5}}
task: {{dataset: digits, steps: 100, seeds: 4}}
study:
  seeds: 20
  winners: 20
  winner_seeds: 16
  tuning_seeds: 4
  baselines:
    - {{program: adamw, base_lr: [0.004, 0.008, 0.016, 0.032, 0.064, 0.128], weight_decay: [0, 0.1, 0.3, 1]}}
  grid: {{scale: [0.25, 0.5, 1, 2, 4, 8], decay: [0, 0.003, 0.01, 0.03]}}
"""


def run(folder, setting, seed, options):
    name, window, islands, population = setting
    job = folder / "job.yaml"
    job.write_text(JOB.format(seed=seed, window=window, islands=islands, population=population,
                              evaluations=options.evaluations))
    results = folder / "results.json"
    subprocess.run([PROGRAM, job, "--quiet", "--threads", str(options.threads), "--json", results,
                    "--out", folder / "found.lathe"], check=True, stdout=subprocess.DEVNULL)
    report = json.loads(results.read_text())
    methods = {m["name"]: m for m in report["study"]["arenas"][0]["methods"]}
    return {"setting": name, "seed": seed, "class": report["numeric_class"],
            "best": report["best"]["objectives"][0],
            "fresh": methods["found"]["test_loss"]["mean"],
            "adamw": methods["adamw"]["test_loss"]["mean"],
            "curve": [(i["slot"] + 1, i["objective"]) for i in report["improvements"]]}


def interval(values):
    """Mean and half of the 95 % interval of the mean, by Student's t."""
    from scipy import stats
    mean = statistics.mean(values)
    half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return mean, half


def table(runs):
    def column(setting, field):
        return [r[field] for r in sorted(runs, key=lambda r: r["seed"]) if r["setting"] == setting]
    lines = ["| setting | best on the search's seeds | test loss of what was found, fresh seeds "
             f"| minus that of {REFERENCE}, paired by search seed |", "|---|---|---|---|"]
    for name, *_ in SETTINGS:
        best, fresh = column(name, "best"), column(name, "fresh")
        cells = ["%.4f +- %.4f" % interval(best), "%.4f +- %.4f" % interval(fresh), ""]
        if name != REFERENCE:
            differences = [a - b for a, b in zip(fresh, column(REFERENCE, "fresh"))]
            cells[2] = "%+.4f +- %.4f" % interval(differences)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def value_at(curve, slot):
    """The best objective once so many slots are told."""
    return min((objective for at, objective in curve if at <= slot), default=None)


def plot(runs, evaluations, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    slots = [evaluations * k // 60 for k in range(2, 61)]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), width_ratios=(2, 1))
    for i, (name, *_) in enumerate(SETTINGS):
        own = [r for r in runs if r["setting"] == name]
        at = [[value_at(r["curve"], slot) for r in own] for slot in slots]
        quartiles = [statistics.quantiles(values, n=4) for values in at]
        line, = left.plot(slots, [q[1] for q in quartiles], label=name)
        left.fill_between(slots, [q[0] for q in quartiles], [q[2] for q in quartiles], alpha=0.15,
                          color=line.get_color())
        right.plot([i] * len(own), [r["fresh"] for r in own], "o", alpha=0.6,
                   color=line.get_color())
    left.set(xlabel="evaluations", ylabel="best validation loss so far (median, quartiles)")
    left.legend()
    right.axhline(statistics.mean(r["adamw"] for r in runs), linestyle="--", color="gray",
                  label="tuned AdamW")
    right.set(ylabel="test loss on fresh seeds, a dot per search")
    right.set_xticks(range(len(SETTINGS)), [name for name, *_ in SETTINGS], rotation=20, ha="right")
    right.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--evaluations", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, options.seeds + 1):
            for setting in SETTINGS:
                runs.append(run(pathlib.Path(folder), setting, seed, options))
                done = len(runs) / (options.seeds * len(SETTINGS))
                print(f"\r{100 * done:3.0f} %  {setting[0]}, seed {seed}: "
                      f"{runs[-1]['fresh']:.4f}      ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    RESULTS.mkdir(parents=True, exist_ok=True)
    plot(runs, options.evaluations, RESULTS / "windows.png")
    (RESULTS / "windows.md").write_text(f"""# What a wide window and islands cost

Evolution of optimizers on the digits proxy, {options.evaluations} evaluations of 4 seeds for each
search, search seeds 1 to {options.seeds}. Means over the search seeds with 95 % intervals (Student's
t). Losses on the test split are of 20 fresh seeds, of the program that was chosen among 20 winners
and tuned over 24 points on other seeds; AdamW, tuned over 24 points, has
{statistics.mean(r["adamw"] for r in runs):.4f}.

{table(runs)}

![Best objective over evaluations, and losses on fresh seeds](windows.png)

Islands have 19 members each, 304 in all, beside the 300 of the others.

Made by `tests/studies/windows.py --evaluations {options.evaluations} --seeds {options.seeds}` on
{datetime.date.today()}, {processor()}, numeric class {runs[0]["class"]}.
""")
    print(table(runs))


if __name__ == "__main__":
    main()
