"""A client of the service.

    client = lathe.Client("127.0.0.1:7433")
    job = client.submit("job.yaml")
    for job in client.watch(job.name):
        print(job.progress.phase, job.progress.best.objective)
    optimizer = lathe.load_optimizer(client.found(job.name).text, model.parameters(), lr=1e-3)

Answers are the messages of proto/lathe/v1.
"""

from __future__ import annotations

import time
import uuid
from types import TracebackType
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Type

import grpc

from lathe._job_spec import JobSource, job_spec
from lathe.errors import ServerError, ServerUnavailable
from lathe.v1 import resources_pb2, search_service_pb2, search_service_pb2_grpc
from lathe.wire import errors_pb2

_PAGE = 1000
_ENDED = (resources_pb2.Job.SUCCEEDED, resources_pb2.Job.FAILED, resources_pb2.Job.CANCELLED)
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0  # seconds before a watch connects again
_LARGEST_MESSAGE = 64 << 20  # bytes


class Top(NamedTuple):
    """What a service is at: its jobs, the most recent first, and its live workers."""

    jobs: List[Any]
    workers: List[Any]


class Client:
    """Calls a server at `address`: "host:port", "unix:/path/of/socket" or the path itself.

    Connects at the first call. Every call has a deadline of `timeout` seconds. ServerUnavailable if
    nobody answers, ServerError with the server's reason if it refuses. Safe to use from several
    threads.
    """

    def __init__(self, address: str, timeout: float = 30.0) -> None:
        self.address = f"unix:{address}" if address.startswith(("/", "./")) else address
        self.timeout = timeout
        # Connections of its own: a channel that has failed must not keep others waiting.
        # No proxy of the environment either: like the other clients, it reaches servers directly.
        options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1),
                   ("grpc.max_reconnect_backoff_ms", int(_LONGEST_WAIT * 1000)),
                   ("grpc.initial_reconnect_backoff_ms", int(_FIRST_WAIT * 1000)),
                   ("grpc.max_receive_message_length", _LARGEST_MESSAGE)]
        self._channel = grpc.insecure_channel(self.address, options=options)
        self._stub = search_service_pb2_grpc.SearchServiceStub(self._channel)

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    # Jobs.

    def submit(self, job: JobSource, request_id: str = "") -> Any:
        """Queues a search and gives the Job. `job` is a dict, the path of a YAML file or its text;
        programs that it names by files (warm_start, study.baselines) are sent as text. A second call
        with the same `request_id` gives the job of the first. JobError names a field that is wrong.
        """
        request = search_service_pb2.CreateJobRequest(spec=job_spec(job),
                                                      request_id=request_id or str(uuid.uuid4()))
        return self._call(self._stub.CreateJob, request)

    def get(self, name: str) -> Any:
        """The Job, with its spec."""
        return self._call(self._stub.GetJob, search_service_pb2.GetJobRequest(name=name))

    def list(self, most: Optional[int] = None) -> List[Any]:
        """Jobs without their specs, the most recent first; all, or `most` of them."""
        return self._pages(self._stub.ListJobs, search_service_pb2.ListJobsRequest(), "jobs", most)

    def workers(self) -> List[Any]:
        """The live workers."""
        request = search_service_pb2.ListWorkersRequest()
        return self._pages(self._stub.ListWorkers, request, "workers", None)

    def top(self) -> Top:
        """Jobs and workers as they are now."""
        return Top(self.list(), self.workers())

    def pause(self, name: str) -> Any:
        """Nothing new starts; gives the Job, like the other verbs."""
        return self._call(self._stub.PauseJob, search_service_pb2.PauseJobRequest(name=name))

    def resume(self, name: str) -> Any:
        return self._call(self._stub.ResumeJob, search_service_pb2.ResumeJobRequest(name=name))

    def stop(self, name: str) -> Any:
        """Proposes nothing more; what runs is finished and reported."""
        return self._call(self._stub.StopJob, search_service_pb2.StopJobRequest(name=name))

    def cancel(self, name: str) -> Any:
        """Drops what runs."""
        return self._call(self._stub.CancelJob, search_service_pb2.CancelJobRequest(name=name))

    def delete(self, name: str) -> None:
        """Removes a job that has ended."""
        self._call(self._stub.DeleteJob, search_service_pb2.DeleteJobRequest(name=name))

    def watch(self, name: str, after_revision: Optional[int] = None,
              patience: float = 60.0) -> Iterator[Any]:
        """The Job as it is, then as it becomes, until it has ended; from `after_revision` on, only
        later revisions. A server that goes away is waited for: ServerUnavailable once it has been
        gone for `patience` seconds, or has not answered for as long, which is noticed after
        `timeout` seconds without news. Revisions that are no longer kept are left out."""
        seen, wait = after_revision, _FIRST_WAIT
        gone_since: Optional[float] = None
        while True:
            failure: Optional[ServerUnavailable] = None
            came = False
            try:
                for job in self._watch_once(name, seen):
                    seen, gone_since, wait, came = job.revision, None, _FIRST_WAIT, True
                    yield job
                    if job.state in _ENDED:
                        return
                if not came and seen is not None:
                    return  # it has ended, and the last revision has been seen
            except ServerUnavailable as error:
                if error.code == "DEADLINE_EXCEEDED" and self._answers():
                    gone_since, wait = None, _FIRST_WAIT
                    continue  # there was no news
                failure = error
            except ServerError as error:
                unknown = error.reason == "REVISION_UNKNOWN" and seen == after_revision
                if error.code != "OUT_OF_RANGE" or seen is None or unknown:
                    raise
                seen = None  # away for longer than revisions are kept
                continue
            now = time.monotonic()
            gone_since = now if gone_since is None else gone_since
            if now - gone_since > patience:
                raise failure or ServerUnavailable("UNAVAILABLE", f"{self.address} ends the watch")
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _watch_once(self, name: str, seen: Optional[int]) -> Iterator[Any]:
        request = search_service_pb2.WatchJobRequest(name=name)
        if seen is not None:
            request.after_revision = seen
        # Of a server that has come to a halt nothing is heard but that time passes.
        call = self._stub.WatchJob(request, timeout=self.timeout)
        try:
            for answer in call:
                yield answer.job
        except grpc.RpcError as error:
            raise self._error(error) from error
        finally:
            call.cancel()

    def _answers(self) -> bool:
        try:
            self.list(most=1)
        except ServerUnavailable:
            return False
        return True

    # What jobs find.

    def report(self, name: str) -> Any:
        """The JobReport of a job that has succeeded."""
        return self._call(self._stub.GetJobReport,
                          search_service_pb2.GetJobReportRequest(name=name))

    def found(self, name: str) -> Any:
        """What a job that has succeeded found: its report's program, with `text` and `hash`.
        LookupError if it found none."""
        report = self.report(name)
        if not report.HasField("found"):
            raise LookupError(f"{name} has found no program")
        return report.found

    def program(self, name: str) -> Any:
        """The Program of a name like "programs/HASH", or of the hash alone."""
        full = name if "/" in name else f"programs/{name}"
        return self._call(self._stub.GetProgram, search_service_pb2.GetProgramRequest(name=full))

    def candidates(self, job: str, most: Optional[int] = None) -> List[Any]:
        """What the search of a job proposed, by index."""
        request = search_service_pb2.ListCandidatesRequest(parent=job)
        return self._pages(self._stub.ListCandidates, request, "candidates", most)

    # Calls.

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        try:
            return method(request, timeout=self.timeout)
        except grpc.RpcError as error:
            raise self._error(error) from error

    def _pages(self, method: Callable[..., Any], request: Any, field: str,
               most: Optional[int]) -> List[Any]:
        whole: List[Any] = []
        while most is None or len(whole) < most:
            request.page_size = _PAGE if most is None else min(_PAGE, most - len(whole))
            page = self._call(method, request)
            whole.extend(getattr(page, field))
            if not page.next_page_token:
                break
            if page.next_page_token == request.page_token:
                raise ServerError("INTERNAL", f"the server at {self.address} repeats a page")
            request.page_token = page.next_page_token
        return whole if most is None else whole[:most]

    def _error(self, error: Any) -> ServerError:
        code = error.code().name
        details = _details(error)
        if details.reason:  # also of a server that is stopping, which is as good as gone
            kind = ServerUnavailable if code == "UNAVAILABLE" else ServerError
            return kind(code, error.details() or "", details.reason, dict(details.metadata),
                        details.fields)
        if code == "UNAVAILABLE":
            return ServerUnavailable(code, f"no server at {self.address}: {error.details()}")
        if code == "DEADLINE_EXCEEDED":
            return ServerUnavailable(code, f"the server at {self.address} has not answered within "
                                           f"{self.timeout:g} s")
        return ServerError(code, f"the server at {self.address}: {error.details()}")


class _Details(NamedTuple):
    reason: str = ""
    metadata: Any = ()
    fields: Any = ()


def _details(error: Any) -> _Details:
    """What the server says beside the message, as google.rpc lays it out."""
    found = _Details()
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        for detail in errors_pb2.Status.FromString(value).details:
            kind = detail.type_url.rpartition("/")[2]
            if kind == "google.rpc.ErrorInfo":
                info = errors_pb2.ErrorInfo.FromString(detail.value)
                found = found._replace(reason=info.reason, metadata=info.metadata)
            elif kind == "google.rpc.BadRequest":
                bad = errors_pb2.BadRequest.FromString(detail.value)
                found = found._replace(fields=[(violation.field, violation.description)
                                               for violation in bad.field_violations])
    return found
