"""What became of the amendments of the matrix, counted over all its tests, is said at the end of a run."""

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, counts in getattr(report, "user_properties", ()):
            if name == "amendments":
                found.update(counts)
    if found:
        terminalreporter.section("amendments")
        told = ", ".join(f"{count} {outcome}" for outcome, count in found.most_common())
        terminalreporter.write_line(f"{found.total()} orders: {told}")
