"""Runs of the random programs of lathe_program_cases, and what it says of them."""

import collections
import json
import subprocess

import torch

BATCH = 250


def tensors(arrays, dtype):
    return [torch.tensor([float(x) for x in array], dtype=dtype) for array in arrays]


def run_layer(make, case, dtype):
    """The numbers that the judge wants, of the layer that `make` gives for channels and groups."""
    batch, groups, per_group, height, width = case["layer"]
    channels = groups * per_group
    layer = make(channels, groups).to(dtype)
    out = []
    for step in case["steps"]:
        layer.train(step["training"])
        with torch.no_grad():
            for name, parameter in layer.named_parameters():
                parameter.copy_(tensors(step["inputs"][name], dtype)[0])
            x = tensors(step["inputs"]["x"], dtype)[0].reshape(batch, channels, height, width)
            out += layer(x).reshape(-1).tolist()
        for buffer in layer.buffers():
            out += buffer.reshape(-1).tolist()
    return out


def judge(bin_folder, count, dtype, run_case):
    """Asserts that no case differs, and that most are equal without any excuse."""
    tool = str(bin_folder / "lathe_program_cases")
    name = "f64" if dtype == torch.float64 else "f32"
    verdicts, wrong = collections.Counter(), []
    for first in range(0, count, BATCH):
        size = min(BATCH, count - first)
        printed = subprocess.run([tool, "print", str(first), str(size)], check=True,
                                 capture_output=True, text=True).stdout
        cases, lines = [json.loads(line) for line in printed.splitlines()], []
        for case in cases:
            try:
                numbers = run_case(case, dtype)
            except Exception as error:
                raise AssertionError(f"case {case['index']}\n{case['pytorch']}") from error
            lines.append(f"{case['index']} {name} {' '.join(map(repr, numbers))}\n")
        told = subprocess.run([tool, "judge"], check=True, input="".join(lines),
                              capture_output=True, text=True).stdout.splitlines()
        assert len(told) == size
        for case, verdict in zip(cases, told):
            verdicts[verdict.split(":")[0]] += 1
            if verdict.startswith("differs"):
                wrong.append(f"case {case['index']}: {verdict}\n{case['text']}\n{case['pytorch']}")
    print(dict(verdicts))
    assert not wrong, f"{len(wrong)} differ\n" + "\n".join(wrong[:3])
    assert verdicts["equal"] > count * 0.6
