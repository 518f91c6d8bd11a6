"""Challenges, addresses and references as values: by table, and by property."""

import contextlib
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import InsecureProtocol, InvalidName
from backend.registry.addresses import is_inside
from backend.registry.challenge import Challenge
from backend.registry.reference import Reference, joined, origin


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            'Bearer realm="https://x/token",service="x",scope="repository:a/b:pull"',
            Challenge("https://x/token", "x", "repository:a/b:pull"),
        ),
        (
            'bearer  scope="a:b:pull,push c:d:pull" , realm="https://x/t"',
            Challenge("https://x/t", "", "a:b:pull,push c:d:pull"),
        ),
        ("Bearer realm=https://x/t,service=y", Challenge("https://x/t", "y", "")),
        ('Bearer Realm="https://x/t"', Challenge("https://x/t")),
        ('Basic realm="https://x/t"', None),
        ("Bearer", None),
        ("", None),
        ('Bearer service="x"', None),
        ('Bearer realm=""', None),
        ('Bearer surrealm="https://x"', None),
    ],
)
def test_a_challenge_is_read(header: str, expected: Challenge | None) -> None:
    assert Challenge.parse(header) == expected


@given(st.text(max_size=300))
def test_any_header_is_a_challenge_or_none(header: str) -> None:
    for text in (header, f"Bearer {header}", f'Bearer realm="{header}'):
        found = Challenge.parse(text)
        assert found is None or found.realm


def test_the_question_has_every_scope_sorted_keys_and_what_the_realm_said() -> None:
    challenge = Challenge("https://x:5/t?z=1&a=b%20c#no", "a service", "one:a:pull two:b:push")
    url = challenge.url(now=1700000000.9, nonce="n0nce")
    assert url == (
        "https://x:5/t?a=b+c&nonce=n0nce&scope=one%3Aa%3Apull&scope=two%3Ab%3Apush"
        "&service=a+service&ts=1700000000&z=1"
    )
    assert parse_qs(urlsplit(url).query)["scope"] == ["one:a:pull", "two:b:push"]


def test_no_two_questions_are_the_same() -> None:
    challenge = Challenge("https://x/t")
    assert challenge.url(now=0) != challenge.url(now=0)


@pytest.mark.parametrize(
    ("text", "insecure", "url"),
    [
        ("llama3", False, "https://registry.ollama.ai/v2/library/llama3/blobs"),
        ("me/x:7b", False, "https://registry.ollama.ai/v2/me/x/blobs"),
        ("me/x:7b", True, "http://registry.ollama.ai/v2/me/x/blobs"),
        ("https://h:1/a/b", True, "https://h:1/v2/a/b/blobs"),
        ("HTTP://h/a/b", True, "http://h/v2/a/b/blobs"),
        (" h:5000/a/b:c ", False, "https://h:5000/v2/a/b/blobs"),
        ("x:local", False, "https://registry.ollama.ai/v2/library/x/blobs"),
    ],
)
def test_a_name_has_its_address(text: str, insecure: bool, url: str) -> None:
    assert Reference.parse(text, insecure=insecure).url("blobs") == url


@pytest.mark.parametrize(
    "text", ["", ":", "a//b", "ftp://h/a/b", "://h/a/b", "a:b:c/d/e", "h:99999/a/b"]
)
def test_what_has_no_address_is_no_name(text: str) -> None:
    with pytest.raises(InvalidName):
        Reference.parse(text)


def test_plain_http_is_refused_unless_allowed() -> None:
    with pytest.raises(InsecureProtocol, match=r"^insecure protocol http$"):
        Reference.parse("http://h/a/b")


@given(st.text(max_size=60), st.booleans())
def test_any_text_is_a_reference_or_a_known_error(text: str, insecure: bool) -> None:
    with contextlib.suppress(InvalidName, InsecureProtocol):
        reference = Reference.parse(text, insecure=insecure)
        parts = urlsplit(reference.url("manifests", reference.name.tag))
        assert parts.hostname
        assert parts.path.count("/") == 5
        assert reference.owns(reference.url("blobs"))


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://h/anything", True),
        ("https://H:443/anything", True),
        ("https://h:8443/", False),
        ("http://h/", False),
        ("https://h.evil/", False),
        ("https://h@evil/", False),
        ("https://evil@h/", False),
        ("https://evil/h/", False),
        ("//h/x", False),
        ("https://[::1/", False),
        ("https://h:port/", False),
        ("", False),
    ],
)
def test_a_registry_owns_its_own_addresses_only(url: str, own: bool) -> None:
    assert Reference.parse("h/a/b").owns(url) is own


def test_the_hub_has_two_names_and_no_other_registry_has() -> None:
    assert Reference.parse("hf.co/a/b").owns("https://huggingface.co/v2/token")
    assert not Reference.parse("hf.co/a/b").owns("http://huggingface.co/v2/token")
    assert not Reference.parse("hf.co/a/b").owns("https://cdn.huggingface.co/")
    assert not Reference.parse("huggingface.co/a/b").owns("https://hf.co/")
    assert not Reference.parse("h/a/b").owns("https://huggingface.co/")


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST.", "a.localhost", "nas.local", "x.internal", "127.0.0.1",
        "127.9.9.9", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "10.1.2.3", "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "[::1]", "[::]", "[fe80::1]", "[fc00::1]",
        "[::ffff:127.0.0.1]",
    ],
)  # fmt: skip
def test_this_network_is_inside(host: str) -> None:
    assert is_inside(f"http://{host}:80/x")


@pytest.mark.parametrize("host", ["hf.co", "8.8.8.8", "[2606:4700::1]", "local.example", "10.com"])
def test_the_world_is_outside(host: str) -> None:
    assert not is_inside(f"https://{host}/x")


def test_what_is_no_address_leads_nowhere() -> None:
    assert joined("https://h/a", "https://[bad") == ""
    assert joined("https://h/a/b", "../c?d=e") == "https://h/c?d=e"
    assert origin("https://h:0x1/") is None
    assert is_inside("https://[bad")
