#!/usr/bin/env python3
"""Which small task tells optimizers apart, and foretells larger ones.

  tests/studies/proxy.py

For each candidate setting of the digits proxy: how far tuned SGD with momentum, RMSprop, AdamW and
Lion lie apart over the noise of a seed, how well one seed ranks, and how well the setting's ranking
of configurations agrees with that of a larger net and of a longer run. Also what the number of seeds
and racing do to the ranking. Writes docs/results/proxy.md and proxy.png. Needs matplotlib, numpy and
scipy (Debian: python3-matplotlib, python3-numpy, python3-scipy) and a release build.
"""
import argparse
import datetime
import json
import pathlib
import subprocess

import numpy

import searches

OPTIMIZERS = ["momentum", "rmsprop", "adamw", "lion"]
TARGETS = ["larger net", "longer run"]
SHIPPED = "scaled, 100 steps, loss"
TUNING = slice(0, 8)    # seeds on which each optimizer's configuration is chosen
FRESH = slice(8, 24)    # seeds on which it is then measured
PROXY_SEEDS = 4         # of the shipped task
BEST_SHARE = 0.25       # of the configurations, among which rankings are compared
BOOTSTRAPS = 1000
COST = 400              # steps of the shipped net, for a candidate
DEEP_OVER_SHIPPED = (64 * 32 + 2 * 32 * 32 + 32 * 10) / (64 * 32 + 32 * 10)


class Setting:
    """Objectives as an array [configuration, seed]; infinite where a run diverged."""

    def __init__(self, rows, keys):
        self.keys = keys
        index = {key: i for i, key in enumerate(keys)}
        self.objectives = numpy.full((len(keys), 24), numpy.inf)
        for row in rows:
            if row["objective"] is not None:
                key = (row["optimizer"], row["lr"], row["decay"])
                self.objectives[index[key], row["seed"]] = row["objective"]

    def tuned(self, optimizers):
        """The best configuration of each optimizer, by its mean over the tuning seeds."""
        means = self.objectives[:, TUNING].mean(axis=1)
        return [min((i for i, key in enumerate(self.keys) if key[0] == optimizer),
                    key=lambda i: means[i]) for optimizer in optimizers]

    def tuned_means(self, optimizers):
        return self.objectives[self.tuned(optimizers)][:, FRESH].mean(axis=1)


def spread(setting):
    """Tuned means on fresh seeds, and their standard deviation over that of the paired difference
    of two optimizers on one seed (the median over the pairs)."""
    tuned = setting.objectives[setting.tuned(OPTIMIZERS)][:, FRESH]
    means = tuned.mean(axis=1)
    noises = [(tuned[a] - tuned[b]).std(ddof=1) for a in range(4) for b in range(a)]
    finite = [noise for noise in noises if numpy.isfinite(noise)]
    noise = numpy.median(finite) if finite else numpy.nan
    return means, means.std(ddof=1) / noise if numpy.isfinite(means).all() else numpy.nan, noise


def spearman(a, b):
    from scipy import stats
    return stats.spearmanr(a, b)[0]


def cost_of_a_seed(name):
    """Of a setting by its name, in steps of the shipped net."""
    steps = int(name.split(", ")[1].split()[0])
    return steps * (DEEP_OVER_SHIPPED if "deep" in name else 1)


def best(values):
    """Indices of the best share."""
    return numpy.argsort(values, kind="stable")[:int(BEST_SHARE * len(values))]


def reliability(setting):
    """Rank correlation of one seed with the mean of all others, among the best configurations."""
    chosen = best(setting.objectives.mean(axis=1))
    values = setting.objectives[chosen]
    return numpy.mean([spearman(values[:, seed], numpy.delete(values, seed, axis=1).mean(axis=1))
                       for seed in range(values.shape[1])])


def foretells(setting, target, generator):
    """Rank correlation of the mean of the shipped number of seeds with the target's mean, among what
    is best on the target, with a bootstrap interval over configurations."""
    truth = target.objectives.mean(axis=1)
    chosen = best(truth)
    scores = setting.objectives[chosen][:, :PROXY_SEEDS].mean(axis=1)
    resampled = []
    for _ in range(BOOTSTRAPS):
        drawn = generator.integers(0, len(chosen), len(chosen))
        resampled.append(spearman(scores[drawn], truth[chosen][drawn]))
    low, high = numpy.nanquantile(resampled, [0.025, 0.975])
    return spearman(scores, truth[chosen]), low, high


def settings_table(settings, generator):
    lines = ["| setting | " + " | ".join(OPTIMIZERS) + " | noise of a pair | gap over noise | one seed "
             "ranks | gap at equal cost | " + " | ".join(f"foretells the {target} | tuned" for target in TARGETS) + " |",
             "|" + "---|" * 13]
    every = sorted({key[0] for key in next(iter(settings.values())).keys})
    points = {}
    for name, setting in settings.items():
        if name in TARGETS:
            continue
        means, gap, noise = spread(setting)
        cells = [f"{mean:.3f}" if numpy.isfinite(mean) else "diverges" for mean in means]
        cells += [f"{noise:.3f}", f"{gap:.1f}", f"{reliability(setting):.2f}",
                  f"{gap * (COST / cost_of_a_seed(name)) ** 0.5:.1f}"]
        told = [foretells(setting, settings[target], generator) for target in TARGETS]
        alike = [spearman(setting.tuned_means(every), settings[target].tuned_means(every))
                 for target in TARGETS]
        cells += [f"{value:.2f} ({low:.2f} to {high:.2f}) | {tuned:.2f}"
                  for (value, low, high), tuned in zip(told, alike)]
        shown = f"**{name}**" if name == SHIPPED else name
        lines.append(f"| {shown} | " + " | ".join(cells) + " |")
        points[name] = (gap, numpy.mean([value for value, *_ in told]))
    return "\n".join(lines), points


def seeds_table(setting):
    """How well the mean of the first S seeds ranks, beside the mean of sixteen others."""
    truth = setting.objectives[:, FRESH].mean(axis=1)
    chosen = best(truth)
    lines = ["| seeds | ranks as sixteen others do | best tenth that a race after the first seed stops, "
             "keep 1/2 | keep 3/10 |", "|---|---|---|---|"]
    tenth = numpy.argsort(truth, kind="stable")[:len(truth) // 10]
    for seeds in (1, 2, 4, 8):
        means = setting.objectives[:, :seeds].mean(axis=1)
        lost = [(means[tenth] > numpy.quantile(means, keep, method="higher")).mean()
                for keep in (0.5, 0.3)]
        lines.append(f"| {seeds} | {spearman(means[chosen], truth[chosen]):.2f} | "
                     + " | ".join(f"{100 * share:.0f} %" for share in lost) + " |")
    return "\n".join(lines).replace("a race after the first seed", "a race after so many")


def plot(points, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(8, 5.5))
    for name, (gap, told) in points.items():
        axes.plot(gap, told, "o", color="tab:red" if name == SHIPPED else "tab:blue")
        axes.annotate(name, (gap, told), xytext=(4, 3), textcoords="offset points", fontsize=7)
    axes.set(xlabel="gap between tuned optimizers over the noise of a seed",
             ylabel="rank correlation with larger net and longer run (mean)")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scores", type=pathlib.Path,
                        help="what lathe_proxy_scores wrote; without it, it is run")
    given = parser.parse_args()
    if given.scores:
        text = given.scores.read_text()
    else:
        program = searches.PROGRAM.with_name("lathe_proxy_scores")
        text = subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True).stdout
    first, *rows = map(json.loads, text.splitlines())
    keys = sorted({(r["optimizer"], r["lr"], r["decay"]) for r in rows})
    names = list(dict.fromkeys(row["setting"] for row in rows))
    settings = {name: Setting([r for r in rows if r["setting"] == name], keys) for name in names}
    table, points = settings_table(settings, numpy.random.default_rng(1))
    plot(points, searches.RESULTS / "proxy.png")
    (searches.RESULTS / "proxy.md").write_text(f"""# Which small task tells optimizers apart

Digits, MLP 64-32-10 ("deep": 64-32-32-32-10), batch 32, cosine schedule unless said otherwise.
"Scaled": each feature is multiplied by a fixed 10^u, u uniform in [-1, 1]. {len(keys)} configurations
of {len({key[0] for key in keys})} optimizers: 14 learning rates from 0.0002 by factors of two, with 3
decays for the four that are shown; 24 seeds each.

Each optimizer is tuned on 8 seeds and measured on 16 others (its mean is shown). *Gap over noise*: the
standard deviation of the four means over the median standard deviation of the paired difference of
two of them on one seed; *at equal cost*: with as many seeds as {COST} steps of the shipped net pay for,
the noise of a mean falling with the root of their number. *One seed ranks*: rank correlation of one seed with the mean of the others
among the best quarter. *Foretells*: rank correlation of the mean of {PROXY_SEEDS} seeds with the
validation loss of a larger net (64-128-64-10, scaled, 200 steps) and of a longer run (1000 steps,
scaled), among the quarter that is best there, with 95 % bootstrap intervals over configurations. A
short run asks for other learning rates than a long one, which this holds against it; *tuned* does not:
it is the rank correlation of all optimizers, each tuned on each task (there are few: read it as a
hint).

{table}

![Gap over noise, and rank correlation with larger tasks](proxy.png)

**The shipped task is the validation loss after 100 scaled steps with 4 seeds.** At equal cost it keeps
tuned optimizers furthest apart but for 50 steps, whose ranking carries over less, and for the area
under the training loss, which rewards a fast start and ranks no better. Its learning rates do not carry
over (*foretells* is low), its ranking of tuned optimizers does: a study tunes what it has found again
on every further task.
A search whose result shall be used as it is does better with a constant rate or 300 steps.

## Seeds and racing, on the shipped setting

{seeds_table(settings[SHIPPED])}

Made by `tests/studies/proxy.py` on {datetime.date.today()}, {searches.processor()}, seeds 0 to 23,
numeric class {first["numeric_class"]}.
""")
    print(table)
    print(seeds_table(settings[SHIPPED]))


if __name__ == "__main__":
    main()
