"""Classes in front of another class that only a config names."""
from typing import Any

_SUBCLASSES: dict[tuple[type, type], type] = {}


def in_front_of(front: type, base: type) -> type:
    """The subclass of both classes in which the methods of `front` come first.

    It is the same class at every call. No module holds it, but its objects can be copied and
    pickled.
    """
    def reduce(self: Any) -> tuple:
        return _empty, (front, base), self.__dict__

    if (front, base) not in _SUBCLASSES:
        _SUBCLASSES[front, base] = type(
            f'{front.__name__}[{base.__name__}]', (front, base),
            dict(__module__=front.__module__, __doc__=front.__doc__, __reduce__=reduce))
    return _SUBCLASSES[front, base]


def _empty(front: type, base: type) -> Any:
    """An object whose constructor was not called, to put attributes in."""
    return object.__new__(in_front_of(front, base))
