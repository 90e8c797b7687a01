"""A Cache beside a dict and a model of the order of use, by Hypothesis. The operations depend only
on a seed, which is printed; SC_TEST_SEED=n in the environment sets another."""

import collections
import os
import unittest

try:
    import hypothesis
    from hypothesis import stateful, strategies
except ImportError:
    raise unittest.SkipTest("hypothesis is not installed") from None

from scopecache import Cache, cached

SEED = int(os.environ.get("SC_TEST_SEED", "1"))
print(f"SC_TEST_SEED={SEED}")

# Equal ones among them, of different types, and tuples.
KEYS = strategies.one_of(
    strategies.integers(-3, 8),
    strategies.sampled_from([1.0, 2.0, True, "a", "ab", b"a", None, (), (1, "a"), (1.0, "a")]),
)
VALUES = strategies.integers()


class Unbounded(stateful.RuleBasedStateMachine):
    """A Cache that is large enough is a dict."""

    policy = "adaptive"

    def __init__(self):
        super().__init__()
        self.cache = Cache(maxsize=1000, policy=self.policy)
        self.model = {}

    @stateful.rule(key=KEYS, value=VALUES)
    def store(self, key, value):
        self.cache[key] = self.model[key] = value

    @stateful.rule(key=KEYS)
    def get(self, key):
        assert self.cache.get(key, "none") == self.model.get(key, "none")

    @stateful.rule(key=KEYS)
    def item(self, key):
        try:
            value = self.cache[key]
        except KeyError as error:
            assert error.args == (key,) and key not in self.model
        else:
            assert value == self.model[key]

    @stateful.rule(key=KEYS, value=VALUES)
    def load(self, key, value):
        assert self.cache.get_or_load(key, lambda: value) == self.model.setdefault(key, value)

    @stateful.rule(key=KEYS)
    def pop(self, key):
        assert self.cache.pop(key, "none") == self.model.pop(key, "none")

    @stateful.rule(key=KEYS)
    def delete(self, key):
        try:
            del self.cache[key]
        except KeyError:
            assert key not in self.model
        else:
            del self.model[key]

    @stateful.rule()
    def clear(self):
        self.cache.clear()
        self.model.clear()

    @stateful.rule(key=KEYS)
    def contains(self, key):
        assert (key in self.cache) == (key in self.model)

    @stateful.invariant()
    def same_keys(self):
        assert len(self.cache) == len(self.model)
        assert set(self.cache) == set(self.model)


class Bounded(stateful.RuleBasedStateMachine):
    """At most five entries, with the right values; in exact order, the same as in the model."""

    policy, maxsize = "adaptive", 5

    def __init__(self):
        super().__init__()
        self.cache = Cache(maxsize=self.maxsize, policy=self.policy)
        self.model, self.truth = collections.OrderedDict(), {}

    @stateful.rule(key=KEYS, value=VALUES)
    def store(self, key, value):
        self.cache[key] = self.truth[key] = value
        self.model[key] = value
        self.model.move_to_end(key)
        if len(self.model) > self.maxsize:
            self.model.popitem(last=False)

    @stateful.rule(key=KEYS)
    def get(self, key):
        value = self.cache.get(key, "none")
        assert value in ("none", self.truth.get(key, "none"))
        if key in self.model:
            self.model.move_to_end(key)
        if self.policy == "lru":
            assert value == self.model.get(key, "none")

    @stateful.rule(key=KEYS)
    def pop(self, key):
        value = self.cache.pop(key, "none")
        assert value in ("none", self.truth.pop(key, "none"))
        self.model.pop(key, None)

    @stateful.invariant()
    def within_the_bound(self):
        assert len(self.cache) <= self.maxsize
        assert self.cache.info().currsize == len(self.cache)
        if self.policy == "lru":
            assert set(self.cache) == set(self.model)


class BoundedInOrder(Bounded):
    policy = "lru"


class UnboundedInOrder(Unbounded):
    policy = "lru"


class FunctionTest(unittest.TestCase):
    @hypothesis.seed(SEED)
    @hypothesis.settings(deadline=None, database=None)
    @hypothesis.given(
        strategies.lists(
            strategies.tuples(
                strategies.lists(KEYS, max_size=3),
                strategies.dictionaries(strategies.sampled_from("xyz"), KEYS, max_size=2),
            )
        ),
        strategies.booleans(),
    )
    def test_calls_share_an_entry_when_their_arguments_are_equal(self, calls, typed):
        f = cached(maxsize=None, typed=typed)(lambda *arguments, **names: object())
        model = {}
        for arguments, names in calls:
            key = (*arguments, "names", *names.items())
            if typed:
                key = (*key, *map(type, arguments), *map(type, names.values()))
            value = f(*arguments, **names)
            self.assertIs(model.setdefault(key, value), value)


for machine in (Unbounded, UnboundedInOrder, Bounded, BoundedInOrder):
    hypothesis.seed(SEED)(machine)
    machine.TestCase.settings = hypothesis.settings(
        max_examples=60, stateful_step_count=60, deadline=None, database=None
    )

UnboundedTest, BoundedTest = Unbounded.TestCase, Bounded.TestCase
UnboundedInOrderTest, BoundedInOrderTest = UnboundedInOrder.TestCase, BoundedInOrder.TestCase

if __name__ == "__main__":
    unittest.main()
