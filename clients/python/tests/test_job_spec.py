"""Jobs as dicts and YAML, onto the messages."""

import types

import pytest

from lathe import JobError, _job_spec
from lathe._job_spec import job_spec
from lathe.v1 import job_spec_pb2

JOB = {"name": "mine", "seed": 3, "budget": {"evaluations": 100}, "warm_start": ["adamw"],
       "strategy": {"kind": "evolution", "ops": {"add": 2, "sign": 0.5}},
       "study": {"baselines": [{"program": "lion", "base_lr": [0.1, 1]}]},
       "hurdles": [{"keep": 0.5, "task": {"steps": 20}}]}


def test_a_dict_becomes_a_spec():
    spec = job_spec(JOB)
    assert (spec.name, spec.seed, spec.budget.evaluations) == ("mine", 3, 100)
    assert spec.strategy.kind == job_spec_pb2.Strategy.EVOLUTION
    assert dict(spec.strategy.ops) == {"add": 2.0, "sign": 0.5}
    assert list(spec.study.baselines[0].base_lr) == [0.1, 1.0]
    assert spec.hurdles[0].task.steps == 20
    assert not spec.HasField("filters")


@pytest.mark.parametrize("repeated", [True, False])
def test_lists_are_told_from_values_by_every_version_of_protobuf(repeated):
    newer = types.SimpleNamespace(is_repeated=repeated)
    older = types.SimpleNamespace(label=3 if repeated else 1)
    assert _job_spec._is_repeated(newer) == _job_spec._is_repeated(older) == repeated


def test_yaml_is_read_from_texts_and_files(tmp_path):
    yaml = pytest.importorskip("yaml")
    text = yaml.safe_dump(JOB)
    (tmp_path / "job.yaml").write_text(text)
    assert job_spec(text) == job_spec(str(tmp_path / "job.yaml")) == job_spec(JOB)


def test_program_files_are_sent_as_text(tmp_path):
    yaml = pytest.importorskip("yaml")
    (tmp_path / "a.lathe").write_text("text of a")
    job = {**JOB, "warm_start": ["adamw", "a.lathe"],
           "study": {"baselines": [{"program": "a.lathe", "base_lr": [1]}]}}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    spec = job_spec(tmp_path / "job.yaml")
    assert list(spec.warm_start) == ["adamw", "text of a"]
    assert spec.study.baselines[0].program == "text of a"


@pytest.mark.parametrize("change, field, told", [
    ({"sed": 1}, "sed", "there is no such field; there are: name, signature, seed"),
    ({"seed": -1}, "seed", "a whole number from 0 to"),
    ({"seed": 1.5}, "seed", "a whole number, found 1.5"),
    ({"seed": float("nan")}, "seed", "a whole number"),
    ({"seed": True}, "seed", "a whole number"),
    ({"name": 3}, "name", "expected a text, found 3"),
    ({"budget": 5}, "budget", "expected a mapping of fields, found 5"),
    ({"budget": {"evaluation": 5}}, "budget.evaluation", "no such field"),
    ({"warm_start": "adamw"}, "warm_start", "expected a list"),
    ({"warm_start": ["none.lathe"]}, "warm_start[0]", "cannot read none.lathe"),
    ({"strategy": {"kind": "evolve"}}, "strategy.kind", "one of random, evolution, constants"),
    ({"strategy": {"ops": {"add": "x"}}}, "strategy.ops['add']", "expected a number"),
    ({"study": {"baselines": [{"base_lr": [1, "x"]}]}}, "study.baselines[0].base_lr[1]", "a number"),
])
def test_what_is_wrong_is_named(change, field, told):
    with pytest.raises(JobError) as raised:
        job_spec({**JOB, **change})
    assert raised.value.field == field
    assert told in raised.value.problem
