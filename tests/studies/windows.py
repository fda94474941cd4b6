#!/usr/bin/env python3
"""What a wide window and islands cost: searches with equal numbers of evaluations.

  tests/studies/windows.py [--evaluations N] [--seeds N] [--threads N]

Runs every setting with every search seed, scores what each search found on fresh seeds, and writes
docs/results/windows.md and windows.png. Needs matplotlib and scipy (Debian: python3-matplotlib,
python3-scipy) and a release build.
"""
import datetime
import statistics

import searches

# By name: window, islands, population of each; about as many members in all.
SETTINGS = {"window 1": (1, 1, 300), "window 64": (64, 1, 300), "window 1024": (1024, 1, 300),
            "16 islands x 64": (1024, 16, 19)}
REFERENCE = "window 1"

JOB = """
name: windows
seed: {seed}
window: {window}
budget: {{evaluations: {evaluations}}}
strategy: {{kind: evolution, population: {population}, islands: {islands}, tournament: 5}}
task: {{dataset: digits, steps: 100, seeds: 4}}
"""


def main():
    given = searches.options(__doc__, evaluations=5000)

    def job_of(setting, seed):
        window, islands, population = SETTINGS[setting]
        return JOB.format(seed=seed, window=window, islands=islands, population=population,
                          evaluations=given.evaluations) + searches.STUDY

    runs = searches.run_all(SETTINGS, job_of, given)
    searches.RESULTS.mkdir(parents=True, exist_ok=True)
    searches.plot(runs, SETTINGS, dict.fromkeys(SETTINGS, given.evaluations),
                  searches.RESULTS / "windows.png")
    table = searches.table(runs, SETTINGS, REFERENCE)
    scored = searches.HOW_SCORED.format(adamw=statistics.mean(r["adamw"] for r in runs))
    (searches.RESULTS / "windows.md").write_text(f"""# What a wide window and islands cost

Evolution of optimizers on the digits proxy, {given.evaluations} evaluations of 4 seeds for each
search, search seeds 1 to {given.seeds}. Means over the search seeds with 95 % intervals (Student's
t). {scored}

{table}

![Best objective over evaluations, and losses on fresh seeds](windows.png)

Islands have 19 members each, 304 in all, beside the 300 of the others.

Made by `tests/studies/windows.py --evaluations {given.evaluations} --seeds {given.seeds}` on
{datetime.date.today()}, {searches.processor()}, numeric class {runs[0]["class"]}.
""")
    print(table)


if __name__ == "__main__":
    main()
