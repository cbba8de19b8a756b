"""CAM Back Again, reproduced: large-kernel CNNs from a weakly supervised object localization perspective.

`__init__.pyi` lists the public names and where each is defined. They are imported when they are first asked for, so
that `import camagain` is free and the evaluation never loads torch. The list stands there and not here because every
stage of a run depends on this file: a new public name must not make a run outdated.
"""

from functools import cache
from typing import Any


def __getattr__(name: str) -> Any:
    """A public name, imported from where the stub says; `__all__`, all of them; `__version__`."""
    if name == "__version__":
        from importlib.metadata import version

        return version("camagain")
    if name.startswith("_") and name != "__all__":  # what Python itself looks for
        raise AttributeError(f"module 'camagain' has no attribute {name!r}")
    modules = _public()
    if name == "__all__":
        return sorted(modules)
    if name not in modules:
        raise AttributeError(f"module 'camagain' has no attribute {name!r}; it has {', '.join(sorted(modules))}")
    from importlib import import_module

    try:
        module = import_module(modules[name])
    except ModuleNotFoundError as error:
        from camagain.errors import of_a_missing_package

        if (message := of_a_missing_package(error)) is None:
            raise
        raise ImportError(f"camagain.{name}: {message}") from error
    globals()[name] = getattr(module, name)  # found at once the next time
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_public(), "__all__", "__version__"})


@cache
def _public() -> dict[str, str]:
    """Each public name and the module that defines it, from the import statements of the stub."""
    import ast
    from pathlib import Path

    tree = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = (node for node in tree.body if isinstance(node, ast.ImportFrom))
    return {alias.name: str(node.module) for node in imports for alias in node.names}
