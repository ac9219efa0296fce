"""The one error class for what a user can put right."""
import difflib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """Something given is wrong; the message says what was found, what was wanted, what to do."""


def unknown_type(error: BaseException) -> str | None:
    """What to do about a name that MMEngine's registries do not know; None for other errors."""
    found = re.search(r'(\S+) is not in the (\S+)::(.+?) registry', str(error))
    if found is None or not isinstance(error, KeyError):
        return None
    name, scope, registry = (text.strip('\'"') for text in found.groups())
    near = _near(name, registry, scope)
    question = f'Did you mean {near!r}?' if near else 'Is it spelt right?'
    return (f'type={name!r} is no {registry} that {scope} knows. {question} One of another '
            "package goes with its scope, as in 'mmseg_sympie.SyMPIEDataPreprocessor', and the "
            "module of one of your own belongs in the config's custom_imports.")


def _near(name: str, registry: str, scope: str) -> str | None:
    """The name with its scope that is almost an unknown one, first in the scope that was asked."""
    from mmengine.registry import Registry, root  # Whoever does not know a name has these.
    own = name.split('.')[-1].lower()
    asked = name.split('.')[0] if '.' in name else scope
    found = [registry_of for parent in vars(root).values()
             if isinstance(parent, Registry) and parent.name == registry
             for registry_of in (parent, *parent.children.values())]
    for each in sorted(found, key=lambda each: each.scope not in (asked, scope)):
        known = {known.lower(): known for known in each.module_dict}
        near = difflib.get_close_matches(own, known, n=1, cutoff=0.88)
        if near:
            return f'{each.scope}.{known[near[0]]}'
    return None


@contextmanager
def errors_without_traceback() -> Iterator[None]:
    """End a tool with the message of an `InputError` or a file error; other errors are bugs."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):
            # A terminal in another encoding gets question marks, instead of ending the tool.
            stream.reconfigure(errors='replace')
    try:
        yield
    except (InputError, OSError) as error:
        # A data loader's worker wraps the message into its own traceback.
        sys.exit('Error: ' + str(error).rsplit('InputError: ', 1)[-1].strip())
    except KeyError as error:
        if unknown_type(error) is None:
            raise
        sys.exit(f'Error: {unknown_type(error)}')
    except KeyboardInterrupt:
        sys.exit(130)
