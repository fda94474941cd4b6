"""Options of the tests: where the programs are that they are compared with and run against."""

import pathlib

import pytest


def pytest_addoption(parser):
    parser.addoption("--bin", type=pathlib.Path, help="the folder of lathe's programs")
    parser.addoption("--diagnostics", help="the folder of texts that are wrong, and what is said")
    parser.addoption("--cases", type=int, default=5000, help="random programs to compare")


@pytest.fixture(scope="session")
def bin_folder(request):
    folder = request.config.getoption("--bin")
    if folder is None:
        pytest.skip("needs --bin")
    return folder
