"""Contracts and helpers explain a failed assertion as test modules do."""

import pytest

pytest.register_assert_rewrite("tests.contract", "tests.support")
