"""Every form in which a name says that a value is secret, and ordinary names and texts that stay visible."""

import json
import time
from typing import Any

import pytest

from planning.values.secret_names import is_secret_field
from planning.values.secret_parts import MARKER, hidden, secrets_in

SECRET = "Zq7CANARYx9Kd2"
KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----"

NAMES = (
    *("dbPass", "pw", "DB_PW", "pwd", "creds", "dbCreds", "otp", "hmac", "totpSeed", "passphrase", "pass-phrase"),
    *("pass word", "STRIPE_KEY", "ACME_KEY", "sendgridKey", "API_KEY", "apiKey", "X-Api-Key", "access_key"),
    *("PRIVATE_KEY", "secretKey", "STORAGE_KEY", "AccountKey", "ENCRYPTION_KEY", "signing-key", "routing_key"),
    *("routingKey", "integration_key", "PAT", "GITHUB_PAT", "githubPat", "DSN", "SENTRY_DSN", "connectionString"),
    *(
        "conn_str",
        "DB_CONN_STRING",
        "pass\u200bword",
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44",
        "pass\u00adword",
        "密码",
    ),
)

STRUCTURES: list[Any] = [
    {"password": {"prod": SECRET}},
    {"tokens": {"a": {"b": SECRET}}},
    {"passwords": [SECRET]},
    {"apiKeys": [{"id": SECRET}]},
    {"credentials": {"username": "shop", "pw": SECRET}},
    {"Name": "password", "Value": SECRET},
    {"NAME": "DB_PW", "VALUE": SECRET},
    {"k": "password", "v": SECRET},
    {"command": ["mysql", f"-p{SECRET}", "-P3306"]},
    {"command": ["/usr/bin/mysqldump"], "args": ["-u", "root", f"-p{SECRET}", "shop"]},
    {"command": ["redis-cli", "-a", SECRET, "ping"]},
    {"command": ["sshpass", "-p", SECRET, "ssh", "-p", "2222", "host"]},
    {"command": ["curl", "-u", f"shop:{SECRET}", "https://host/"]},
    {"args": ["--password", SECRET]},
]

TEXTS = [
    f"password: |\n  {SECRET}\nsite: east\n",
    f"a:\n  password: >-\n    {SECRET}\n  site: east\n",
    f"passwords:\n  - {SECRET}\nsite: east\n",
    f"passwords:\n- {SECRET}\nsite: east\n",
    f"password:\n  prod: {SECRET}\nsite: east\n",
    f"password     =     {SECRET}",
    f"password\t:\t{SECRET}",
    f'password := "{SECRET}"',
    f":password => '{SECRET}'",
    f"$password = '{SECRET}'",
    f'password = """{SECRET}"""\nsite = "east"',
    f"password = '''{SECRET}'''",
    f"<password><![CDATA[{SECRET}]]></password>",
    f'<password type="text">{SECRET}</password>',
    KEY,
    f"-----BEGIN PRIVATE KEY-----{SECRET}",
    f'{{\\"password\\":\\"{SECRET}\\"}}',
    f'{{\\\\\\"password\\\\\\":\\\\\\"{SECRET}\\\\\\"}}',
    f"machine host login shop password {SECRET}",
    f"machine host\n  login shop\n  password {SECRET}\n",
    f"CREATE USER a WITH PASSWORD '{SECRET}'",
    f"ALTER USER a IDENTIFIED BY '{SECRET}'",
    f"SET PASSWORD FOR a = PASSWORD('{SECRET}')",
    f"mysql -u root -p{SECRET} shop",
    f"redis-cli -h host -a {SECRET} ping",
    f"sshpass -p {SECRET} ssh -p 2222 host",
    f"curl -u shop:{SECRET} https://host/",
    f"login --password {SECRET}",
    f"https://{SECRET}@github.com/x",
    f"https://{SECRET}@o1.ingest.sentry.io/1",
    f"postgres://shop:{SECRET}@db/shop",
    f"https://host/#access_token={SECRET}",
    f"https://host/?%73ig={SECRET}",
    f"https://host/?pass%77ord={SECRET}",
    f"site=east&pass%77ord={SECRET}",
    f"Server=host;Pwd={SECRET};",
    f"AccountName=a;AccountKey={SECRET};",
    f"pass\u200bword={SECRET}",
    f"\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44={SECRET}",
]

ORDINARY = (
    *("sort_key", "SORT_KEY", "sortKey", "keyspace", "partition_key", "PARTITION_KEY", "primary_key", "primaryKey"),
    *(
        "foreign_key",
        "PUBLIC_KEY",
        "key",
        "KEY",
        "keys",
        "monkey",
        "author",
        "authors",
        "authority",
        "signal",
        "design",
    ),
    *("sign", "tokenizer", "tokenize", "passenger", "compass", "bypass", "proxy_pass", "secretary", "patch", "path"),
    *("pattern", "opinion", "pinned", "spin", "cookbook", "seed", "passwordless", "cacheKey", "CACHE_KEY", "labelKey"),
    *("topologyKey", "idempotencyKey", "secretName", "secretRef", "tokenPath", "passwordFile", "hmacAlgorithm"),
    *("encode", "signOff", "assign", "sass", "message", "keyboard", "turnkey", "donkey", "dsnFormat", "", "-"),
)

VISIBLE: list[Any] = [
    {"matchExpressions": [{"key": "app", "operator": "In", "values": ["shop"]}]},
    {"configMapKeyRef": {"name": "settings", "key": "token"}},
    {"passwordSecret": {"name": "db", "key": "password"}, "credentials": {"name": "db", "key": "password"}},
    {"password": {"valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}},
    {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 600}},
    {"secret": {"secretName": "db", "defaultMode": 420, "items": [{"key": "password", "path": "db"}]}},
    {"secrets": [{"name": "registry"}], "tokens": {"enabled": True, "ttl": "1h"}},
    {"properties": {"password": {"type": "string", "description": "of the database"}}},
    {"cookie": {"name": "session", "ttl": "0s"}, "auth": {"kind": "basic", "realm": "shop"}},
    {"k": "site", "v": "east"},
    {"command": ["mysql", "-P3306", "-p", "shop"], "args": ["-h", "host"]},
    {"command": ["ssh", "-p", "2222", "host"]},
    {"command": ["cp", "-a", "from", "to"]},
    {"command": ["mkdir", "-pv", "/data"]},
    "mysql -h host -P 3306 -p shop && mkdir -p /data",
    "redis-cli -h host ping; cp -a from to",
    "https://git@github.com/x",
    "ssh://deploy-user@host/x and postgres://shop_user@db/shop",
    "https://host/?site=east#top",
    "https://host/?si%74e=east",
    "description: |\n  many lines\n  about the password\nsite: east\n",
    "keys:\n  - app\n  - site\nsort:\n  key: name\n",
    "secret:\n  secretName: db\n  items:\n    - key: password\n      path: db\n",
    "<site><![CDATA[east]]></site>",
    "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----",
    "$site = 'east'; sort_key := 'name'; :author => 'me'",
    "CREATE TABLE a (id INT PRIMARY KEY, sort_key TEXT DEFAULT 'x')",
    "password: |\n  $(params.password)\n",
    "site=e%61st&page=1",
    "\uff53\uff49\uff54\uff45=\uff45\uff41\uff53\uff54",
    "the author's design: a signal for the passenger, a compass for the monkey",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_says_secret(name: str) -> None:
    assert is_secret_field(name)
    assert secrets_in({name: SECRET}) == [SECRET]
    assert secrets_in({"name": name, "value": SECRET}) == [SECRET]


@pytest.mark.parametrize("value", [*STRUCTURES, *TEXTS, *({"data": {"file": text}} for text in TEXTS)], ids=ascii)
def test_each_form_is_hidden_and_nothing_beside_it(value: Any) -> None:
    assert secrets_in(value) == [SECRET]
    once = hidden(value, lambda _: MARKER)
    assert SECRET not in json.dumps(once)
    assert hidden(once, lambda _: MARKER) == once


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_name(name: str) -> None:
    assert not is_secret_field(name)
    assert secrets_in({name: "east"}) == []


@pytest.mark.parametrize("value", VISIBLE, ids=ascii)
def test_what_is_ordinary_stays_visible(value: Any) -> None:
    assert secrets_in(value) == []
    assert hidden(value, lambda _: MARKER) == value


@pytest.mark.parametrize(
    "unit",
    [
        *("mysql ", "mysql '", 'mysql " ; ', "password: |\n", "passwords:\n ", "password: |\n  a\n", "- ", "a:\n"),
        *("-----BEGIN PRIVATE KEY-----", '"""', 'password="""', "<a><![CDATA[", "<a ", "$a = ", "login a ", "\\"),
        *("identified with ", "password (", "a%41=", "http://a@", "http://a:@", "#a=", "ﷺ", "pass\u200b", "A_", "aA"),
        *('password="\\', "password = ", "a         ", "sshpass -p ", "-p", "=", "login password "),
    ],
)
def test_no_form_takes_long(unit: str) -> None:
    begin = time.process_time()
    hidden(unit * (250_000 // len(unit)), lambda _: MARKER)
    hidden({unit * (250_000 // len(unit)): "a"}, lambda _: MARKER)
    assert time.process_time() - begin < 2
