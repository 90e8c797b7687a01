"""The function of several tenants, with an environment for each and with shared ones: no answer has
what belongs to another tenant or user, and what was erased is gone while the rest stays."""

import collections
import concurrent.futures
import json
import pathlib
import random
import sys
import threading
import unittest

from runtime_api import BUILD, Environment
from stand_in_server import StandIn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "local"))
from local_server import Local  # pylint: disable=wrong-import-position

PROGRAM = "tenants"
# A tenant, a user and the two together look like others'.
TENANTS = ("blue", "green", "blue alice", "b")
USERS = ("alice", "bob", "blue", "lue", "alice&tenant=green", "caf\xe9 \N{EURO SIGN}")
SEEDS = range(4)
STEPS = 500
CALLERS = 4
CALLS = 150
DOWN = ("Function.ProfilesUnavailable", "the profile service answered 503")
NO_USER = ("Function.NoSuchUser", "there is no such user")


class Profiles:
    """The profile service: of each user of each tenant a profile, which has a version."""

    def __init__(self):
        self.lock = threading.Lock()
        self.versions = {(tenant, user): 1 for tenant in TENANTS for user in USERS}
        self.asked = collections.Counter()
        self.is_down = False

    def profile(self, tenant, user):
        return {"tenant": tenant, "user": user, "version": self.versions[tenant, user]}

    def answer(self, path, query, _headers):
        assert path == "/profiles" and query.keys() == {"tenant", "user"}, (path, query)
        whose = query["tenant"], query["user"]
        with self.lock:
            self.asked[whose] += 1
            if self.is_down:
                return 503, b"blue alice is down"
            if whose not in self.versions:
                return 404, b""
            return 200, json.dumps(self.profile(*whose)).encode()


class Model:
    """What one environment holds: the profiles that were loaded and not erased."""

    def __init__(self, profiles):
        self.profiles, self.held = profiles, {}
        self.asks = 0

    def read(self, tenant, user):
        whose = tenant, user
        if whose not in self.held:
            self.asks += 1
            if self.profiles.is_down:
                return DOWN
            if whose not in self.profiles.versions:
                return NO_USER
            self.held[whose] = self.profiles.profile(tenant, user)
        return self.held[whose]

    def erase(self, tenant, user=None):
        for whose in list(self.held):
            if whose[0] == tenant and user in (None, whose[1]):
                del self.held[whose]
        return {"erased": "user" if user else "tenant"}


def told(function, tenant, event):
    """The answer of an Environment: what it holds, or the failure's type and message."""
    answer = function.invoke(event, tenant=tenant)
    if answer.kind == "response":
        return answer.json()
    return answer.error_type, answer.json()["errorMessage"]


def told_by_local(local, tenant, event):
    answer = local.invoke(PROGRAM, event, {"X-Amz-Tenant-Id": tenant}).json()
    if "errorType" in answer:
        return answer["errorType"], answer["errorMessage"]
    return answer


def event_of(do, user=None):
    return {"do": do, "user": user} if user else {"do": do}


class Tenants(unittest.TestCase):
    def setUp(self):
        self.profiles = Profiles()
        self.stand_in = StandIn(self.profiles.answer)
        self.addCleanup(self.stand_in.close)
        self.variables = {
            "PROFILES_URL": self.stand_in.url("/profiles"),
            "PROFILE_TTL_MS": "3600000",
            "NO_PROXY": "*",
        }

    def start(self, **variables):
        return Environment(PROGRAM, **self.variables, **variables)

    def start_of_one_tenant(self):
        return self.start(TENANT_ISOLATION="PER_TENANT")

    def some_history(self, seed, functions):
        """functions: of each tenant its environment, which may be that of others too."""
        chance, profiles = random.Random(seed), self.profiles
        models = {function: Model(profiles) for function in functions.values()}
        asked = profiles.asked.total()
        done = collections.Counter()
        for _ in range(STEPS):
            tenant, user = chance.choice(list(functions)), chance.choice(USERS)
            function = functions[tenant]
            do = chance.choices(
                ("read", "erase", "erase all", "change", "remove", "down"), (75, 6, 2, 8, 4, 5)
            )[0]
            done[do] += 1
            if do == "read":
                expected = models[function].read(tenant, user)
                self.assertEqual(told(function, tenant, event_of("read", user)), expected)
            elif do == "erase":
                expected = models[function].erase(tenant, user)
                self.assertEqual(told(function, tenant, event_of("erase", user)), expected)
            elif do == "erase all":
                expected = models[function].erase(tenant)
                self.assertEqual(told(function, tenant, event_of("erase")), expected)
            elif do == "change":
                profiles.versions[tenant, user] = profiles.versions.get((tenant, user), 1) + 1
            elif do == "remove":
                profiles.versions.pop((tenant, user), None)
            else:
                profiles.is_down = not profiles.is_down
            self.assertEqual(profiles.asked.total() - asked,
                             sum(model.asks for model in models.values()))
        self.assertEqual(len(done), 6)

    def test_histories_in_one_environment(self):
        for seed in SEEDS:
            with self.subTest(seed=seed), self.start() as shared:
                self.some_history(seed, dict.fromkeys(TENANTS, shared))

    def test_histories_in_an_environment_for_each(self):
        for seed in SEEDS:
            with self.subTest(seed=seed), self.start_of_one_tenant() as blue, \
                    self.start_of_one_tenant() as green:
                self.some_history(seed, {"blue": blue, "green": green})

    def one_is_erased(self, tell):
        """tell(tenant, event) answers as told() does."""
        profiles = self.profiles
        whose = (("blue", "alice"), ("blue", "bob"), ("green", "alice"))
        loaded = {one: profiles.profile(*one) for one in whose}

        def read(tenant, user):
            return tell(tenant, event_of("read", user))

        for one in whose * 2:
            self.assertEqual(read(*one), loaded[one])
        self.assertEqual(profiles.asked, dict.fromkeys(whose, 1))
        # It is gone at the source, and still held here until it is erased.
        del profiles.versions["blue", "alice"]
        self.assertEqual(read("blue", "alice"), loaded["blue", "alice"])
        self.assertEqual(tell("blue", event_of("erase", "alice")), {"erased": "user"})
        self.assertEqual(read("blue", "alice"), NO_USER)
        profiles.is_down = True
        self.assertEqual(read("blue", "alice"), DOWN)
        self.assertEqual(read("blue", "bob"), loaded["blue", "bob"])
        self.assertEqual(read("green", "alice"), loaded["green", "alice"])
        self.assertEqual(tell("blue", event_of("erase")), {"erased": "tenant"})
        self.assertEqual(read("blue", "bob"), DOWN)
        self.assertEqual(read("green", "alice"), loaded["green", "alice"])
        self.assertEqual(profiles.asked, {
            ("blue", "alice"): 3, ("blue", "bob"): 2, ("green", "alice"): 1
        })

    def test_one_is_erased_from_one_environment(self):
        with self.start() as shared:
            self.one_is_erased(lambda tenant, event: told(shared, tenant, event))

    def test_one_is_erased_with_an_environment_for_each(self):
        with self.start_of_one_tenant() as blue, self.start_of_one_tenant() as green:
            functions = {"blue": blue, "green": green}
            self.one_is_erased(lambda tenant, event: told(functions[tenant], tenant, event))

    def local(self, environments):
        return Local("--max-environments", str(environments), "--timeout", "60",
                     env=self.variables, **{PROGRAM: BUILD / PROGRAM})

    def test_one_is_erased_on_the_local_lambda(self):
        with self.local(1) as local:
            self.one_is_erased(lambda tenant, event: told_by_local(local, tenant, event))
            self.assertEqual(len(local.environments()), 1)

    def test_shared_environments_under_load(self):
        def call(local, seed):
            chance = random.Random(seed)
            for _ in range(CALLS):
                tenant, user = chance.choice(TENANTS), chance.choice(USERS)
                self.assertEqual(told_by_local(local, tenant, event_of("read", user)),
                                 {"tenant": tenant, "user": user, "version": 1})

        with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool, self.local(CALLERS) as local:
            list(pool.map(call, [local] * CALLERS, range(CALLERS)))
            self.assertLessEqual(max(self.profiles.asked.values()), len(local.environments()))
        self.assertEqual(len(self.profiles.asked), len(TENANTS) * len(USERS))

    def test_an_environment_of_another_tenant(self):
        wrong = ("Function.WrongTenant", "this environment belongs to another tenant")
        with self.start_of_one_tenant() as blue:
            first = told(blue, "blue", event_of("read", "alice"))
            for _ in range(2):
                self.assertEqual(told(blue, "green", event_of("read", "alice")), wrong)
                told(blue, "green", event_of("erase"))
                self.assertEqual(told(blue, "blue", event_of("read", "alice")), first)
        self.assertEqual(self.profiles.asked, {("blue", "alice"): 1})

    def test_bad_events(self):
        bad = {
            b"": "the event is not a JSON object",
            b"[]": "the event is not a JSON object",
            b'{"do":"read","do":"erase"}': "the event is not a JSON object",
            b'{"user":"alice"}': "do is neither",
            b'{"do":"forget","user":"alice"}': "do is neither",
            b'{"do":"read"}': "user is missing",
            b'{"do":"read","user":""}': "user is not a text",
            b'{"do":"erase","user":null}': "user is not a text",
            b'{"do":"read","user":"a\\u0000b"}': "the event is not a JSON object",
            b'{"do":"read","user":"%s"}' % (b"x" * 201): "user is not a text",
        }
        with self.start() as function:
            for event, message in bad.items():
                with self.subTest(event[:40]):
                    error_type, why = told(function, "blue", event)
                    self.assertEqual(error_type, "Function.BadRequest")
                    self.assertTrue(why.startswith(message), why)
            self.assertEqual(told(function, None, event_of("read", "alice")),
                             ("Function.NoTenant", "the invocation names no tenant"))
            self.assertEqual(told(function, "blue", event_of("read", "x" * 200)), NO_USER)
        self.assertEqual(self.profiles.asked, {("blue", "x" * 200): 1})

    def test_an_isolation_that_there_is_not(self):
        function = self.start(TENANT_ISOLATION="per tenant")
        self.addCleanup(function.close)
        answer = function.finish_invocation()
        self.assertEqual((answer.kind, answer.error_type), ("init", "Function.InitError"))
        self.assertIn("TENANT_ISOLATION is neither", answer.json()["errorMessage"])


if __name__ == "__main__":
    unittest.main()
