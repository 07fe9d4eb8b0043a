"""The record of an office: its database, the same for the command line, the pages and the head-end."""
