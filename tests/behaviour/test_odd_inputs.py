"""Odd but good inputs reach Mailgun byte for byte, and stay as they are."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, calls, puts

LINK = "%unsubscribe_url%"
FOOTERS = {
    "emoji": f"👋🏽👩‍👩‍👧 {LINK}",
    "right-to-left": f"<p dir='rtl'>‏إلغاء الاشتراك {LINK}‎</p>",
    "zero-width": f"a\u200bb\u200c\u200d\ufeffc {LINK}",
    "combining": f"Zu\u0308rich, Zürich {LINK}",
    "astral": f"\U0010fffd\U0001d518 {LINK}",
    "separators": f"a\u2028b\u2029c\x85d {LINK}",
    "crlf": f"<p>\r\n{LINK}\r\n</p>",
    "mixed-line-ends": f"a\nb\r\nc\rd {LINK}",
    "blanks-around": f"  \t\n{LINK}\n\n ",
    "quotes": f"\"double\" 'single' `back` \\slash\\ {LINK}",
    "jinja": f"{{{{ name }}}} {{% if x %}} ${{var}} {LINK}",
    "variables": f"%recipient% %recipient.name% 100% %% %s {LINK}",
    "escapes": f"&amp; %2F %0A + a=b&c=d; \\n \\u0041 {LINK}",
    "multipart": f'--boundary\r\nContent-Disposition: form-data; name="active"\r\n\r\nyes {LINK}',
    "html": f"<!-- --><a href=\"{LINK}\" title='>'>x</a><script>1<2</script>",
    "looks-like-true": "true",
    "looks-like-null": "null",
    "looks-like-json": '{"active": false}',
    "control": f"a\x01\x1b[31mb\x7f {LINK}",
    "long": f"{'lorem ipsum ' * 8500}{LINK}",
    "one": ".",
    "empty": "",
}
"""By name of the domain's first label."""

LONG = ".".join([*["b" * 49] * 4, "b" * 47])
"""As long as a domain can be whose tracking domain, `email.` and this, is one as well."""

SPELLINGS = {
    "upper": ("UPPER.Example.COM", "upper.example.com"),
    "dot": ("dot.example.com.", "dot.example.com"),
    "blanks": (" blanks.example.com ", "blanks.example.com"),
    "idn": ("mg.bücher.example", "mg.xn--bcher-kva.example"),
    "punycode": ("mg.xn--r8jz45g.example", "mg.xn--r8jz45g.example"),
    "wide": ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
    "emoji": ("xn--i-7iq.example", "xn--i-7iq.example"),
    "digits": ("1.2.3.example", "1.2.3.example"),
    "label": (f"{'a' * 63}.example", f"{'a' * 63}.example"),
    "long": (LONG, LONG),
}
"""By resource: how the program writes a domain, and its name at Mailgun."""


@pytest.mark.behaviour(92)
def test_odd_inputs(mail: MailFactory, emulator: Emulator) -> None:
    """Footers, spellings of domains, prefixes and regions, and names of resources."""
    for name in FOOTERS:
        emulator.add_domain(f"{name}.example.com")
    for _, domain in SPELLINGS.values():
        emulator.add_domain(domain)
    stack = mail(
        f"""
        for name, footer in {FOOTERS!r}.items():
            section = {{"html_footer": footer, "text_footer": pulumi.Output.secret(footer)}}
            DomainTracking(name, name + ".example.com", unsubscribe=section)
        for name, (domain, _) in {SPELLINGS!r}.items():
            DomainTracking("spelled " + name, domain, click="htmlonly")
        DomainTracking("Ünïcode/ñ 👋", "mg.example.com", region="US", web_prefix="a" * 63)
        DomainTracking("x" * 100, "eu.example.com", region="Eu", web_prefix="0-1")
        """
    )
    stack.up()
    forms = {r.path.split("/")[3]: r.form for r in emulator.requests if r.method == "PUT"}
    for name, footer in FOOTERS.items():
        sent = forms[f"{name}.example.com"]
        assert sent == {"html_footer": footer, "text_footer": footer}, name
        assert emulator.domain(f"{name}.example.com").unsubscribe["html_footer"] == footer, name
    for name, (_, domain) in SPELLINGS.items():
        assert emulator.domain(domain).click["active"] == "htmlonly", name
    assert emulator.domain("mg.example.com").web_prefix == "a" * 63
    assert emulator.domain("eu.example.com", region="eu").web_prefix == "0-1"

    emulator.forget_requests()
    stack.preview("--expect-no-changes")
    assert calls(emulator) == []
    stack.up("--refresh", "--expect-no-changes")
    assert puts(emulator) == []
