from tests.entrypoints.terminal import terminal

__all__ = ["terminal"]
