from __future__ import annotations

import pytest
from monai.bundle import ConfigExpression

from skiagraph.bundle.packed_configs import bound_name, find_own_package, mentioned_names, rename_package


@pytest.mark.parametrize(
    ("expression", "renamed", "names"),
    [
        ("$skiagraph.data.items(@x, 'skiagraph.y')", "$p_1.data.items(@x, 'skiagraph.y')", {"skiagraph.data.items"}),
        ("$from skiagraph.data import x", "$from p_1.data import x", {"skiagraph.data", "skiagraph.data.x"}),
        ("$import skiagraph", "$import p_1", {"skiagraph"}),
        ("$f(@train#skiagraph, skiagraph=1)", "$f(@train#skiagraph, skiagraph=1)", set()),
        ("$@skiagraph.f(x.skiagraph)", "$@skiagraph.f(x.skiagraph)", set()),
        ("$[skiagraph.a(i) for i in @a::0] + \n  [skiagraph.b.c]", "$[p_1.a(i) for i in @a::0] + \n  [p_1.b.c]",
         {"skiagraph.a", "skiagraph.b.c"}),
        ("$skiagraphy.a(skia.b)", "$skiagraphy.a(skia.b)", set()),
        ("made by skiagraph.data", "made by skiagraph.data", set()),
    ],
)  # fmt: skip
def test_expressions(expression: str, renamed: str, names: set[str]) -> None:
    config = {"a": {"b": [1, expression]}}
    assert rename_package(config, "skiagraph", "p_1") == {"a": {"b": [1, renamed]}}
    assert mentioned_names(config, "skiagraph") == names


@pytest.mark.parametrize("key", ["_target_", "network_def#_target_", "train::trainer::_target_"])
def test_targets(key: str) -> None:
    config = {key: "skiagraph.networks.Net", "other": "skiagraph.networks.Net", "list": [{key: "monai.skiagraph.Net"}]}
    assert rename_package(config, "skiagraph", "p_1") == config | {key: "p_1.networks.Net"}
    assert mentioned_names(config, "skiagraph") == {"skiagraph.networks.Net"}


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("$import a.b as c", "c"),
        ("$import a.b", "a.b"),
        ("$from a.b import d", "d"),
        ("$from a import d as e", "e"),
    ],
)
def test_bound_name_is_a_global_of_monai(statement: str, name: str) -> None:
    expression = ConfigExpression(statement)
    expression.evaluate()
    assert set(expression.globals) == {bound_name(statement)} == {name}


def test_overlay_is_completed_only_where_it_replaces_lines() -> None:
    assert find_own_package({"epochs": 1}, [], base=["$import p"]) == {"epochs": 1}
    assert find_own_package({"initialize": "$f()"}, [], base=["$import p"]) == {
        "initialize": ["$sys.path.insert(1, @bundle_root)", "$import p", "$f()"]
    }
    assert find_own_package({"imports": ["$import sys"]}, [], base=[]) == {"imports": ["$import sys"]}


def test_config_that_runs_by_itself_gets_all_lines_and_is_not_changed_in_place() -> None:
    config = {"imports": ["$import os"], "bundle_root": "bundles/x", "run": ["$f()"]}
    packed = find_own_package(config, ["$import p"])
    assert packed == {
        "imports": ["$import os", "$import sys"],
        "bundle_root": ".",
        "initialize": ["$sys.path.insert(1, @bundle_root)", "$import p"],
        "run": ["$f()"],
    }
    assert config == {"imports": ["$import os"], "bundle_root": "bundles/x", "run": ["$f()"]}
