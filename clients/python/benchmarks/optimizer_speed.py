"""How fast a loaded program updates parameters, beside torch's own optimizers.

    python optimizer_speed.py [--sizes 100000 1000000 10000000] [--threads 1] [--seconds 1.0]

Prints the median time of a step of AdamW as a program, of torch.optim.AdamW(foreach=True), and of
Lion as a program, over float32 parameters: all elements in one tensor, and in 100 of equal size.
`loaded_over_foreach_SIZE` is the first over the second, the worse of both layouts. The three take
turns, so that what else the machine does meets all of them.
"""

import argparse
import platform
import statistics
import time

import torch

import lathe


def parameters(size, tensors):
    made = [torch.nn.Parameter(torch.randn(size // tensors)) for _ in range(tensors)]
    for p in made:
        p.grad = torch.randn_like(p) * 1e-2
    return made


def median_times(optimizers, seconds):
    """Of a step of each, in seconds."""
    times = [[] for _ in optimizers]
    for optimizer in optimizers:
        for _ in range(3):
            optimizer.step()
    end = time.perf_counter() + seconds * len(optimizers)
    while time.perf_counter() < end or len(times[0]) < 5:
        for optimizer, taken in zip(optimizers, times):
            start = time.perf_counter()
            optimizer.step()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


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
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {given.threads} thread(s), {cpu_name()}")
    print(f"{'elements':>9} {'tensors':>7} {'loaded ms':>10} {'foreach ms':>10} {'ratio':>6} {'lion ms':>8}")
    summary = {}
    for size in given.sizes:
        for tensors in (1, 100):
            # Decay as a program has it: of the parameters before the step.
            loaded, foreach, lion = median_times([
                lathe.load_optimizer("adamw", parameters(size, tensors), lr=1e-3),
                torch.optim.AdamW(parameters(size, tensors), lr=1e-3, foreach=True),
                lathe.load_optimizer("lion", parameters(size, tensors), lr=1e-4)], given.seconds)
            ratio = loaded / foreach
            print(f"{size:>9} {tensors:>7} {loaded * 1e3:>10.3f} {foreach * 1e3:>10.3f} "
                  f"{ratio:>6.2f} {lion * 1e3:>8.3f}")
            summary[size] = max(summary.get(size, 0.0), ratio)
    for size, ratio in summary.items():
        print(f"loaded_over_foreach_{size:.0e}".replace("e+0", "e") + f" {ratio:.2f}")


if __name__ == "__main__":
    main()
