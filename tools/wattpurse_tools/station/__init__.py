"""The vending station: cards, tokens, receipts and reports on the office's record.

The record's models need Django's settings when they are imported. A program that has set none gets those of the office
in use.
"""

from wattpurse_tools.record.office_folder import configure, folder_of

configure(folder_of())
