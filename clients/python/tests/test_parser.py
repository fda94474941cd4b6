"""Program text: what is accepted, and where it says that a text is wrong."""

import pathlib
import re

import pytest

import lathe
from lathe.axes import axes_of
from lathe.program import Range

LION = """# a comment
lathe 1 optimizer lion
input  w[P,R,C] g[P,R,C] lr[]
hyper  b1 = 0.9 in [0, 1)
state  m[P,R,C] = 0
c = lerp(g, m, b1)   # another
s = sign(c)
update = mul(s, lr)
next m = lerp(g, m, 0.99)
"""


def test_a_program_is_read_as_it_stands():
    program = lathe.parse(LION)
    assert (program.name, program.signature.name) == ("lion", "optimizer")
    assert [(h.name, h.value, h.range) for h in program.hypers] == [
        ("b1", 0.9, Range(0, 1, True, False))]
    assert [(s.name, s.axes, s.start) for s in program.states] == [("m", axes_of("P,R,C"), 0.0)]
    assert [i.op for i in program.instructions] == ["lerp", "sign", "mul", "lerp"]
    assert program.instructions[0].operands[2].kind == "hyper"
    assert program.states[0].next.index == 3 and program.output.index == 2


@pytest.mark.parametrize("text, line, column, problem", [
    ("", 1, 1, "the text is empty"),
    ("lathe 2 optimizer p\n", 1, 7, "version"),
    (LION.replace("mul(s, lr)", "mul(s, rate)"), 8, 17, 'unknown name "rate"'),
    (LION.replace("sign(c)", "signum(c)"), 7, 5, 'unknown op "signum"'),
    (LION.replace("sign(c)", "sign(c, c)"), 7, 5, "sign takes 1 operand, not 2"),
    (LION.replace("0.9 in", "1.5 in"), 4, 13, "not in its range [0, 1)"),
    (LION.replace("next m", "next c"), 9, 6, "expected the name of a state"),
    (LION.replace("update = ", "up = "), 9, 1, 'ends without "update = ..."'),
    (LION.replace("s = sign", "\u00e9 = sign"), 7, 1, "byte 195"),
    (LION.replace("# a comment", "# \u00e9\ud800"), 1, 5, "U+D800 is half of a character"),
    (LION.replace("sign(c)", "sign(\ude00c)"), 7, 10, "U+DE00 is half of a character"),
])
def test_a_mistake_is_told_with_its_place(text, line, column, problem):
    with pytest.raises(lathe.ProgramError) as raised:
        lathe.parse(text, "mine.lathe")
    assert (raised.value.line, raised.value.column) == (line, column), raised.value
    assert problem in raised.value.problem
    assert str(raised.value).startswith(f"mine.lathe:{line}:{column}: ")


def test_places_are_those_of_the_language(request):
    """The first mistake of each golden text is where the language's own parser finds it."""
    folder = request.config.getoption("--diagnostics")
    if folder is None:
        pytest.skip("needs --diagnostics")
    texts = sorted(pathlib.Path(folder).glob("*.lathe"))
    assert len(texts) > 30
    for path in texts:
        first = path.with_suffix(".expected").read_text().splitlines()[0]
        line, column = map(int, re.match(r"[^:]+:(\d+):(\d+): ", first).groups())
        with pytest.raises(lathe.ProgramError) as raised:
            lathe.parse(path.read_bytes().decode("utf-8", "surrogateescape"), path.name)
        assert (raised.value.line, raised.value.column) == (line, column), f"{first}\n{raised.value}"


def test_known_programs_are_there_and_right():
    names = lathe.known_programs()
    assert {"adamw", "lion", "muon", "batchnorm_relu", "evonorm_s0"} <= set(names)
    for name in names:
        assert lathe.load_program(name).name == name
    with pytest.raises(ValueError, match="no known program 'adamv'.*adamw"):
        lathe.load_program("adamv")


def test_a_program_comes_from_a_text_a_path_or_a_name(tmp_path):
    (tmp_path / "mine.lathe").write_text(LION)
    for source in (LION, str(tmp_path / "mine.lathe"), tmp_path / "mine.lathe", "lion"):
        assert lathe.load_program(source).name == "lion"
    with pytest.raises(lathe.ProgramError, match="has the signature optimizer, expected layer"):
        lathe.load_layer("lion", 4)
