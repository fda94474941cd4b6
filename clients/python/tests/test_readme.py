"""The story that the README tells, as it stands there."""

import re
import textwrap

import pytest

torch = pytest.importorskip("torch")

JOB = """
name: readme
budget: {evaluations: 60}
strategy: {population: 20, tournament: 3}
"""


def blocks_of(readme):
    """The indented blocks of the section on Python, in order."""
    section = re.search(r"^## From Python$(.*?)^##+ ", readme, re.MULTILINE | re.DOTALL).group(1)
    return [textwrap.dedent(block) for block in
            re.findall(r"(?:^    .*\n|^\n(?=(?:\n*    )))+", section, re.MULTILINE)]


def test_from_a_submission_to_a_run_that_goes_on(request, service, tmp_path, monkeypatch):
    readme = request.config.getoption("--readme")
    if readme is None:
        pytest.skip("needs --readme")
    search, train, go_on = blocks_of(readme.read_text())[:3]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    service.end(service.worker)
    service.start_worker("lathe-evaluator")  # what is found has to train a model
    assert '"127.0.0.1:7433"' in search
    story = {}
    exec(search.replace("127.0.0.1:7433", service.address), story)
    exec(train, story)
    assert story["train"](*story["start"](), 100)[-1] < 0.1
    expected = story["train"](*story["run"], 100)  # what it would have been without a stop
    exec(go_on, story)
    assert story["losses"] == expected
