"""How fast a loaded program updates parameters, beside torch's own optimizers.

    python optimizer_speed.py [--sizes 100000 1000000 10000000] [--threads 1] [--json FILE]

Prints the median time of a step over float32 parameters, all elements in one tensor and in 100 of
equal size: of torch.optim.AdamW(foreach=True), of AdamW as a program, loaded and compiled, and of
Lion as a program, loaded and compiled. Speeds are foreach's time over that of the others: above 1, a
program is faster than torch's AdamW. The optimizers take turns, so that what else the machine does
meets all of them; a ratio is the median of those of the repeats. Of both layouts the figures
`loaded_over_foreach_SIZE` and `compiled_over_foreach_SIZE` tell the slower one, of AdamW, and
`lion_..._SIZE` of Lion.
"""

import argparse
import json
import platform
import statistics
import time

import torch

import lathe

# Decay as a program has it: of the parameters before the step.
OPTIMIZERS = {
    "foreach": lambda p: torch.optim.AdamW(p, lr=1e-3, foreach=True),
    "loaded": lambda p: lathe.load_optimizer("adamw", p, lr=1e-3),
    "compiled": lambda p: lathe.load_optimizer("adamw", p, lr=1e-3, compiled=True),
    "lion_loaded": lambda p: lathe.load_optimizer("lion", p, lr=1e-4),
    "lion_compiled": lambda p: lathe.load_optimizer("lion", p, lr=1e-4, compiled=True),
}


def parameters(size, tensors):
    made = [torch.nn.Parameter(torch.randn(size // tensors)) for _ in range(tensors)]
    for p in made:
        p.grad = torch.randn_like(p) * 1e-2
    return made


def median_times(optimizers, seconds):
    """By name, of a step of each, in seconds."""
    times = {name: [] for name in optimizers}
    for optimizer in optimizers.values():
        for _ in range(3):
            optimizer.step()
    end = time.perf_counter() + seconds * len(optimizers)
    while time.perf_counter() < end or len(times["foreach"]) < 5:
        for name, optimizer in optimizers.items():
            start = time.perf_counter()
            optimizer.step()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in times.items()}


def measure(size, tensors, seconds, repeats):
    """By name, the median time of a step and the median speed beside foreach."""
    optimizers = {name: make(parameters(size, tensors)) for name, make in OPTIMIZERS.items()}
    runs = [median_times(optimizers, seconds / repeats) for _ in range(repeats)]
    return {name: (statistics.median(run[name] for run in runs),
                   statistics.median(run["foreach"] / run[name] for run in runs))
            for name in OPTIMIZERS}


def cpu_name():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--sizes", type=int, nargs="+", default=[10 ** 5, 10 ** 6, 10 ** 7])
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--seconds", type=float, default=1.0, help="for each optimizer and layout")
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--json", help="the file that the figures are written to")
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {given.threads} thread(s), {cpu_name()}")
    print(f"{'elements':>9} {'tensors':>7} {'optimizer':<14} {'ms':>9} {'speed':>6}")
    figures = {}
    for size in given.sizes:
        for tensors in (1, 100):
            for name, (taken, speed) in measure(size, tensors, given.seconds,
                                                given.repeats).items():
                print(f"{size:>9} {tensors:>7} {name:<14} {taken * 1e3:>9.3f} {speed:>6.2f}")
                figure = f"{name}_over_foreach_{size:.0e}".replace("e+0", "e")
                if name != "foreach":
                    figures[figure] = min(figures.get(figure, speed), speed)
    for name, value in figures.items():
        print(f"figure {name} {value:.4g} ratio")
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump([{"name": name, "value": value, "unit": "ratio"}
                       for name, value in figures.items()], file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
