"""No code: the source whose byte code file ``quick_start`` writes, with the byte code of all of a hook's modules.

Every installer removes the byte code of the sources that it installed, and nothing else that lies in ``__pycache__``. Nobody
imports this module; who does all the same, or compiles the package, makes Python write its own byte code there, which the
next hook replaces.
"""
