"""Lambda SnapStart: many environments begin with the memory of one."""

from ._core import after_restore


def register():
    """Register what is to be done after a restore, where Lambda's package for it is there."""
    try:
        from snapshot_restore_py import register_after_restore
    except ImportError:
        return
    # The clocks have gone on; and the parts that jitter takes must differ from those of the others.
    register_after_restore(after_restore)
