#!/usr/bin/env python3
"""What hurdles and racing cost and bring: searches with equal numbers of training steps.

  tests/studies/hurdles.py [--evaluations N] [--seeds N] [--threads N]

Without hurdles a search has N evaluations. With them it has as many more as its candidates cost
fewer training steps, which a search of another seed tells beforehand. Writes
docs/results/hurdles.md and hurdles.png. Needs matplotlib and scipy (Debian: python3-matplotlib,
python3-scipy) and a release build.
"""
import datetime
import statistics

import searches

STEPS, SEEDS = 100, 4  # of the task

# By name: the hurdles, each as (steps, seeds, share that passes). Full steps: a race.
SETTINGS = {"none": (),
            "20 steps, keep 1/2": ((20, 1, 0.5),),
            "20 steps, keep 1/4": ((20, 1, 0.25),),
            "race after 1 of 4, keep 1/2": ((STEPS, 1, 0.5),),
            "race after 1 of 4, keep 3/10": ((STEPS, 1, 0.3),),
            "both, keep 1/2": ((20, 1, 0.5), (STEPS, 1, 0.5))}
REFERENCE = "none"
PILOT_SEED = 1000

JOB = """
name: hurdles
seed: {seed}
window: 64
budget: {{evaluations: {evaluations}}}
strategy: {{kind: evolution, population: 300, tournament: 5}}
task: {{dataset: digits, steps: {steps}, seeds: {seeds}}}
"""


def job(setting, seed, evaluations):
    text = JOB.format(seed=seed, evaluations=evaluations, steps=STEPS, seeds=SEEDS)
    if SETTINGS[setting]:
        text += "hurdles:\n"
    for steps, seeds, keep in SETTINGS[setting]:
        text += f"  - {{task: {{steps: {steps}, seeds: {seeds}}}, keep: {keep}}}\n"
    return text


def steps_per_slot(setting, candidates):
    """Training steps that are asked for; those that a divergence saves are not taken off."""
    left, raced, total = candidates["evaluated"], 0, 0
    for (steps, seeds, _), stopped in zip(SETTINGS[setting], candidates["stopped"]):
        total += left * steps * (seeds - raced if steps == STEPS else seeds)
        raced = seeds if steps == STEPS else raced
        left -= stopped
    total += left * STEPS * (SEEDS - raced)
    return total / candidates["evaluated"]


def main():
    given = searches.options(__doc__, evaluations=2000)
    evaluations = {}
    for setting in SETTINGS:
        pilot = searches.report_of(job(setting, PILOT_SEED, given.evaluations), given.threads)
        per_slot = steps_per_slot(setting, pilot["candidates"])
        evaluations[setting] = round(given.evaluations * STEPS * SEEDS / per_slot)

    def job_of(setting, seed):
        return job(setting, seed, evaluations[setting]) + searches.STUDY

    runs = searches.run_all(SETTINGS, job_of, given)

    def steps(setting):
        own = [steps_per_slot(setting, c) * c["evaluated"]
               for c in searches.column(runs, setting, "candidates")]
        return f"{statistics.mean(own) / 1e6:.3f} M"

    def stopped(setting):
        shares = [[s / c["evaluated"] for s in c["stopped"]]
                  for c in searches.column(runs, setting, "candidates")]
        return ", ".join(f"{100 * statistics.mean(at):.0f} %" for at in zip(*shares)) or "0 %"

    def seconds(setting):
        return f"{statistics.median(searches.column(runs, setting, 'seconds')):.1f}"

    more = [("evaluations", lambda setting: str(evaluations[setting])), ("stopped", stopped),
            ("training steps", steps), ("seconds (median)", seconds)]
    searches.RESULTS.mkdir(parents=True, exist_ok=True)
    searches.plot(runs, SETTINGS, evaluations, searches.RESULTS / "hurdles.png",
                  unit="% of the training steps")
    table = searches.table(runs, SETTINGS, REFERENCE, more)
    scored = searches.HOW_SCORED.format(adamw=statistics.mean(r["adamw"] for r in runs))
    (searches.RESULTS / "hurdles.md").write_text(f"""# What hurdles and racing cost and bring

Evolution of optimizers on the digits proxy with equal numbers of training steps: those of
{given.evaluations} evaluations of {SEEDS} seeds and {STEPS} steps. Search seeds 1 to {given.seeds}.
Means over the search seeds with 95 % intervals (Student's t). {scored}

A hurdle is a training run of its own with one seed; a race stops a candidate after the first of its
four seeds. What passes is the better half (or the share that is named) of the last 256 scores.

{table}

![Best objective over the training steps, and losses on fresh seeds](hurdles.png)

Training steps are those that were asked for, without what divergences save. Seconds are those of the
search on {given.threads} threads.

Made by `tests/studies/hurdles.py --evaluations {given.evaluations} --seeds {given.seeds}` on
{datetime.date.today()}, {searches.processor()}, numeric class {runs[0]["class"]}.
""")
    print(table)


if __name__ == "__main__":
    main()
