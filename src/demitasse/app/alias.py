"""``import frappe`` inside a site's process gives ``demitasse.frappe``, with one module object under both names."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType

from typing_extensions import override

from demitasse.kernel.errors import DemitasseError

_ALIAS = "frappe"
_REAL = "demitasse.frappe"


class RealFrappeInstalled(DemitasseError):
    """A real Frappe can be imported here, so the name ``frappe`` is taken."""

    code = "real_frappe_installed"


class _Loader(importlib.abc.Loader):
    def __init__(self, real_name: str) -> None:
        self._real_name = real_name
        self._own_spec: importlib.machinery.ModuleSpec | None = None

    @override
    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._real_name)
        self._own_spec = module.__spec__
        return module

    @override
    def exec_module(self, module: ModuleType) -> None:
        # The import machinery has put the alias's spec on the module; it keeps its own.
        module.__spec__ = self._own_spec


class _Finder(importlib.abc.MetaPathFinder):
    @override
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _ALIAS and not fullname.startswith(_ALIAS + "."):
            return None
        real_name = _REAL + fullname.removeprefix(_ALIAS)
        if importlib.util.find_spec(real_name) is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, _Loader(real_name), is_package=True)


def install_alias() -> None:
    """Make ``import frappe`` mean this server's doorway for apps.

    Raises:
        RealFrappeInstalled: a real Frappe is importable in this Python.
    """
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    if importlib.util.find_spec(_ALIAS) is not None:
        message = "A real Frappe is installed in this Python: install demitasse in an environment of its own"
        raise RealFrappeInstalled(message)
    sys.meta_path.insert(0, _Finder())
