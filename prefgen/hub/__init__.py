"""A run's dataset on the Hub: everything in one commit, or nothing.

    from prefgen.hub import Target, push
    push("runs/mine", Target("me/mine", public=True))

``files`` says what is pushed (pure), ``changes`` what a push would change (pure), ``account`` whether it can succeed,
``api`` asks the Hub, ``faults`` tells in a line what it refuses, ``pushing`` does it. docs/hub.md tells the rules,
docs/decisions/0022 why.
"""

from prefgen.hub.files import files
from prefgen.hub.pushing import Pushed, check, push
from prefgen.hub.target import Target

__all__ = ["Pushed", "Target", "check", "files", "push"]
