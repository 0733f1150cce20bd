"""What users get wrong, as they write it; the snapshots of `test_bad_inputs` hold the answers.

`KEY` stands for an API key that was pasted into the wrong place.
"""

from __future__ import annotations

KEY = "key-0123456789abcdef0123456789abcdef"

SETTINGS: dict[str, list[str]] = {
    "domain": [
        "None",
        "7",
        '""',
        '"localhost"',
        '"mg..example.com"',
        '"mg example.com"',
        '"a" * 64 + ".example.com"',
        '".".join(["a" * 60] * 5)',
        '"mg.xn--zz.example"',
        '"https://mg.example.com"',
    ],
    "region": ['"mars"', '""', '"us-east-1"', "5", "True", '["us"]', '{"a": 1}', '"eu "', "KEY"],
    "account": ['""', '"a b"', '"ä"', "7", '"-b"', '"0123456789abcdef" * 2', '["a"]', "KEY"],
    "subaccount": ['"a/b"', "7", '"ä"', '"a b"', '["a"]', '"a\\n"', "False"],
    "open": [
        '"yes"',
        "1",
        '"htmlonly"',
        '["x"]',
        '{"actve": True}',
        '{"active": "true"}',
        '{"active": 1}',
        '{"place_at_the_top": "no"}',
        'OpenTrackingArgs(active=["on"])',
        '{"active": "on", "top": True, "place_at_the_top": 0}',
    ],
    "click": [
        '"html"',
        '"true"',
        "0",
        '{"active": "HTMLONLY"}',
        '{"activ": True}',
        '{"active": {}}',
        'ClickTrackingArgs(active="yes")',
        '["htmlonly"]',
        "1.5",
        "KEY",
    ],
    "unsubscribe": [
        '"bye"',
        '{"html_footer": True}',
        '{"text_footer": 5}',
        '{"html_footer": ["x"]}',
        '{"htmlFooter": "x"}',
        '{"active": "no"}',
        "UnsubscribeTrackingArgs(active=1)",
        '["x"]',
        '{"footer": "x"}',
        "KEY",
    ],
    "web_scheme": ['"ftp"', '"HTTPS"', '""', "True", "443", '["https"]', '" https"', "KEY"],
    "web_prefix": [
        '"a.b"',
        '""',
        '"-a"',
        '"Email"',
        '"a" * 64',
        '"ü"',
        "7",
        "True",
        '["email"]',
        "KEY + '!'",
    ],
    "https_by": ['"cloudflare"', '""', "True", "7", '["proxy"]', '"Mailgun"', "KEY"],
}
"""Arguments of `DomainTracking`. The n-th of each go into one program."""

CERTIFICATE: dict[str, list[str]] = {
    "tracking_domain": [
        "None",
        '"10.0.0.1"',
        '"email.mg.example.com:443"',
        '"email.mg.exa☃\\u200bmple.com"',
        '"-email.mg.example.com"',
        '{"a": 1}',
        "KEY",
    ],
    "wait": ['"yes"', "1", "0", '["x"]', '{"a": 1}', '"false"', "KEY"],
    "timeout": ["0", "-1", '"600"', "True", '["x"]', '{"a": 1}', "KEY"],
    "move_domain": ['"no"', "1", "0.5", '["x"]', '{"a": 1}', '"True"', "KEY"],
    "account": ['"a/b"'],
    "region": ['"ca"'],
}
"""Arguments of `TrackingCertificate`."""

CALLS = [
    # The resource's name and options.
    'DomainTracking("", "mg.example.com")',
    'DomainTracking(None, "mg.example.com")',
    'DomainTracking(5, "mg.example.com")',
    'DomainTracking("a\\ud800", "mg.example.com")',
    'TrackingCertificate("", "email.mg.example.com")',
    'HttpsTracking("", "mg.example.com")',
    'DomainTracking("a", "mg.example.com", opts="protect")',
    'DomainTracking("a", "mg.example.com", opts={"protect": True})',
    'TrackingCertificate("a", "email.mg.example.com", opts=[])',
    'HttpsTracking("a", "mg.example.com", opts=True)',
    'DomainTracking("a", "mg.example.com", opts=Options(ignore_changes="click"))',
    'DomainTracking("a", "mg.example.com", opts=Options(ignore_changes=[1]))',
    'DomainTracking("a", "mg.example.com", opts=Options(ignore_changes=5))',
    'DomainTracking("a", "mg.example.com", opts=Options(replace_on_changes="click"))',
    'DomainTracking("a", "mg.example.com", opts=Options(additional_secret_outputs="open"))',
    'HttpsTracking("a", "mg.example.com", opts=Options(ignore_changes="click"))',
    'DomainTracking("a", "mg.example.com", opts=Options(parent="component"))',
    'HttpsTracking("a", "mg.example.com", opts=Options(parent=5))',
    'DomainTracking("a", "mg.example.com", opts=Options(import_="mg.example.com"))',
    'TrackingCertificate("a", "email.mg.example.com", opts=Options(import_="x"))',
    # Values that cannot be sent to the engine.
    'DomainTracking("a", b"mg.example.com")',
    'DomainTracking("a", object())',
    'DomainTracking("a", {"mg.example.com"})',
    'DomainTracking("a", "mg.\\ud800.com")',
    'DomainTracking("a", "mg.example.com", open={"active": b"yes"})',
    'DomainTracking("a", "mg.example.com", open=b"yes")',
    'DomainTracking("a", "mg.example.com", open={1: True})',
    'DomainTracking("a", "mg.example.com", click=object())',
    'DomainTracking("a", "mg.example.com", click=ClickTrackingArgs(active=print))',
    'DomainTracking("a", "mg.example.com", click=10**400)',
    'DomainTracking("a", "mg.example.com", unsubscribe={"html_footer": "\\udc80"})',
    'DomainTracking("a", "mg.example.com", unsubscribe={"text_footer": b"bye"})',
    'DomainTracking("a", "mg.example.com", unsubscribe={"html_footer": {"x"}})',
    'DomainTracking("a", "mg.example.com", web_prefix=b"email")',
    'DomainTracking("a", "mg.example.com", account=KEY.encode())',
    'DomainTracking("a", "mg.example.com", region=range(2))',
    'DomainTracking("a", "mg.example.com", web_scheme=float("nan"))',
    'TrackingCertificate("a", b"email.mg.example.com")',
    'TrackingCertificate("a", "email.mg.example.com", timeout=10**400)',
    'TrackingCertificate("a", "email.mg.example.com", timeout=float("nan"))',
    'TrackingCertificate("a", "email.mg.example.com", timeout=float("inf"))',
    'TrackingCertificate("a", "email.mg.example.com", timeout=b"600")',
    'TrackingCertificate("a", "email.mg.example.com", wait=object())',
    'TrackingCertificate("a", "email.mg.example.com", move_domain=b"")',
    # `HttpsTracking` itself.
    'HttpsTracking("a", b"mg.example.com")',
    'HttpsTracking("a", "mg.example.com", delete_record="false")',
    'HttpsTracking("a", "mg.example.com", delete_record="")',
    'HttpsTracking("a", "mg.example.com", delete_record=0)',
    'HttpsTracking("a", "mg.example.com", delete_record=None)',
    'HttpsTracking("a", "mg.example.com", delete_record=pulumi.Output.from_input(True))',
    'HttpsTracking("a", "mg.example.com", timeout=10**400)',
    'HttpsTracking("a", "mg.example.com", web_prefix=b"links")',
    'HttpsTracking("b1", "mg.example.com", cname="mailgun.org")',
    'HttpsTracking("b2", "mg.example.com", cname=lambda record: None)',
    'HttpsTracking("b3", "mg.example.com", cname=lambda record, opts: None)',
    'HttpsTracking("b4", "mg.example.com", cname=lambda record, opts: "a record")',
    'HttpsTracking("b5", "mg.example.com", cname=lambda record, opts: 1 / 0)',
    # IDs.
    'DomainTracking.get("a", "")',
    'DomainTracking.get("a", None)',
    'DomainTracking.get("a", 5)',
    'DomainTracking.get("a", b"mg.example.com")',
    'DomainTracking.get("a", "asia/mg.example.com")',
    'DomainTracking.get("a", "eu/sub/more/mg.example.com")',
    'DomainTracking.get("a", "us/a b/mg.example.com")',
    'DomainTracking.get("a", "localhost")',
    'DomainTracking.get("a", "mg.xn--zz.example")',
    'DomainTracking.get("a", KEY)',
    'DomainTracking.get("", "mg.example.com")',
    'DomainTracking.get("a", "mg.example.com", account=b"brand-b")',
    'DomainTracking.get("a", "mg.example.com", opts="protect")',
    'TrackingCertificate.get("a", "")',
    'TrackingCertificate.get("a", "us//")',
    'TrackingCertificate.get("a", ["email.mg.example.com"])',
    # Lookups.
    'get_domain_tracking("")',
    "get_domain_tracking(None)",
    "get_domain_tracking(5)",
    'get_domain_tracking(b"mg.example.com")',
    'get_domain_tracking("mg.\\ud800.com")',
    "get_domain_tracking(KEY)",
    'get_domain_tracking("mg.example.com", region="mars")',
    'get_domain_tracking("mg.example.com", region=5)',
    'get_domain_tracking("mg.example.com", account=KEY)',
    'get_domain_tracking("mg.example.com", account="nobody")',
    'get_domain_tracking("mg.example.com", subaccount="a/b")',
    'get_tracking_domain("mg example com")',
    'get_tracking_domain("nowhere.example.com")',
    'get_tracking_domain("mg.example.com", account=["a"])',
    'get_tracking_certificate("")',
    'get_tracking_certificate("email.nowhere.example.com")',
    "get_tracking_certificate(object())",
]
"""Calls that raise in the program."""

CONFIGURATIONS: list[dict[str, str]] = [
    *({"mailgun-tracking:region": value} for value in ("mars", "5", "true", '{"a": 1}', KEY)),
    *(
        {"mailgun-tracking:requestsPerMinute": value}
        for value in ("0", "-1", "1.5", "many", "1e9", "100000", "true", '{"a": 1}')
    ),
    *({"mailgun-tracking:subaccount": value} for value in ("a b", "a/b", "ä", '{"a": 1}')),
    *(
        {"mailgun-tracking:accounts": value}
        for value in (
            "not json",
            "[1]",
            '"text"',
            "7",
            "null",
            "{}",
            '{"brand-b": ""}',
            '{"other": "k"}',
        )
    ),
    *(
        {"mailgun-tracking:baseUrl": value}
        for value in (
            "api.mailgun.net",
            "ftp://mailgun.example.com",
            "http://mailgun.example.com",
            "http://10.0.0.1:8025",
            f"https://api:{KEY}@mailgun.example.com",
            f"https://mailgun.example.com/?key={KEY}",
            "https://mailgun.example.com/#v3",
            "https://mailgun.example.com:port",
            "https://mailgun.example.com:99999",
            "https://mailgun.example.com/{zone}",
            "https://mailgun example.com",
            "https://" + "a" * 64 + ".example.com",
            "https://" + ".".join(["a" * 60] * 5),
            "https://xn--zz.example.com",
            "https://xn--.example.com",
            "https://",
            "https://[::1",
            "https://*.example.com",
            "https://api.eu.mailgun.net",
            "{region}",
            KEY,
        )
    ),
    *(
        {"mailgun-tracking:nameserver": value}
        for value in ("https://dns.example", "192.0.2.53:dns", "::1", "a b", "a" * 64)
    ),
    {"mailgun:apiKey": " "},
    {"MAILGUN_REGION": "mars"},
    {"MAILGUN_SUBACCOUNT": "a b"},
    {"MAILGUN_REQUESTS_PER_MINUTE": "many"},
    {"MAILGUN_BASE_URL": "mailgun"},
    {"MAILGUN_API_KEY": ""},
]
"""Settings, each used alone: of the stack's configuration, or of the environment."""

PROGRAMS = {
    "not caught": 'HttpsTracking("mg", "mg.example.com", delete_record="false")',
    "a domain of an output": 'DomainTracking("mg", pulumi.Output.from_input(b"mg.example.com"))',
    "a footer of an output": """
        footer = pulumi.Output.secret("\\ud800")
        DomainTracking("mg", "mg.example.com", unsubscribe={"html_footer": footer})
    """,
    "an ID of an output": 'DomainTracking.get("mg", pulumi.Output.from_input("mg"))',
    "a domain that is none": 'HttpsTracking("mg", "mg")',
    "a lookup of outputs": 'get_domain_tracking_output(pulumi.Output.from_input("mg"))',
    "a wrong zone": """
        mg = HttpsTracking("mg", "mg.example.com")
        pulumi.export("record", mg.record.relative_to("example.org"))
    """,
}
"""Whole programs: what Pulumi shows where the program catches nothing, or later."""
