"""The one error class for what a user can put right."""
import sys
from contextlib import contextmanager
from typing import Iterator


class InputError(ValueError):
    """Something given is wrong; the message says what was found, what was wanted, what to do."""


@contextmanager
def errors_without_traceback() -> Iterator[None]:
    """End a tool with the message of an `InputError` or a file error; other errors are bugs."""
    try:
        yield
    except (InputError, OSError) as error:
        # A data loader's worker wraps the message into its own traceback.
        sys.exit('Error: ' + str(error).rsplit('InputError: ', 1)[-1].strip())
    except KeyboardInterrupt:
        sys.exit(130)
