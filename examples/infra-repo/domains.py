"""The sending domains, by the kind of mail that they send."""

NEWS = {
    "click": "htmlonly",
    "open": {"active": True, "place_at_the_top": True},
    "unsubscribe": {
        "active": True,
        "html_footer": '<p><a href="%unsubscribe_url%">Unsubscribe</a></p>',
        "text_footer": "To unsubscribe: <%unsubscribe_url%>",
    },
}
NOTIFY = {"click": "htmlonly", "open": False, "unsubscribe": False}
SYSTEM = {"click": False, "open": False, "unsubscribe": False}

DOMAINS = {
    "events.news.example.com": NEWS,
    "offers.news.example.com": NEWS,
    "product.news.example.com": NEWS,
    "weekly.news.example.com": NEWS,
    "eu.news.example.com": {**NEWS, "region": "eu"},
    "alerts.notify.example.com": NOTIFY,
    "app.notify.example.com": NOTIFY,
    "support.notify.example.com": NOTIFY,
    "eu.notify.example.com": {**NOTIFY, "region": "eu"},
    "login.system.example.com": SYSTEM,
    "receipts.system.example.com": SYSTEM,
    "eu.system.example.com": {**SYSTEM, "region": "eu"},
}
