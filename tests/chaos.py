#!/usr/bin/python3
"""Kills processes of a service again and again, and sees whether anything is lost.

    chaos.py BIN_DIRECTORY PROTO_DIRECTORY --rounds N --seed S

Each round kills -9 the server, a worker or an evaluator at a random moment of a real job, and starts
it again. When a job has ended, its hash, every candidate with its outcome, the best of them and the
report must be those of a run that nobody disturbed; a watch that was opened anew after each kill
must have seen each revision once; what workers have noted as acknowledged must be in the store and
must never have been started again; and no candidate may have failed.
"""

import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

from service_stubs import PATIENCE, generate_stubs, wait_until

SPEC = """
name: "chaos"
seed: 3
window: 24
budget { evaluations: 700 }
strategy { population: 60 tournament: 4 }
task { steps: 200 seeds: 2 }
study {
  seeds: 3 winners: 4 winner_seeds: 2 tuning_seeds: 2
  baselines { program: "adamw" base_lr: 0.01 base_lr: 0.1 }
  controls { name: "random" strategy { kind: RANDOM } }
}
"""
WORKERS = 2
JOB_PATIENCE = 600  # seconds


class Service:
    """A server and its workers, each of which can be killed and started again."""

    def __init__(self, binaries, folder, sync, evaluator="lathe-evaluator"):
        self.binaries, self.folder, self.evaluator = binaries, folder, evaluator
        self.address = f"unix:{folder / 'socket'}"
        self.sync = sync
        self.journal = folder / "journal"
        self.server = None
        self.workers = [None] * WORKERS
        self.channels = []

    def _start(self, name, command, environment=None):
        log = open(self.folder / f"{name}.log", "ab")
        with log:
            return subprocess.Popen([str(word) for word in command], stdout=log, stderr=log,
                                    env={**os.environ, **(environment or {})})

    def start_server(self, program="lathe-server", environment=None):
        self.server = self._start("server", [
            self.binaries / program, "--store", self.folder / "store", "--listen",
            self.address, "--metrics", "off", "--lease-seconds", "2",
            "--sync" if self.sync else "--no-sync"], environment)

    def start_worker(self, i):
        self.workers[i] = self._start(f"worker{i}", [
            self.binaries / "lathe-worker", "--server", self.address, "--batch", "8", "--name",
            f"worker{i}", "--journal", self.journal, "--evaluator",
            self.binaries / self.evaluator])

    def start(self):
        self.start_server()
        for i in range(WORKERS):
            self.start_worker(i)

    def evaluator_of(self, i):
        """The process in which a worker evaluates; none if it is being started."""
        worker = self.workers[i].pid
        children = pathlib.Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
        return int(children[0]) if children else None

    def stop(self):
        for channel in self.channels:
            channel.close()
        # Workers first: they take leave of a server that is there.
        for processes in [self.workers, [self.server]]:
            running = [process for process in processes if process and process.poll() is None]
            for process in running:
                process.send_signal(signal.SIGTERM)
            for process in running:
                try:
                    process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def logs(self):
        texts = []
        for log in sorted(self.folder.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-15:]
            texts.append(f"--- {log.name}\n" + "\n".join(lines))
        return "\n".join(texts)


class Watch(threading.Thread):
    """Follows a job to its end over every death of the server, and notes the revisions."""

    def __init__(self, search, name):
        super().__init__(daemon=True)
        self.search, self.name = search, name
        self.revisions, self.job, self.error = [], None, None
        self.start()

    def run(self):
        import grpc
        from lathe.v1 import search_service_pb2 as messages
        while True:
            last = self.revisions[-1] if self.revisions else 0
            request = messages.WatchJobRequest(name=self.name, after_revision=last)
            try:
                for update in self.search.WatchJob(request, timeout=JOB_PATIENCE,
                                                   wait_for_ready=True):
                    self.revisions.append(update.job.revision)
                    self.job = update.job
                if self.has_ended():
                    return
            except grpc.RpcError as error:
                gone = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
                if error.code() not in gone:
                    self.error = error
                    return

    def has_ended(self):
        return self.job and self.job.state in (self.job.SUCCEEDED, self.job.FAILED,
                                               self.job.CANCELLED)

    def share(self):
        progress = self.job.progress if self.job else None
        if not progress or not progress.total:
            return "the start"
        return f"{100 * progress.done // progress.total} % of {progress.phase}"


def ask(method, request):
    """The answer of a call that is repeated while the server is away."""
    import grpc
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            # A channel connects again while a call waits on it, not between calls that fail at once.
            return method(request, timeout=PATIENCE, wait_for_ready=True)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE or time.monotonic() > deadline:
                raise


def create_job(search):
    from google.protobuf import text_format
    from lathe.v1 import job_spec_pb2, search_service_pb2 as messages
    request = messages.CreateJobRequest(spec=text_format.Parse(SPEC, job_spec_pb2.JobSpec()),
                                        request_id=str(uuid.uuid4()))
    return ask(search.CreateJob, request).name


def end_of(search, name):
    """All of a job that must not depend on what happened on the way."""
    from lathe.v1 import search_service_pb2 as messages
    candidates, token = [], ""
    while True:
        page = ask(search.ListCandidates, messages.ListCandidatesRequest(
            parent=name, page_size=1000, page_token=token))
        for candidate in page.candidates:
            candidate.name = ""
            candidates.append(candidate)
        token = page.next_page_token
        if not token:
            break
    report = ask(search.GetJobReport, messages.GetJobReportRequest(name=name))
    for field in ["search_seconds", "wall_seconds", "completed_out_of_order", "evaluations"]:
        report.ClearField(field)
    ok = [c for c in candidates if c.outcome == c.OK and c.HasField("slot")]
    best = sorted((c.objective, c.index, c.program) for c in ok)[:50]
    failed = sum(c.outcome == c.FAILED for c in candidates)
    return {"hash": report.trajectory_hash, "best": best, "failed": failed,
            "report": report.SerializeToString(deterministic=True),
            "candidates": [c.SerializeToString(deterministic=True) for c in candidates]}


def check_journal(search, journal):
    """How many results were acknowledged. None of them is missing, none was started again."""
    from lathe.v1 import search_service_pb2 as messages
    seeds, acknowledged = {}, {}
    for line in journal.read_text().splitlines():
        event, key, program, values = line.split(" ")
        if event == "started":
            assert key not in acknowledged, f"started again after it was acknowledged: {line}"
            seeds[key] = [int(seed) for seed in values.split(",")]
        else:
            values = [None if v == "diverged" else float(v) for v in values.split(",")]
            assert acknowledged.setdefault(key, (program, values)) == (program, values), line
    recorded = {}
    for key, (program, values) in acknowledged.items():
        if program not in recorded:
            page = ask(search.ListEvaluations, messages.ListEvaluationsRequest(
                parent=f"programs/{program}", page_size=1000))
            recorded[program] = {(e.seed_index, None if e.result.diverged else e.result.objective)
                                 for e in page.evaluations}
        for pair in zip(seeds[key], values):
            assert pair in recorded[program], f"acknowledged and lost: {program} {pair}"
    return len(acknowledged)


def disturb(service, chance):
    """Kills something and starts it again; what it was."""
    victim = chance.choice(["server", "server", "worker", "evaluator"])
    i = chance.randrange(WORKERS)
    if victim == "evaluator":
        pid = service.evaluator_of(i)
        if pid is None:
            return None
        try:
            subprocess.run(["kill", "-9", str(pid)], check=True, stderr=subprocess.DEVNULL)
        except subprocess.CalledProcessError:
            return None  # it has just ended with its worker
        return f"the evaluator of worker {i}"
    process = service.server if victim == "server" else service.workers[i]
    process.kill()
    process.wait()
    # The length of the outage is part of the disturbance; nothing waits for it to be over.
    time.sleep(chance.uniform(0, 0.4))
    if victim == "server":
        service.start_server()
        return "the server"
    service.start_worker(i)
    return f"worker {i}"


def connect(service):
    import grpc
    from lathe.v1 import search_service_pb2_grpc
    service.channels.append(grpc.insecure_channel(service.address, options=[
        ("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]))
    return search_service_pb2_grpc.SearchServiceStub(service.channels[-1])


def check_end(service, search, watch):
    """The end of a job that has succeeded, after what holds for every job."""
    assert watch.error is None, f"the watch ended with {watch.error}"
    assert watch.job.state == watch.job.SUCCEEDED, watch.job.state_reason
    assert watch.revisions == list(range(1, len(watch.revisions) + 1)), "revisions have gaps"
    end = end_of(search, watch.name)
    assert end["failed"] == 0, f"{end['failed']} candidates have failed"
    end["acknowledged"] = check_journal(search, service.journal)
    return end


def run_job(service, chance, kills, tell):
    """Runs one job, with at most so many kills on the way; its end and how many there were."""
    service.start()
    search = connect(service)
    watch = Watch(search, create_job(search))
    done = 0
    deadline = time.monotonic() + JOB_PATIENCE
    while watch.is_alive():
        assert time.monotonic() < deadline, "the job does not end"
        watch.join(chance.uniform(0.05, 2) if done < kills else 1)
        if done == kills or not watch.is_alive():
            continue
        victim = disturb(service, chance)
        if victim:
            done += 1
            tell(victim, watch.share())
    return check_end(service, search, watch), done


def check_same(end, expected):
    for what in ["hash", "best", "candidates", "report"]:
        assert end[what] == expected[what], f"{what} differs from the undisturbed run"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binaries", type=pathlib.Path)
    parser.add_argument("proto", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="lathe-chaos-") as root:
        root = pathlib.Path(root)
        (root / "stubs").mkdir()
        generate_stubs(options.proto, root / "stubs")
        round_, services, jobs, acknowledged, expected = 0, 0, 0, 0, None

        def tell(victim, share):
            nonlocal round_
            round_ += 1
            print(f"round {round_} of {options.rounds}: killed {victim} at {share}", flush=True)

        while expected is None or round_ < options.rounds:
            folder = root / f"service{services}"
            folder.mkdir()
            service = Service(options.binaries, folder, sync=services % 2 == 1)
            services += 1
            try:
                # So few that jobs end, and some are in their study when they are disturbed.
                kills = min(options.rounds - round_, chance.randint(5, 12))
                kills = 0 if expected is None else kills
                end, _ = run_job(service, chance, kills, tell)
                if expected is None:
                    expected = end
                    print(f"undisturbed: {len(end['candidates'])} candidates, hash {end['hash']}")
                    continue
                check_same(end, expected)
                acknowledged += end["acknowledged"]
                jobs += 1
                print(f"job {jobs}: as if nothing had happened", flush=True)
            except BaseException:
                print(service.logs(), file=sys.stderr)
                raise
            finally:
                service.stop()
        print(f"{round_} rounds, {jobs} jobs, {acknowledged} acknowledged results: none lost, "
              "none run again")


if __name__ == "__main__":
    main()
