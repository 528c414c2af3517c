"""`coaching`: the command line. No rule about data lives here."""
