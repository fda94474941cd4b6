"""The client against a real server and a real worker, on a unix socket."""

import re
import signal
import threading
from concurrent import futures

import grpc
import pytest

import lathe
from lathe.v1 import resources_pb2

Job = resources_pb2.Job
PATIENCE = 60  # seconds, far more than anything here takes

SPEC = {"name": "from_python", "seed": 5, "window": 8, "budget": {"evaluations": 120},
        "strategy": {"population": 20, "tournament": 3}}
ENDLESS = {**SPEC, "name": "endless", "budget": {"evaluations": 10 ** 7}}


@pytest.fixture
def client(service):
    with lathe.Client(service.address, timeout=PATIENCE) as made:
        yield made


def wait_for(client, name, state):
    """Watches until the job is in a state."""
    for job in client.watch(name):
        if job.state == state:
            return job
    raise AssertionError(f"{name} ended before")


def test_a_job_from_submission_to_a_loaded_optimizer(client):
    torch = pytest.importorskip("torch")
    job = client.submit(SPEC)
    assert client.submit(SPEC, request_id="one").name == client.submit(SPEC, request_id="one").name
    revisions = [seen.revision for seen in client.watch(job.name)]
    assert revisions == sorted(set(revisions)) and len(revisions) > 1
    assert list(client.watch(job.name, after_revision=revisions[-1])) == []
    rest = [seen.revision for seen in client.watch(job.name, after_revision=revisions[0])]
    assert rest == [r for r in range(revisions[0] + 1, revisions[-1] + 1)]
    assert client.get(job.name).state == Job.SUCCEEDED
    assert client.report(job.name).candidates.evaluated == 120
    found = client.found(job.name)
    assert client.program(found.hash).text == client.program(f"programs/{found.hash}").text
    weights = torch.nn.Parameter(torch.ones(3, 2))
    total = {"total_steps": 10} if "total_steps" in found.text else {}
    optimizer = lathe.load_optimizer(found.text, [weights], lr=0.1, **total)
    weights.grad = torch.full((3, 2), 0.5)
    optimizer.step()
    assert not torch.equal(weights.detach(), torch.ones(3, 2))
    indices = [candidate.index for candidate in client.candidates(job.name)]
    assert indices == list(range(len(indices))) and len(client.candidates(job.name, most=7)) == 7


def test_lists_and_top(client):
    names = [client.submit({**ENDLESS, "name": f"job{i}"}).name for i in range(3)]
    assert [job.name for job in client.list()] == names[::-1]
    assert [job.name for job in client.list(most=2)] == names[:0:-1]
    wait_for(client, names[0], Job.RUNNING)
    top = client.top()
    assert {job.name for job in top.jobs} == set(names)
    assert len(top.workers) <= 1


def test_verbs(client):
    job = client.submit(ENDLESS)
    wait_for(client, job.name, Job.RUNNING)
    client.pause(job.name)
    wait_for(client, job.name, Job.PAUSED)
    client.resume(job.name)
    wait_for(client, job.name, Job.RUNNING)
    client.stop(job.name)
    assert list(client.watch(job.name))[-1].state == Job.SUCCEEDED
    other = client.submit(ENDLESS)
    client.cancel(other.name)
    assert list(client.watch(other.name))[-1].state == Job.CANCELLED
    client.delete(other.name)
    with pytest.raises(lathe.ServerError) as raised:
        client.get(other.name)
    assert (raised.value.code, raised.value.reason) == ("NOT_FOUND", "JOB_NOT_FOUND")


def test_refusals_carry_the_servers_reason(client):
    with pytest.raises(lathe.ServerError) as raised:
        client.submit({**SPEC, "name": "X" * 64})
    assert (raised.value.code, raised.value.reason) == ("INVALID_ARGUMENT", "SPEC_INVALID")
    assert [field for field, _ in raised.value.fields] == ["spec.name"]
    with pytest.raises(lathe.ServerError) as raised:
        client.get("nonsense")
    assert raised.value.reason == "NAME_INVALID"
    with pytest.raises(lathe.ServerError) as raised:
        next(client.watch("jobs/0123456789abcdef"))
    assert raised.value.reason == "JOB_NOT_FOUND"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_watch_survives_a_server_that_is_ended_and_started_again(service, client, how):
    job = client.submit(ENDLESS)
    revisions, went, cancelled = [], False, False
    for seen in client.watch(job.name, patience=PATIENCE):
        revisions.append(seen.revision)
        if seen.state == Job.RUNNING and not went:
            service.end(service.server, how)
            service.start_server()
            went = True
        elif went and not cancelled:
            client.cancel(job.name)
            cancelled = True
    assert seen.state == Job.CANCELLED
    assert revisions == sorted(set(revisions)), "none is told twice"


def test_a_server_that_has_gone_is_named(service, client):
    job = client.submit(ENDLESS)
    watch = client.watch(job.name, patience=0.5)
    assert next(watch).name == job.name
    service.end(service.server, signal.SIGKILL)
    with pytest.raises(lathe.ServerUnavailable, match=re.escape(service.address)):
        for _ in watch:
            pass
    with pytest.raises(lathe.ServerUnavailable, match="no server at unix:/nowhere"):
        lathe.Client("/nowhere/socket", timeout=5).list()


def test_a_watch_of_a_server_that_has_come_to_a_halt_ends(service, client):
    job = client.submit(ENDLESS)
    wait_for(client, job.name, Job.RUNNING)
    client.pause(job.name)
    wait_for(client, job.name, Job.PAUSED)
    with lathe.Client(service.address, timeout=1) as hasty:
        watch = hasty.watch(job.name, patience=0.5)
        assert next(watch).state == Job.PAUSED
        service.server.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(lathe.ServerUnavailable, match="has not answered within 1 s"):
                next(watch)
        finally:
            service.server.send_signal(signal.SIGCONT)


def test_a_watch_without_news_goes_on(service, client):
    job = client.submit(ENDLESS)
    wait_for(client, job.name, Job.RUNNING)
    client.pause(job.name)
    wait_for(client, job.name, Job.PAUSED)
    silences = []

    class Hasty(lathe.Client):
        def _answers(self):
            silences.append(super()._answers())
            if len(silences) == 2:
                client.cancel(job.name)
            return silences[-1]
    with Hasty(service.address, timeout=1) as hasty:
        seen = list(hasty.watch(job.name, patience=0.5))
    assert len(silences) >= 2 and all(silences)
    assert seen[0].state == Job.PAUSED and seen[-1].state == Job.CANCELLED
    revisions = [job.revision for job in seen]
    assert revisions == sorted(set(revisions))


def test_a_revision_that_is_not_there_yet_is_refused(client):
    job = client.submit(ENDLESS)
    with pytest.raises(lathe.ServerError) as raised:
        next(client.watch(job.name, after_revision=10 ** 6))
    assert raised.value.reason == "REVISION_UNKNOWN"


def test_proxies_of_the_environment_are_not_asked(monkeypatch):
    for name in ("grpc_proxy", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_grpc_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = grpc.server(futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with lathe.Client(f"127.0.0.1:{port}", timeout=PATIENCE) as client:
        with pytest.raises(lathe.ServerError) as raised:
            client.list()
    assert raised.value.code == "UNIMPLEMENTED", "it was reached"
    server.stop(None).wait()


def test_calls_end_at_their_deadline(tmp_path):
    import socket
    silent = socket.socket(socket.AF_UNIX)
    silent.bind(str(tmp_path / "silent"))
    silent.listen()
    with pytest.raises(lathe.ServerUnavailable):
        lathe.Client(str(tmp_path / "silent"), timeout=0.5).list()
    silent.close()


def test_several_threads_share_a_client(client):
    names = []

    def submit(i):
        names.append(client.submit({**SPEC, "name": f"thread{i}"}).name)
    threads = [threading.Thread(target=submit, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 4
