import subprocess
import sys

ENGINE = {"activities", "adapters", "domain", "workers", "workflows"}


def test_the_auditor_shares_no_code_with_what_it_audits() -> None:
    """Whatever it loads, directly or not, is its own or somebody else's."""
    loads = "import sys, entrypoints.audit.run; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True)
    loaded = told.stdout.split()
    assert not {name for name in loaded if name.partition(".")[0] in ENGINE}
    ours = {name for name in loaded if name.startswith("entrypoints.")}
    assert all(name == "entrypoints.audit" or name.startswith("entrypoints.audit.") for name in ours)
