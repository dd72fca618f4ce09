"""Properties of captures that are computed once, whichever threads ask for them."""

from __future__ import annotations

from functools import cached_property
from threading import RLock
from typing import Any, TypeVar, overload

T = TypeVar("T")
_LOCK = "_once"  # the attribute that keeps an object's lock


class once(cached_property[T]):  # noqa: N801  it is used as a decorator, as cached_property is
    """A cached property that no two threads compute at once; from Python 3.12 on, those of functools may be."""

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> once[T]: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...
    def __get__(self, instance: object | None, owner: type[Any] | None = None) -> once[T] | T:
        if instance is None:
            return self
        with instance.__dict__.setdefault(_LOCK, RLock()):  # setdefault is atomic: all get the same lock
            return super().__get__(instance, owner)
