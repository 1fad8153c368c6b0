"""The check before set-up as a module, for its tests."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

SCRIPT = Path(__file__).parents[2] / "scripts" / "prerequisites.py"


def load_script() -> ModuleType:
    """Scripts are run by path and belong to no package."""
    specification = importlib.util.spec_from_file_location("prerequisites", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["prerequisites"] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    return module


prerequisites = load_script()
