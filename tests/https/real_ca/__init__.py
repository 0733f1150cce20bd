"""Connects the emulator to a real DNS server and a real certificate authority.

`emulator.AcmeEmulator` is the entry point. It only uses what `mailgun_tracking.emulator.Emulator`
offers everyone: an `Issuer`, and a function that checks CNAME records.
"""
