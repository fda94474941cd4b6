#!/usr/bin/python3
"""Lets a server die at each of its crash points, some of them more than once, and starts it again.

    crash_points_test.py BIN_DIRECTORY PROTO_DIRECTORY

The end must be that of a run in which nothing died; see chaos.py for what is compared.
"""

import pathlib
import re
import sys
import tempfile

import chaos
from service_stubs import generate_stubs, wait_until

BIN, PROTO = (pathlib.Path(argument) for argument in sys.argv[1:3])
SERVER_CODE = pathlib.Path(__file__).parent.parent / "server"
EVALUATOR = "lathe-evaluator-synthetic"
TIMES = [1, 6]  # the how many-th time a server comes by

chaos.SPEC = """
name: "crash"
seed: 4
window: 16
budget { evaluations: 150 }
strategy { population: 30 tournament: 3 }
task { seeds: 2 }
study {
  seeds: 2 winners: 2 winner_seeds: 1 tuning_seeds: 1
  baselines { program: "adamw" base_lr: 0.01 base_lr: 0.1 }
}
"""


def points():
    """Every crash point that the server's code names."""
    found = set()
    for path in SERVER_CODE.rglob("*.cc"):
        found.update(re.findall(r'CrashPoint\("([a-z_.]+)"\)', path.read_text()))
    return sorted(found)


def run(folder, crash_at=None):
    """The end of a job on a server that dies there, and whether it did."""
    service = chaos.Service(BIN, folder, sync=False, evaluator=EVALUATOR)
    try:
        died = False
        if crash_at and crash_at.startswith(("restore", "start")):
            # On the way to take up a job that another server has begun.
            service.start_server()
            chaos.create_job(chaos.connect(service))
            service.server.kill()
            service.server.wait()
        if crash_at:
            service.start_server("lathe-server-crashing", {"LATHE_CRASH_AT": crash_at})
        else:
            service.start_server()
        for i in range(chaos.WORKERS):
            service.start_worker(i)
        search = chaos.connect(service)
        revive = chaos.threading.Event()

        def restart_when_dead():
            nonlocal died
            while not revive.is_set():
                if service.server.poll() is not None:
                    died = True
                    service.start_server()
                    return
                revive.wait(0.02)

        reviver = chaos.threading.Thread(target=restart_when_dead, daemon=True)
        reviver.start()
        watch = chaos.Watch(search, chaos.create_job(search))
        wait_until("the job has ended", lambda: not watch.is_alive())
        end = chaos.check_end(service, search, watch)
        revive.set()
        reviver.join()
        return end, died
    except BaseException:
        print(service.logs(), file=sys.stderr)
        raise
    finally:
        service.stop()


def main():
    with tempfile.TemporaryDirectory(prefix="lathe-crash-") as root:
        root = pathlib.Path(root)
        (root / "stubs").mkdir()
        generate_stubs(PROTO, root / "stubs")
        count = 0

        def folder():
            nonlocal count
            count += 1
            made = root / str(count)
            made.mkdir()
            return made

        expected, _ = run(folder())
        deaths = {}
        for point in points():
            for times in TIMES:
                end, died = run(folder(), f"{point}:{times}")
                chaos.check_same(end, expected)
                deaths[point] = deaths.get(point, 0) + died
                print(f"{point}:{times} {'died' if died else 'not reached'}, the same end",
                      flush=True)
        never = [point for point, died in deaths.items() if not died]
        assert len(deaths) >= 10 and not never, f"nobody dies at {never}"


if __name__ == "__main__":
    main()
