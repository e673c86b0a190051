"""The check of an installation tells what works from what is missing and what is broken."""

import pytest

from fusionmd.workflows.installation import PROBES, Absent, Finding, Probe, is_usable

QUICK = ["python", "torch", "torchscript", "vesin", "ase"]


@pytest.mark.parametrize("probe", [probe for probe in PROBES if probe.name in QUICK], ids=lambda probe: probe.name)
def test_what_the_tests_need_works(probe):
    finding = probe.run()
    assert finding.status == "works", finding.detail
    assert finding.advice == ""


@pytest.mark.parametrize(
    "error, status",
    [(Absent("gone"), "missing"), (ModuleNotFoundError("gone"), "missing"), (OSError("gone\nwrong"), "broken")],
)
def test_failures_are_told_apart_and_carry_advice(error, status):
    def check():
        raise error

    finding = Probe("thing", check, "install it").run()
    assert (finding.status, finding.advice) == (status, "install it")
    assert "gone" in finding.detail and "\n" not in finding.detail


def test_only_what_is_required_decides():
    works, optional = Finding("a", "works", ""), Finding("b", "missing", "", is_optional=True)
    assert is_usable([works, optional])
    assert not is_usable([works, Finding("c", "broken", "")])


def test_required_and_optional_probes():
    assert {probe.name for probe in PROBES if not probe.is_optional} == set(QUICK)
