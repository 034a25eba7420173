"""The hook, with the byte code of its modules read from one file.

Finding, opening and reading thirty small files is a third of what a hook's own work costs. So what Python keeps in
``__pycache__`` for each of these modules is there once more, in one file for all of them: written by the first hook that
went without it, used while every source is as it was when it was written, and needed by nobody. What is wrong with it, or with
a directory that cannot be written, costs speed only. It is trusted as far as the ``.pyc`` files are beside which it lies, and
is itself in the place of one, that of ``hook_modules``: so it leaves with the installation.

    line       the version of Python that wrote it, and reads it
    marshal    ([(source, its time in ns, its size)], {module: (code, source, is a package)})
"""

from __future__ import annotations

import os
import sys
from marshal import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import NoReturn

    Source = tuple[str, int, int]
    Module = tuple[CodeType, str, bool]

_HEAD = f"{sys.version!r}\n".encode()
_PACKAGE = f"{__name__.partition('.')[0]}."


def main() -> NoReturn:
    """What ``hook.main`` does."""
    modules = _stored_modules()
    if modules:
        sys.meta_path.insert(0, _Finder(modules))
    from .hook import main as hook

    if not modules:
        _store_modules()
    hook()


class _Finder:
    """Finds and executes the modules of the file. Others are found as always."""

    def __init__(self, modules: dict[str, Module]) -> None:
        self._modules = modules

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        found = self._modules.get(name)
        if found is None:
            return None
        _, source, is_package = found
        # as this module's own is: importing the class by its name would load importlib
        spec: ModuleSpec = type(__spec__)(name, self, origin=source, is_package=is_package)  # type: ignore[arg-type]
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [source.rpartition("/")[0]]
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """As always."""

    def exec_module(self, module: ModuleType) -> None:
        exec(self._modules[module.__name__][0], module.__dict__)  # noqa: S102 - as every import does


def _path() -> str | None:
    """Where the file is; None where this Python keeps no byte code, or keeps it elsewhere."""
    tag = sys.implementation.cache_tag
    if tag is None or sys.pycache_prefix is not None or sys.flags.optimize:
        return None
    return f"{__file__.rpartition('/')[0]}/__pycache__/hook_modules.{tag}.pyc"


def _stored_modules() -> dict[str, Module]:
    """The modules in the file; none where there is no file, or one that no longer holds."""
    path = _path()
    try:
        if path is None:
            return {}
        descriptor = os.open(path, os.O_RDONLY)
        try:
            data = os.read(descriptor, os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)
        if not data.startswith(_HEAD):
            return {}
        sources, modules = loads(memoryview(data)[len(_HEAD) :])  # noqa: S302 - trusted as a .pyc is
        return modules if all(_source(source[0]) == source for source in sources) else {}
    except Exception:
        return {}


def _source(path: str) -> Source:
    found = os.stat(path)
    return path, found.st_mtime_ns, found.st_size


def _store_modules() -> None:
    """Write the file for the next hook, of what is loaded now."""
    path = _path()
    if path is None or sys.dont_write_bytecode or not os.access(os.path.dirname(path), os.W_OK):
        return  # before the work: in a place that is not ours to write each hook comes here
    try:
        from ...fs import LOCAL

        loaded = {name: found for name, found in sys.modules.items() if name.startswith(_PACKAGE)}
        sources = {name: _source(str(found.__file__)) for name, found in loaded.items()}
        modules = {
            name: (_code(found, sources[name]), found.__file__, hasattr(found, "__path__")) for name, found in loaded.items()
        }

        LOCAL.publish(path, _HEAD + dumps((list(sources.values()), modules)), durable=False, mode=0o644)
    except Exception:
        return


def _code(found: ModuleType, source: Source) -> CodeType:
    """The code in a module's ``.pyc``. Raises OSError or ValueError where there is none of this source, as amid an upgrade."""
    with open(found.__cached__, "rb") as file:
        data = file.read()
    _, time_ns, size = source
    seconds = time_ns // 1_000_000_000
    if data[4:16] != b"".join((number & 0xFFFFFFFF).to_bytes(4, "little") for number in (0, seconds, size)):
        raise ValueError(f"{found.__cached__} is of another source")
    code: CodeType = loads(memoryview(data)[16:])  # noqa: S302 - the same
    return code
