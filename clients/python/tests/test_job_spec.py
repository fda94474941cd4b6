"""Jobs as dicts and YAML, onto the messages."""

import json
import types

import pytest
from google.protobuf import text_format

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


def test_job_files_say_what_they_say_to_the_other_clients(request):
    pytest.importorskip("yaml")
    folder = request.config.getoption("--jobs")
    if folder is None:
        pytest.skip("needs --jobs")
    files = [path for path in sorted(folder.glob("*.yaml"))
             if b"# --set" not in path.read_bytes()]
    assert len(files) > 25
    for path in files:
        expected = path.with_suffix(".expected").read_text("utf-8")
        if not expected.startswith(path.name):
            wanted = text_format.Parse(expected, job_spec_pb2.JobSpec())
            assert job_spec(path) == wanted, path.name
            continue
        with pytest.raises(JobError) as raised:
            print(path.name, job_spec(path))
        assert raised.value.field.split("[")[0] in expected, path.name


@pytest.mark.parametrize("written, value", [
    ("1e-3", 1e-3), ("1e0", 1.0), ("010", 10.0), ("+5", 5.0), (".5", 0.5), ("2.", 2.0)])
def test_numbers_of_yaml_are_decimal(written, value):
    pytest.importorskip("yaml")
    assert job_spec(f"task: {{base_lr: {written}}}").task.base_lr == value


@pytest.mark.parametrize("text, field, told", [
    ("seed: 1:30", "seed", "a whole number, found '1:30'"),
    ("seed: 0x10", "seed", "a whole number, found '0x10'"),
    ("seed: 1_000", "seed", "a whole number, found '1_000'"),
    ("seed: 1\nseed: 2", "seed", "given twice; first on line 1"),
    ("budget: {candidates: 1, candidates: 1}", "budget.candidates", "given twice"),
    ("name: mine\nbudget:", "budget", "a mapping of fields, found nothing"),
    ("name: mine\nseed: ~", "seed", "a whole number, found nothing"),
    ("task: {base_lr: .inf}", "task.base_lr", "a number of size up to 1.79769e+308, found inf"),
    ("task: {base_lr: .NaN}", "task.base_lr", "found nan"),
    ("task: {base_lr: 1e999}", "task.base_lr", "found inf"),
    (f"seed: {'9' * 5000}", "seed", "a whole number, found inf"),
    ("name: !!str 3", "", "line 1, column 7: tags are not allowed"),
    ("a: " + "[" * 2000, "", "nested too deeply"),
    ("a: &a [*a]", "", "nested too deeply"),
    ("a: &a [1,1,1,1,1,1,1,1]\n" + "".join(
        f"{to}: &{to} [{', '.join(['*' + of] * 8)}]\n" for of, to in zip("abcdefgh", "bcdefghi")),
     "", "aliases stand for too much"),
    ("name: " + "x" * (1 << 20), "", "larger than 1 MiB"),
    ("task: {mlp: {}, conv_net: {}}", "task.conv_net", "excludes mlp, which is given too"),
])
def test_what_yaml_may_not_say_is_named(text, field, told):
    pytest.importorskip("yaml")
    with pytest.raises(JobError) as raised:
        job_spec(text)
    assert raised.value.field == field
    assert told in raised.value.problem


def test_a_text_of_one_long_line_is_no_path():
    pytest.importorskip("yaml")
    text = json.dumps({**JOB, "warm_start": ["adamw"] * 1000})
    assert len(text) > 4096 and len(job_spec(text).warm_start) == 1000


@pytest.mark.parametrize("source", ["", "nowhere.yaml", "x" * 5000, "nul\0byte"])
def test_files_that_cannot_be_read_are_named(source):
    with pytest.raises(JobError, match="cannot read"):
        job_spec(source)


def test_numbers_of_numpy_are_numbers():
    numpy = pytest.importorskip("numpy")
    job = {**JOB, "seed": numpy.int64(7), "task": {"base_lr": numpy.float32(0.5)}}
    assert (job_spec(job).seed, job_spec(job).task.base_lr) == (7, 0.5)


@pytest.mark.parametrize("change, field, told", [
    ({"seed": 10 ** 400}, "seed", "a whole number from 0 to"),
    ({"seed": 10 ** 5000}, "seed", "found one of thousands of digits"),
    ({"task": {"base_lr": 10 ** 400}}, "task.base_lr", "a number of size up to"),
    ({"task": {"base_lr": float("inf")}}, "task.base_lr", "a number of size up to"),
    ({"name": "half \ud800"}, "name", "a text without lone surrogates"),
    ({"strategy": {"ops": {"\udcff": 1}}}, "strategy.ops['\\udcff']", "lone surrogates"),
    ({3: 1}, "3", "no such field"),
    ({"sed": 1}, "sed", "there is no such field; there are: name, signature, seed"),
    ({"seed": -1}, "seed", "a whole number from 0 to"),
    ({"seed": 1.5}, "seed", "a whole number, found 1.5"),
    ({"seed": float("nan")}, "seed", "a whole number"),
    ({"seed": True}, "seed", "a whole number"),
    ({"name": 3}, "name", "expected a text, found 3"),
    ({"budget": 5}, "budget", "expected a mapping of fields, found 5"),
    ({"budget": {"evaluation": 5}}, "budget.evaluation", "no such field"),
    ({"warm_start": "adamw"}, "warm_start", "expected a list"),
    ({"warm_start": ["none.lathe"]}, "warm_start[0]", "cannot read 'none.lathe': No such file"),
    ({"strategy": {"kind": "evolve"}}, "strategy.kind", "one of random, evolution, constants"),
    ({"strategy": {"ops": {"add": "x"}}}, "strategy.ops['add']", "expected a number"),
    ({"study": {"baselines": [{"base_lr": [1, "x"]}]}}, "study.baselines[0].base_lr[1]", "a number"),
])
def test_what_is_wrong_is_named(change, field, told):
    with pytest.raises(JobError) as raised:
        job_spec({**JOB, **change})
    assert raised.value.field == field
    assert told in raised.value.problem
