"""On PYTHONPATH, lets the library give up soon: for tests of what it says in the end."""

from functools import partialmethod

from mailgun_tracking import client, provider

SECONDS = 1.5

client.FIRST_CONTACT_DEADLINE = SECONDS
provider.CHECK_DEADLINE = SECONDS
provider.GONE_AFTER = SECONDS
provider.GONE_INTERVAL = SECONDS / 3
client.MailgunClient.__init__ = partialmethod(  # type: ignore[assignment, method-assign]
    client.MailgunClient.__init__, deadline=SECONDS
)
