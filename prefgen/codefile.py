"""A verb in a Python file beside the recipe: ``kept: {my_verbs.py:long_enough: pairs, most: 3}``.

It is code, and a recipe may be a stranger's: nothing of the file runs, not even its imports, unless the caller names
it. This is the only place where prefgen runs code that is not installed.
"""

import hashlib
import re
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from prefgen import verbs
from prefgen.allow import Allow
from prefgen.errors import PrefgenError, nearest

NAME = re.compile(r"(?P<file>[^:\\\0]+\.py):(?P<function>[^\W\d]\w*)")
"""How a recipe names a function of a file of its own."""


class NoVerb(PrefgenError):
    """A word of a recipe that stands for no verb: ``what; cure``."""


def find(name: str, folder: Path, allow: Allow) -> verbs.Verb:
    """The verb of this name: prefgen's, a plug-in's, or a function of a file in the recipe's folder. Raises NoVerb."""
    if ":" in name or name.endswith(".py"):
        return _own(name, folder, allow)
    try:
        return verbs.find(name)
    except verbs.PluginError as e:
        raise NoVerb(str(e)) from e
    except KeyError:
        raise NoVerb(f"no verb '{name}'; {nearest(name, verbs.names())}") from None


def word(said: object, verb: verbs.Verb) -> str:
    """What a verb is called in counts and errors: as the recipe names it, where it is a function of a file."""
    own = isinstance(said, str) and NAME.fullmatch(said)
    return str(said) if own else str(getattr(verb, "__name__", "verb"))


def _own(name: str, folder: Path, allow: Allow) -> verbs.Verb:
    """A function of the recipe's own file, where the caller allows it."""
    said = NAME.fullmatch(name)
    if said is None:
        raise NoVerb(f"no verb '{name:.60}'; a function of a file of yours is written my_verbs.py:long_enough")
    file, function = said["file"], said["function"]
    path = _inside(file, folder)
    if not allow.runs(file, function):
        raise NoVerb(f"runs code of {file}; read it, then allow it with --allow-code {name}")
    return _made_in(_loaded(path, path.read_bytes()), file, function)


def _inside(file: str, folder: Path) -> Path:
    """The file, where it lies in the recipe's folder: no way out of it, and no link."""
    home = folder.resolve()
    path = (home / file).resolve()
    if not path.is_relative_to(home):
        raise NoVerb(f"{file} lies outside of the recipe's folder; copy it beside the recipe")
    if not path.is_file():
        there = [str(one.relative_to(home)) for one in home.glob("*.py")]
        raise NoVerb(f"there is no {file} in the recipe's folder; {nearest(file, there) or 'write it there'}")
    return path


@lru_cache(maxsize=64)
def _loaded(path: Path, source: bytes) -> ModuleType:
    """The file's module, under a name that no other has. It is compiled from the text that its reader saw: bytecode
    that lies beside it could be another's.
    """
    name = f"code_of_{path.stem}_{hashlib.sha256(bytes(path) + source).hexdigest()[:12]}"
    module = sys.modules[name] = ModuleType(name)  # there, for dataclasses look their module up
    module.__file__ = str(path)
    try:
        exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)  # noqa: S102  # allowed by the caller
    except (Exception, SystemExit) as e:
        del sys.modules[name]
        line = f" (line {e.lineno})" if isinstance(e, SyntaxError) else ""
        raise NoVerb(f"{path.name} does not load: {type(e).__name__}: {_line(e)}{line}; mend that file") from e
    return module


def _made_in(module: ModuleType, file: str, function: str) -> verbs.Verb:
    """A function or class that the file itself makes; what it only imports is not the recipe's to call."""
    own = {n: v for n, v in vars(module).items() if callable(v) and getattr(v, "__module__", None) == module.__name__}
    if function not in own:
        raise NoVerb(f"{file} makes no function '{function}'; {nearest(function, own) or 'it makes none'}")
    verb: verbs.Verb = own[function]
    return verb


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:200]
