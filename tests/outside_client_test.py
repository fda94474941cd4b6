#!/usr/bin/python3
"""Looks at a running service with programs that are not ours.

Debian's gRPC for Python with stubs from Debian's grpc-proto and from our .proto files, promtool, and
a Prometheus that scrapes a run.

    outside_client_test.py BIN_DIRECTORY PROTO_DIRECTORY
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from service_stubs import PATIENCE, generate_stubs, wait_until

BIN, PROTO = (pathlib.Path(argument) for argument in sys.argv[1:3])

SPEC = """
name: "outside"
seed: 5
window: 8
budget { evaluations: 150 }
strategy { population: 20 tournament: 3 }
study {
  seeds: 4 winners: 3 winner_seeds: 2 tuning_seeds: 2
  baselines { program: "adamw" base_lr: 0.01 base_lr: 0.1 }
}
"""


class OutsideClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder_object = tempfile.TemporaryDirectory(prefix="lathe-outside-")
        cls.folder = pathlib.Path(cls.folder_object.name)
        stubs = cls.folder / "stubs"
        stubs.mkdir()
        generate_stubs(PROTO, stubs)
        cls.processes = []
        cls.server = cls.start([BIN / "lathe-server", "--store", cls.folder / "store", "--listen",
                                "127.0.0.1:0", "--metrics", "127.0.0.1:0"], stdout=subprocess.PIPE)
        line = cls.server.stdout.readline().decode()
        cls.address, cls.metrics = re.search(
            r"listening on (\S+), metrics on (http://\S+)", line).groups()
        cls.start([BIN / "lathe-worker", "--server", cls.address, "--batch", "4", "--evaluator",
                   BIN / "lathe-evaluator-synthetic"])
        import grpc
        cls.channel = grpc.insecure_channel(cls.address)

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        for process in reversed(cls.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in reversed(cls.processes):
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
            if process.stdout:
                process.stdout.close()
        cls.folder_object.cleanup()

    @classmethod
    def start(cls, command, **options):
        options.setdefault("stderr", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.DEVNULL)
        cls.processes.append(subprocess.Popen([str(word) for word in command], **options))
        return cls.processes[-1]

    def search(self):
        from lathe.v1 import search_service_pb2_grpc
        return search_service_pb2_grpc.SearchServiceStub(self.channel)

    def run_job(self, spec_text=SPEC):
        """Creates a job, watches it to its end, and gives its last state and its report."""
        from google.protobuf import text_format
        from lathe.v1 import job_spec_pb2, search_service_pb2 as messages
        spec = text_format.Parse(spec_text, job_spec_pb2.JobSpec())
        job = self.search().CreateJob(messages.CreateJobRequest(spec=spec), timeout=PATIENCE)
        revisions = []
        for update in self.search().WatchJob(messages.WatchJobRequest(name=job.name),
                                             timeout=PATIENCE):
            revisions.append(update.job.revision)
            job = update.job
        self.assertEqual(revisions, sorted(set(revisions)), "revisions ascend")
        self.assertEqual(job.state, job.SUCCEEDED, job.state_reason)
        report = self.search().GetJobReport(messages.GetJobReportRequest(name=job.name),
                                            timeout=PATIENCE)
        return job, report

    def test_reflection_lists_both_services(self):
        from grpc.reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
        stub = reflection_pb2_grpc.ServerReflectionStub(self.channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        answer = next(stub.ServerReflectionInfo(iter([request]), timeout=PATIENCE))
        names = {service.name for service in answer.list_services_response.service}
        self.assertLessEqual({"lathe.v1.SearchService", "lathe.v1.WorkerService"}, names)

    def test_health_is_serving(self):
        from grpc.health.v1 import health_pb2, health_pb2_grpc
        stub = health_pb2_grpc.HealthStub(self.channel)
        for service in ["", "lathe.v1.SearchService", "lathe.v1.WorkerService"]:
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE)
            self.assertEqual(answer.status, answer.SERVING, service)

    def details_of(self, error):
        """The messages in the error's google.rpc.Status, by type name."""
        from google.rpc import error_details_pb2, status_pb2
        for key, value in error.trailing_metadata():
            if key == "grpc-status-details-bin":
                status = status_pb2.Status.FromString(value)
                self.assertEqual(status.code, error.code().value[0])
                found = {}
                for detail in status.details:
                    name = detail.type_url.rpartition(".")[2]
                    message = getattr(error_details_pb2, name)()
                    detail.Unpack(message)
                    found[name] = message
                return found
        raise AssertionError(f"no details in {error}")

    def test_errors_carry_details(self):
        import grpc
        from lathe.v1 import job_spec_pb2, search_service_pb2 as messages
        cases = [
            (lambda: self.search().GetJob(messages.GetJobRequest(name="jobs/0123456789abcdef"),
                                          timeout=PATIENCE),
             grpc.StatusCode.NOT_FOUND, "JOB_NOT_FOUND", None),
            (lambda: self.search().GetJob(messages.GetJobRequest(name="nonsense"),
                                          timeout=PATIENCE),
             grpc.StatusCode.INVALID_ARGUMENT, "NAME_INVALID", "name"),
            (lambda: self.search().CreateJob(messages.CreateJobRequest(
                spec=job_spec_pb2.JobSpec(name="x" * 64)), timeout=PATIENCE),
             grpc.StatusCode.INVALID_ARGUMENT, "SPEC_INVALID", "spec.name"),
            (lambda: self.search().ListJobs(messages.ListJobsRequest(page_size=-1),
                                            timeout=PATIENCE),
             grpc.StatusCode.INVALID_ARGUMENT, "PAGE_INVALID", "page_size"),
            (lambda: self.search().ListJobs(messages.ListJobsRequest(page_token="!!"),
                                            timeout=PATIENCE),
             grpc.StatusCode.INVALID_ARGUMENT, "PAGE_INVALID", "page_token"),
        ]
        for call, code, reason, field in cases:
            with self.assertRaises(grpc.RpcError) as raised:
                call()
            self.assertEqual(raised.exception.code(), code)
            details = self.details_of(raised.exception)
            self.assertEqual(details["ErrorInfo"].reason, reason)
            self.assertEqual(details["ErrorInfo"].domain, "lathe")
            if field:
                violations = details["BadRequest"].field_violations
                self.assertEqual([violation.field for violation in violations], [field])

    def test_bytes_that_are_no_request_are_refused_with_a_reason(self):
        import grpc
        call = self.channel.unary_unary("/lathe.v1.SearchService/CreateJob")
        name_not_utf8 = b"\x0a\x04\x0a\x02\xff\xfe"  # spec.name
        for raw in [name_not_utf8, b"\xff\xff\xff", b"\x0a\xff\xff\xff\xff\x0f"]:
            with self.assertRaises(grpc.RpcError) as raised:
                call(raw, timeout=PATIENCE)
            self.assertEqual(raised.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
            self.assertEqual(self.details_of(raised.exception)["ErrorInfo"].reason,
                             "REQUEST_MALFORMED")

    def test_lists_are_paged(self):
        from lathe.v1 import search_service_pb2 as messages
        job, report = self.run_job()
        indices, token = [], ""
        while True:
            page = self.search().ListCandidates(messages.ListCandidatesRequest(
                parent=job.name, page_size=7, page_token=token), timeout=PATIENCE)
            self.assertLessEqual(len(page.candidates), 7)
            indices += [candidate.index for candidate in page.candidates]
            token = page.next_page_token
            if not token:
                break
        self.assertEqual(indices, list(range(report.candidates.proposed)))

    def scrape(self):
        with urllib.request.urlopen(self.metrics) as answer:
            self.assertRegex(answer.headers["Content-Type"], r"^text/plain")
            return answer.read().decode()

    def test_promtool_accepts_the_metrics(self):
        self.run_job()
        checked = subprocess.run(["promtool", "check", "metrics"], input=self.scrape(),
                                 capture_output=True, text=True)
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, "", ""))

    def start_prometheus(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        target = urllib.parse.urlsplit(self.metrics).netloc
        config = self.folder / "prometheus.yml"
        config.write_text("global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: lathe\n"
                          f"  static_configs: [{{targets: ['{target}']}}]\n")
        self.start(["prometheus", f"--config.file={config}",
                    f"--storage.tsdb.path={self.folder / 'tsdb'}",
                    f"--web.listen-address=127.0.0.1:{port}"])
        return f"http://127.0.0.1:{port}"

    def query(self, prometheus, expression):
        """Values by label set, without the labels that Prometheus adds."""
        url = f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(url) as answer:
                result = json.load(answer)["data"]["result"]
        except (urllib.error.URLError, ConnectionError):
            return {}
        added = {"__name__", "instance", "job"}
        return {tuple(sorted((k, v) for k, v in sample["metric"].items() if k not in added)):
                float(sample["value"][1]) for sample in result}

    def test_prometheus_returns_the_figures_of_a_run(self):
        prometheus = self.start_prometheus()
        before = self.scrape()
        spec = SPEC.replace("seed: 5", "seed: 77").replace('"outside"', '"scraped"')
        first, report = self.run_job(spec)
        again, second = self.run_job(spec)
        self.assertEqual(second.evaluations.run, 0)
        self.assertEqual(second.trajectory_hash, report.trajectory_hash)

        def value_before(name):
            found = re.search(rf"^{re.escape(name)} (\S+)$", before, re.MULTILINE)
            return float(found.group(1)) if found else 0.0

        def figure(name, labels=""):
            return lambda: self.query(prometheus, name + labels).get(
                tuple(re.findall(r'(\w+)="([^"]*)"', labels)))

        expected = {
            ("lathe_evaluations_total", ""):
                value_before("lathe_evaluations_total") + report.evaluations.run,
            ("lathe_evaluation_cache_hits_total", ""):
                value_before("lathe_evaluation_cache_hits_total")
                + report.evaluations.from_store + second.evaluations.from_store,
            ("lathe_evaluation_items_queued", ""): 0,
            ("lathe_evaluation_items_leased", ""): 0,
            ("lathe_workers", ""): 1,
        }
        for name, count in report.candidates.rejected.items():
            labels = f'{{filter="{name}"}}'
            expected["lathe_candidates_rejected_total", labels] = (
                value_before("lathe_candidates_rejected_total" + labels) + 2 * count)
        for (name, labels), value in expected.items():
            wait_until(f"{name}{labels} is {value}",
                       lambda: figure(name, labels)() == value)

        infos = wait_until("the job's slot is known", lambda: self.query(
            prometheus, 'lathe_job_info{display_name="scraped"}'))
        for labels, one in infos.items():
            self.assertEqual(one, 1)
            slot = dict(labels)["job_slot"]
            wait_until("the best objective is there", lambda: figure(
                "lathe_job_best_objective", f'{{job_slot="{slot}"}}')() == report.best.objective)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
