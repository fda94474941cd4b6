"""Modules of a user's own: as a file, and as what a search trains."""

import json
import shutil
import subprocess

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import lathe  # noqa: E402

PATIENCE = 240  # seconds, far more than a small search takes


class Net(nn.Module):
    def __init__(self, dropout=0.1):
        super().__init__()
        self.first = nn.Conv2d(1, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(6 * 16, 10)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.norm(self.first(x))), 2)
        return self.last(self.dropout(x.flatten(1)))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mixed, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        b, t, w = x.shape
        q, k, v = self.mixed(self.before(x)).view(b, t, 3, self.heads, w // self.heads).unbind(2)
        scores = torch.einsum("bthd,bshd->bhts", q, k) / (w // self.heads) ** 0.5
        later = torch.ones(t, t, dtype=torch.bool).triu(1)
        weights = scores.masked_fill(later, float("-inf")).softmax(-1)
        x = x + self.out(torch.einsum("bhts,bshd->bthd", weights, v).reshape(b, t, w))
        return x + self.wide(self.between(x))


class Language(nn.Module):
    def __init__(self, vocabulary=128, context=8, width=16, heads=2, layers=2):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(torch.randn(context, width) / 8)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(layers)])
        self.last = nn.Linear(width, vocabulary, bias=False)
        self.last.weight = self.tokens.weight

    def forward(self, x):
        return self.last(self.blocks(self.tokens(x) + self.places[:x.shape[1]]))


IMAGES = torch.zeros(2, 1, 8, 8)


def refused(module, example, path, match, **options):
    with pytest.raises(lathe.ModelError, match=match):
        lathe.export_model(module, example, path, **options)
    assert not path.exists()
    assert not list(path.parent.iterdir()), "nothing is left beside it"


def test_a_file_gives_what_the_module_gives(tmp_path):
    torch.manual_seed(3)
    net = Net()
    net.last.requires_grad_(False)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.dropout.eval()
    path = lathe.export_model(net, IMAGES, tmp_path / "net.pt")
    assert path == tmp_path / "net.pt" and list(tmp_path.iterdir()) == [path]
    assert net.training and net.first.training and not net.dropout.training, "it is as it was"
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    extra = {"lathe_example": ""}
    loaded = torch.jit.load(str(path), _extra_files=extra).eval()
    assert extra["lathe_example"] in (b"1x8x8", "1x8x8")
    batch = torch.randn(5, 1, 8, 8)
    assert torch.equal(loaded(batch), net.eval()(batch))
    assert [name for name, value in loaded.named_parameters() if value.requires_grad] == [
        "first.weight", "first.bias", "norm.weight", "norm.bias"]


def test_traces_what_cannot_be_compiled(tmp_path):
    class Lists(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(4, 4), nn.Linear(4, 3)]
            self.kept = nn.ModuleList(self.layers)

        def forward(self, x, *rest, **more):
            for layer in self.layers:
                x = layer(x)
            return x

    refused(Lists(), torch.zeros(2, 4), tmp_path / "it", "cannot compile the module(.|\n)*trace=True")
    path = lathe.export_model(Lists(), torch.zeros(2, 4), tmp_path / "it", trace=True)
    assert torch.jit.load(str(path))(torch.zeros(7, 4)).shape == (7, 3)


def test_a_trace_that_would_lose_something_is_refused(tmp_path):
    class Functional(nn.Module):
        def __init__(self, view):
            super().__init__()
            self.view, self.last = view, nn.Linear(4, 3)

        def forward(self, x):
            x = x.view(2, 4) if self.view else nn.functional.dropout(x + 1, 0.5, self.training)
            return self.last(x)

    example = torch.zeros(2, 4)
    refused(Net(), IMAGES, tmp_path / "it", "norm is a BatchNorm2d.*trace=False", trace=True)
    refused(Functional(False), example, tmp_path / "it", "other numbers.*in training mode", trace=True)
    refused(Functional(True), example, tmp_path / "it", r"fails in evaluation mode on \[1, 4\]",
            trace=True)


def test_parameters_that_cannot_be_trained_are_refused(tmp_path):
    class Odd(nn.Module):
        def __init__(self, odd):
            super().__init__()
            self.last, self.odd = nn.Linear(4, 3), odd

        def forward(self, x):
            return self.last(x)

    example, path = torch.zeros(2, 4), tmp_path / "it"
    for dtype in (torch.float16, torch.float64, torch.bfloat16, torch.int64, torch.complex64):
        odd = nn.Parameter(torch.zeros(2, dtype=dtype), requires_grad=False)
        refused(Odd(odd), example, path, f"parameter odd is {str(dtype)[6:]}; allowed: float32")
    refused(Odd(nn.Parameter(torch.tensor([float("nan")]))), example, path, "odd has numbers that")
    refused(Odd(nn.LazyLinear(2)), example, path, "parameter odd.weight has no shape yet")
    refused(nn.Linear(4, 3).requires_grad_(False), example, path, "nothing to train")
    refused(nn.Flatten(), example, path, "nothing to train")


def test_inputs_and_outputs_are_checked(tmp_path):
    class Out(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.kind: str = kind
            self.last = nn.Linear(4, 3)

        def forward(self, x):
            x = self.last(x)
            if self.kind == "double":
                return x.double()
            if self.kind == "transposed":
                return x.t()
            if self.kind == "one":
                return x[:, :1]
            if self.kind == "by size":
                return x[:, :2] if x.shape[0] == 3 else x
            return x

    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(4, 3)

        def forward(self, x):
            return self.last(x), x

    example, path = torch.zeros(2, 4), tmp_path / "it"
    refused(Out("double"), example, path, "returns float64; allowed: float32")
    refused(Out("transposed"), example, path, r"returns \[3, 2\] for \[2, 4\]; allowed: \[2, outputs\]")
    refused(Out("one"), example, path, "returns 1 numbers each; allowed: 2 to 65536")
    refused(Out("by size"), example, path, "returns 2 numbers each for 3 examples and 3 for 2")
    refused(Pair(), example, path, "returns a tuple; allowed: one tensor")
    refused(Out(""), torch.zeros(2, 5), path, r"fails in evaluation mode on \[2, 5\]: .*shapes cannot")
    refused(Out(""), torch.zeros(2, 2, 2), path, "shape .2, 2, 2.; allowed")
    refused(Out(""), torch.zeros(0, 4), path, "allowed: .batch, context")
    refused(Out(""), example.double(), path, "example is float64; allowed: float32, or int64")
    with pytest.raises(TypeError, match="allowed: a torch.nn.Module"):
        lathe.export_model(lambda x: x, example, path)
    with pytest.raises(TypeError, match="example is a list"):
        lathe.export_model(Out(""), [1.0], path)


def test_a_file_that_is_there_stays_when_the_new_one_is_refused(tmp_path):
    path = tmp_path / "net.pt"
    path.write_text("old")
    with pytest.raises(lathe.ModelError):
        lathe.export_model(nn.Flatten(), IMAGES, path)
    assert path.read_text() == "old"
    lathe.export_model(Net(), IMAGES, path)
    assert path.stat().st_size > 1000


class Programs:
    """`lathe`, in a folder with the digits."""

    def __init__(self, programs, folder):
        self.lathe, self.folder = programs / "lathe", folder
        data = folder / "data"
        data.mkdir()
        shutil.copy(programs.parent / "share" / "lathe" / "data" / "digits.csv.gz", data)

    def __call__(self, *arguments, status=0):
        done = subprocess.run([str(self.lathe), *map(str, arguments), "--data", "data"],
                              cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE,
                              check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout if status == 0 else done.stderr

    def add(self, name, path, *more, status=0):
        return self("data", "add", name, "--format", "torchscript", path, *more, status=status)

    def run(self, task, *more, status=0):
        job = {"name": "own_model", "window": 8, "budget": {"evaluations": 16},
               "strategy": {"population": 6, "tournament": 2}, "task": task}
        (self.folder / "job.yaml").write_text(json.dumps(job))
        return self("run", "job.yaml", "--json", "--quiet", *more, status=status)


@pytest.fixture
def programs(bin_folder, tmp_path):
    if not (bin_folder / "lathe-evaluator-torch").exists():
        pytest.skip("needs lathe-evaluator-torch")
    return Programs(bin_folder, tmp_path)


def hashes(programs, task):
    """Of the same search with one worker and two, in batches of other sizes."""
    reports = [json.loads(programs.run(task, *more)) for more in (
        ("--workers", "1"), ("--workers", "2", "--batch", "1"), ("--workers", "2", "--batch", "3"))]
    assert {report["state"] for report in reports} == {"succeeded"}
    return {report["trajectory_hash"] for report in reports}


def test_a_search_over_a_convolutional_net(programs, tmp_path):
    torch.manual_seed(5)
    path = lathe.export_model(Net(), IMAGES, tmp_path / "net.pt")
    added = programs.add("my_net", path)
    assert "my_net: a model of 1042 parameters in 6 tensors; takes 1x8x8, returns 10 numbers" in added
    task = {"torchscript": {"name": "my_net"}, "steps": 15, "seeds": 2, "base_lr": 0.05}
    saved = hashes(programs, task)
    shuffled = hashes(programs, {**task, "torchscript": {"name": "my_net", "start": "shuffled",
                                                         "loss": "squared_error"}})
    assert len(saved) == 1 and len(shuffled) == 1 and saved != shuffled


def test_a_search_over_a_language_model(programs, tmp_path):
    torch.manual_seed(6)
    (tmp_path / "cats.txt").write_text("".join(f"the cat sat {i % 7}\n" for i in range(400)))
    programs("data", "add", "cats", "--format", "text", "cats.txt")
    path = lathe.export_model(Language(), torch.zeros(2, 8, dtype=torch.long), tmp_path / "lm.pt")
    assert "takes 8 tokens, returns 128 numbers for each token" in programs.add("my_lm", path)
    task = {"torchscript": {"name": "my_lm"}, "dataset": "cats", "train_examples": 200,
            "validation_examples": 40, "test_examples": 40, "batch": 8, "steps": 6, "seeds": 1}
    assert len(hashes(programs, task)) == 1


def test_registered_models_are_listed_and_checked(programs, tmp_path):
    path = lathe.export_model(Net(), IMAGES, tmp_path / "net.pt")
    programs.add("my_net", path)
    listed = json.loads(programs("data", "list", "--json"))[-1]
    assert listed["name"] == "my_net" and listed["source"] == "torchscript"
    assert [parameter["name"] for parameter in listed["parameters"]] == [
        name for name, _ in Net().named_parameters()]
    content = tmp_path / "data" / "my_net" / (listed["content_hash"] + ".pt")
    assert content.read_bytes() == path.read_bytes()
    assert "my_net: a model of 1042 parameters" in programs("data", "check", "my_net")
    content.write_bytes(content.read_bytes()[:-1] + b"x")
    told = programs.run({"torchscript": {"name": "my_net"}, "steps": 2}, status=1)
    assert f"{content.relative_to(tmp_path)}: content hash is" in told
    assert "1 of 1 datasets and models are damaged" in programs("data", "check", "my_net", status=1)


def test_files_that_are_no_models_are_refused(programs, tmp_path):
    whole = lathe.export_model(Net(), IMAGES, tmp_path / "net.pt").read_bytes()
    bad = tmp_path / "bad.pt"
    for content in (b"", b"no archive", whole[:len(whole) // 2], whole[:1000]):
        bad.write_bytes(content)
        assert f"{bad}: cannot be read as TorchScript: " in programs.add("bad", bad, status=1)
    torch.save(Net().state_dict(), bad)
    assert f"{bad}: cannot be read as TorchScript: " in programs.add("bad", bad, status=1)
    torch.jit.save(torch.jit.script(Net()), str(bad))
    assert "does not say what the model is given" in programs.add("bad", bad, status=1)
    assert "(on [2, 3, 8, 8])" in programs.add("bad", bad, "--input", "3x8x8", status=1)
    assert "--input: " in programs.add("bad", bad, "--input", "8x8", status=2)
    assert "bad: a model of" in programs.add("bad", bad, "--input", "1x8x8")


def test_modules_that_nobody_should_run_are_refused(programs, tmp_path):
    class Greedy(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(4, 3)

        def forward(self, x):
            return self.last(x) + torch.ones([100000000000]).sum()

    class Forks(Greedy):
        def forward(self, x):
            return torch.jit.wait(torch.jit.fork(torch.mm, x, self.last.weight.t()))

    path = tmp_path / "it.pt"
    for module, told in ((Greedy(), "can't allocate memory"), (Forks(), "prim::fork is not allowed")):
        torch.jit.save(torch.jit.script(module), str(path), _extra_files={"lathe_example": "4"})
        refusal = programs.add("it", path, status=1)
        assert refusal.startswith(f"lathe: {path}: ") and told in refusal
        assert len(json.loads(programs("data", "list", "--json"))) == 1


def test_jobs_that_a_model_does_not_fit_are_refused(programs, tmp_path):
    programs.add("my_net", lathe.export_model(Net(), IMAGES, tmp_path / "net.pt"))
    programs.add("flat", lathe.export_model(nn.Linear(64, 10), torch.zeros(2, 64), tmp_path / "f.pt"))
    programs.add("few", lathe.export_model(nn.Sequential(nn.Flatten(), nn.Linear(64, 9)), IMAGES,
                                           tmp_path / "few.pt"))
    (tmp_path / "text").write_text("to be or not to be " * 400)
    programs("data", "add", "hamlet", "--format", "text", "text")

    def told(status=2, **task):
        return programs.run(task, status=status)
    assert 'unknown model "none"; known: few, flat, my_net' in told(torchscript={"name": "none"})
    assert "unknown model" in told(torchscript={"name": "../data/my_net"})
    assert "flat takes 64; digits has 1x8x8" in told(torchscript={"name": "flat"})
    assert "few returns 9 numbers for 10 classes of digits" in told(torchscript={"name": "few"})
    assert "my_net takes 1x8x8; hamlet has text" in told(torchscript={"name": "my_net"},
                                                        dataset="hamlet")
    assert "the name is that of a model" in programs(
        "data", "add", "my_net", "--format", "text", "text", "--replace", status=1)
    assert "the name is that of a dataset" in programs.add("hamlet", tmp_path / "net.pt", "--replace",
                                                           status=1)
