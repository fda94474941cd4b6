"""The build backend: that of setuptools, which is also told when the stubs need a package."""

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F401,F403 - the other hooks are as they are

import stubs


def get_requires_for_build_wheel(config_settings=None):
    return [*build_meta.get_requires_for_build_wheel(config_settings), *stubs.build_requirements()]
