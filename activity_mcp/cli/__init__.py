"""The commands: ``commands`` reads any command line, ``plain`` those that scripts repeat."""
