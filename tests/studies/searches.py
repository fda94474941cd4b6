"""What the studies of searches share: running a job, intervals, tables and pictures.

A run is a dictionary: setting, seed, class (numeric class), best (objective on the search's own
seeds), fresh (test loss of what was found, on fresh seeds), adamw (that of tuned AdamW), candidates
(counts), seconds, curve (slots told and the best objective then).
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"
PROGRAM = ROOT / "build" / "release" / "bin" / "lathe-local"

# What is done with the winners of every search.
STUDY = """
study:
  seeds: 20
  winners: 20
  winner_seeds: 16
  tuning_seeds: 4
  baselines:
    - {program: adamw, base_lr: [0.004, 0.008, 0.016, 0.032, 0.064, 0.128], weight_decay: [0, 0.1, 0.3, 1]}
  grid: {scale: [0.25, 0.5, 1, 2, 4, 8], decay: [0, 0.003, 0.01, 0.03]}
"""
HOW_SCORED = """Losses on the test split are of 20 fresh seeds, of the program that was chosen among
20 winners and tuned over 24 points on other seeds; AdamW, tuned over 24 points, has {adamw:.4f}."""


def options(doc, evaluations):
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--evaluations", type=int, default=evaluations)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def report_of(job, threads):
    """Runs the job file text `job` and returns what lathe-local reports of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "job.yaml").write_text(job)
        subprocess.run([PROGRAM, folder / "job.yaml", "--quiet", "--threads", str(threads),
                        "--json", folder / "results.json", "--out", folder / "found.lathe"],
                       check=True, stdout=subprocess.DEVNULL)
        return json.loads((folder / "results.json").read_text())


def run(setting, seed, job, threads):
    report = report_of(job, threads)
    methods = {m["name"]: m for m in report["study"]["arenas"][0]["methods"]}
    return {"setting": setting, "seed": seed, "class": report["numeric_class"],
            "best": report["best"]["objectives"][0],
            "fresh": methods["found"]["test_loss"]["mean"],
            "adamw": methods["adamw"]["test_loss"]["mean"],
            "candidates": report["candidates"],
            "seconds": report["search_seconds"],
            "curve": [(i["slot"] + 1, i["objective"]) for i in report["improvements"]]}


def run_all(settings, job_of, given):
    """Every setting with every search seed, the settings of a seed one after the other."""
    runs = []
    for seed in range(1, given.seeds + 1):
        for setting in settings:
            runs.append(run(setting, seed, job_of(setting, seed), given.threads))
            done = len(runs) / (given.seeds * len(settings))
            print(f"\r{100 * done:3.0f} %  {setting}, seed {seed}: {runs[-1]['fresh']:.4f}      ",
                  end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return runs


def interval(values):
    """Mean and half of the 95 % interval of the mean, by Student's t."""
    from scipy import stats
    mean = statistics.mean(values)
    half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return mean, half


def column(runs, setting, field):
    return [r[field] for r in sorted(runs, key=lambda r: r["seed"]) if r["setting"] == setting]


def table(runs, settings, reference, more=()):
    """A row per setting. `more`: further columns, as (heading, function of a setting)."""
    lines = ["| setting | " + "".join(f"{heading} | " for heading, _ in more) +
             "best on the search's seeds | test loss of what was found, fresh seeds "
             f"| minus that of {reference}, paired by search seed |",
             "|" + "---|" * (4 + len(more))]
    for name in settings:
        fresh = column(runs, name, "fresh")
        cells = [of(name) for _, of in more]
        cells += ["%.4f +- %.4f" % interval(column(runs, name, "best")),
                  "%.4f +- %.4f" % interval(fresh), ""]
        if name != reference:
            differences = [a - b for a, b in zip(fresh, column(runs, reference, "fresh"))]
            cells[-1] = "%+.4f +- %.4f" % interval(differences)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def value_at(curve, slot):
    """The best objective once so many slots are told."""
    return min((objective for at, objective in curve if at <= slot), default=float("nan"))


def plot(runs, settings, evaluations, path, unit="evaluations"):
    """Left the best objective over `unit` (evaluations[setting] of them in all, at the right end),
    right what was found on fresh seeds."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), width_ratios=(2, 1))
    most = max(evaluations.values())
    for i, name in enumerate(settings):
        own = [r for r in runs if r["setting"] == name]
        shares = [k / 60 for k in range(2, 61)]
        at = [[value_at(r["curve"], share * evaluations[name]) for r in own] for share in shares]
        quartiles = [statistics.quantiles(values, n=4) for values in at]
        across = [share * (evaluations[name] if unit == "evaluations" else 100)
                  for share in shares]
        line, = left.plot(across, [q[1] for q in quartiles], label=name)
        left.fill_between(across, [q[0] for q in quartiles], [q[2] for q in quartiles], alpha=0.15,
                          color=line.get_color())
        right.plot([i] * len(own), [r["fresh"] for r in own], "o", alpha=0.6,
                   color=line.get_color())
    left.set(xlabel=unit, ylabel="best validation loss so far (median, quartiles)",
             xlim=(0, most if unit == "evaluations" else 100))
    left.legend()
    right.axhline(statistics.mean(r["adamw"] for r in runs), linestyle="--", color="gray",
                  label="tuned AdamW")
    right.set(ylabel="test loss on fresh seeds, a dot per search")
    right.set_xticks(range(len(settings)), settings, rotation=20, ha="right")
    right.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"
